/** What goes wrong in a cluster while clients use it: the table of faults. */
import { Buffer } from "node:buffer";
import type { Bytes } from "../../protocol/bytes.ts";
import type { Cluster } from "../../scripts/cluster/cluster.ts";
import type { ClusterNode } from "../../scripts/cluster/cluster_node.ts";
import type { RelayState } from "../../scripts/cluster/engine_relay.ts";
import type { Dice } from "../support/v3/fuzz.ts";

/** Ends a fault. */
export type Heal = () => Promise<void>;

export interface ClusterFault {
  readonly name: string;
  /** How long it lasts, at most, in milliseconds. */
  readonly maxMs: number;
  /** The engine that it stops for all servers. */
  readonly engine?: "database" | "object store" | undefined;
  begin(cluster: Cluster, dice: Dice): Promise<Heal>;
}

/** Longer than a lease of 15 seconds and its takeover. */
const LONG_MS = 24_000;
const SHORT_MS = 8_000;
/** The commits that pass before the one that is hit, at most. */
const MAX_COMMITS = 40;
/** The most time to wait for that commit, in milliseconds, when nothing is stored. */
const COMMIT_WAIT_MS = 5000;
/** The most time for a commit to arrive at the database, in milliseconds. */
const ARRIVAL_MS = 4;
const NOTHING_TO_HEAL: Heal = () => Promise.resolve();

const DATABASE = { engine: "database", maxMs: SHORT_MS } as const;
const OBJECT_STORE = { engine: "object store", maxMs: SHORT_MS } as const;

export const CLUSTER_FAULTS: readonly ClusterFault[] = [
  { name: "a server killed", maxMs: SHORT_MS, begin: signalled("SIGKILL") },
  { name: "a server stopped and started", maxMs: SHORT_MS, begin: signalled("SIGTERM") },
  { name: "a server paused for a moment", maxMs: 3000, begin: paused },
  { name: "a server paused until its lease has ended", maxMs: LONG_MS, begin: paused },
  { name: "a server cut off from the database", maxMs: LONG_MS, begin: away("cut", "postgres") },
  {
    name: "a server cut off from the object store",
    ...{ maxMs: SHORT_MS, begin: away("cut", "objects") },
  },
  {
    name: "a server cut off from both",
    ...{ maxMs: LONG_MS, begin: away("cut", "postgres", "objects") },
  },
  {
    name: "a database that is silent to a server",
    maxMs: LONG_MS,
    begin: away("silent", "postgres"),
  },
  {
    name: "an object store that is silent to a server",
    ...{ maxMs: SHORT_MS, begin: away("silent", "objects") },
  },
  { name: "the database restarted", ...DATABASE, begin: databaseStopped("SIGINT") },
  { name: "the database crashed", ...DATABASE, begin: databaseStopped("SIGQUIT") },
  {
    name: "the database crashed at a commit",
    ...{ ...DATABASE, maxMs: 2000, begin: databaseCrashedAtCommit },
  },
  { name: "a commit without an answer", ...DATABASE, maxMs: 2000, begin: commitUnanswered },
  {
    name: "the object store killed and started",
    ...{ ...OBJECT_STORE, begin: storeKilled("proxy", "object", "container", "account") },
  },
  { name: "a part of the object store killed", ...OBJECT_STORE, begin: storeKilled("object") },
];

/** One of the servers that serve clients. */
function anyServer({ nodes }: Cluster, dice: Dice): ClusterNode {
  const serving = nodes.filter(({ isListening }) => isListening);
  return dice.pick(serving.length > 0 ? serving : nodes);
}

function signalled(signal: "SIGKILL" | "SIGTERM"): ClusterFault["begin"] {
  return (cluster, dice) => {
    anyServer(cluster, dice).signal(signal);
    return Promise.resolve(NOTHING_TO_HEAL);
  };
}

function paused(cluster: Cluster, dice: Dice): Promise<Heal> {
  const server = anyServer(cluster, dice);
  server.signal("SIGSTOP");
  return Promise.resolve(() => Promise.resolve(server.signal("SIGCONT")));
}

function away(
  state: RelayState,
  ...engines: readonly ("postgres" | "objects")[]
): ClusterFault["begin"] {
  return (cluster, dice) => {
    const server = anyServer(cluster, dice);
    const relays = engines.map((engine) => server.relays[engine]);
    for (const relay of relays) relay.state = state;
    return Promise.resolve(() => {
      for (const relay of relays) relay.state = "open";
      return Promise.resolve();
    });
  };
}

function databaseStopped(signal: "SIGINT" | "SIGQUIT"): ClusterFault["begin"] {
  return async ({ postgres }) => {
    await postgres.stop(signal);
    return () => postgres.restart();
  };
}

async function databaseCrashedAtCommit(cluster: Cluster, dice: Dice): Promise<Heal> {
  await commitOf(cluster, dice, "pass");
  await new Promise((resolve) => setTimeout(resolve, dice.roll(ARRIVAL_MS)));
  await cluster.postgres.stop("SIGQUIT");
  return () => cluster.postgres.restart();
}

async function commitUnanswered(cluster: Cluster, dice: Dice): Promise<Heal> {
  await commitOf(cluster, dice, "cut");
  return NOTHING_TO_HEAL;
}

/** Waits until a server sends a commit to the database, and passes it on. */
async function commitOf({ nodes }: Cluster, dice: Dice, then: "pass" | "cut"): Promise<void> {
  const sent = Promise.withResolvers<void>();
  let left = dice.roll(MAX_COMMITS);
  const timer = setTimeout(sent.resolve, COMMIT_WAIT_MS);
  const watch = (bytes: Bytes) => {
    if (!isCommit(bytes) || left-- > 0) return "pass";
    for (const { relays } of nodes) relays.postgres.watch(() => "pass");
    sent.resolve();
    return then;
  };
  for (const { relays } of nodes) relays.postgres.watch(watch);
  await sent.promise;
  for (const { relays } of nodes) relays.postgres.watch(() => "pass");
  clearTimeout(timer);
}

function isCommit({ buffer, byteOffset, length }: Bytes): boolean {
  return Buffer.from(buffer, byteOffset, length).includes("COMMIT\0");
}

function storeKilled(
  ...servers: readonly ("proxy" | "object" | "container" | "account")[]
): ClusterFault["begin"] {
  return async ({ swift }) => {
    await swift.kill(...servers);
    return () => swift.restart(...servers);
  };
}
