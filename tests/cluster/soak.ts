/**
 * Clients of both protocols store, overwrite, rename, remove and download files at a cluster, while its parts fail. Then
 * every confirmed file is there and whole, every other one absent, and nothing is left over.
 */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { NetworkError, RefusedError } from "../../protocol/errors.ts";
import type { Cluster } from "../../scripts/cluster/cluster.ts";
import { PRINTED } from "../../scripts/cluster/cluster_node.ts";
import { Actor, Lost, Refused } from "../faults/actor.ts";
import type { Loop } from "../faults/loop.ts";
import { actAtRandom } from "../faults/random_work.ts";
import { SecureActor } from "../faults/secure_actor.ts";
import type { Dice } from "../support/v3/fuzz.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { leftoversOf, readCluster } from "./cluster_contents.ts";
import { CLUSTER_FAULTS, type ClusterFault, type Heal } from "./cluster_faults.ts";
import { CommandClient } from "./command_client.ts";

const CLIENTS_3 = ["Alice", "Bob", "Chloe", "Ivan"] as const;
const CLIENTS_4 = ["Dave", "Erin", "Frank"] as const;
const COMMANDS = ["Grace", "Heidi"] as const;
/** The wait of a client for an answer: longer than any fault, after which a server answers or ends the connection. */
const RESPONSE_MS = 120_000;
/** The pause of a client whose connection was lost, in milliseconds. */
const AGAIN_MS = 300;
/** The most attempts of a client to begin, before the first fault: the machine can be busy. */
const MAX_BEGINNINGS = 20;
/** The time between two faults, at most, in milliseconds. */
const CALM_MS = 3000;
/** Faults in a round, at most. Each can begin before the one before has ended. */
const MAX_FAULTS = 4;
/** The most time until a server has removed what killed ones left, in milliseconds. */
const SWEEP_MS = 300_000;
const LOOK_MS = 500;
/** Refusals by which a server says that it cannot do something now. */
const FOR_NOW = ["busy", "unavailable", "over-limit"];
/** Errors that no fault explains: something stored is missing or damaged, or the program has a mistake. */
const SERIOUS = [
  ...["store.differs", "store.missing", "store.changed", "file.damaged"],
  ...["internal", PRINTED],
];

/** A client in a round: what it does, and whether it can continue after a loss. */
interface SoakClient {
  readonly name: string;
  readonly isCertain: boolean;
  /** Connects, does something several times, and disconnects. */
  act(dice: Dice, isOn: () => boolean, count: (what: string) => void): Promise<void>;
  settle(found?: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): void;
}

/** Runs rounds until the loop ends. */
export async function soakCluster(cluster: Cluster, loop: Loop): Promise<void> {
  await using folder = await TemporaryFolder.createOnDisk();
  const clients = await gather(cluster, folder);
  // Over protocol 3, a name whose registration was not answered cannot be registered again for some minutes.
  for (const client of clients) await begin(client, loop);
  while (loop.next()) {
    await round(cluster, clients, loop);
    loop.count("rounds compared");
  }
  await assertSwept(cluster);
  assertNothingSerious(cluster);
  for (const { errors } of cluster.nodes) {
    for (const { event } of errors) loop.count(`errors ${event} in a log`);
  }
}

/** Connects and disconnects. */
async function begin(client: SoakClient, { dice }: Loop): Promise<void> {
  for (let left = MAX_BEGINNINGS;; left--) {
    try {
      return await client.act(dice, () => false, () => undefined);
    } catch (error) {
      if (left <= 1 || !isForNow(error)) throw error;
      await pause(AGAIN_MS);
    }
  }
}

async function round(cluster: Cluster, clients: readonly SoakClient[], loop: Loop): Promise<void> {
  let isOn = true;
  const acting = clients.map((client) => actUntil(() => isOn, client, loop));
  for (const one of acting) one.catch(() => undefined); // reported below
  await inject(cluster, loop);
  await cluster.isServing();
  isOn = false;
  await Promise.all(acting);
  await cluster.stopServers();
  const stored = await readCluster(cluster);
  const names = clients.map(({ name }) => name);
  assert.deepEqual([...stored.keys()].filter((name) => !names.includes(name)), [], "users");
  for (const client of clients) client.settle(stored.get(client.name));
  await cluster.startServers();
}

interface Begun extends Pick<ClusterFault, "engine"> {
  readonly heal: Heal;
}

/** Some faults, one after another or at the same time, until all are over. */
async function inject(cluster: Cluster, loop: Loop): Promise<void> {
  const { dice } = loop;
  const begun: Begun[] = [];
  for (let left = 1 + dice.roll(MAX_FAULTS); left > 0; left--) {
    await pause(dice.roll(CALM_MS));
    // The database, or the object store, fails once at a time.
    const fault = dice.pick(
      CLUSTER_FAULTS.filter(({ engine }) =>
        engine === undefined || !begun.some((other) => other.engine === engine)
      ),
    );
    begun.push({ engine: fault.engine, heal: await fault.begin(cluster, dice) });
    loop.count(`faults: ${fault.name}`);
    await pause(dice.roll(fault.maxMs));
    if (dice.roll(2) === 0) await healAll(begun);
  }
  await healAll(begun);
  await pause(dice.roll(CALM_MS));
}

async function healAll(begun: Begun[]): Promise<void> {
  for (const { heal } of begun.splice(0)) await heal();
}

/** Acts until the round ends, or until only a comparison can tell what is stored. */
async function actUntil(isOn: () => boolean, client: SoakClient, loop: Loop): Promise<void> {
  while (isOn() && client.isCertain) {
    try {
      await client.act(loop.dice, isOn, (what) => loop.count(what));
    } catch (error) {
      if (!isForNow(error)) throw error;
      loop.count("connections lost, or requests not answered");
      await pause(AGAIN_MS);
    }
  }
}

/** Whether a fault can have caused an error. */
function isForNow(error: unknown): boolean {
  if (error instanceof Lost) return true;
  if (!(error instanceof Refused)) return error instanceof NetworkError;
  if (error.cause instanceof RefusedError) return FOR_NOW.includes(error.cause.code);
  // Over protocol 3, the only answer of a server that cannot do something.
  if (/^generalError /.test(error.message)) return true;
  // The results of a pack: a version or a code each.
  return error.message.split(", ").every((result) =>
    /^\d+$/.test(result) || FOR_NOW.includes(result)
  );
}

async function gather(cluster: Cluster, folder: TemporaryFolder): Promise<SoakClient[]> {
  const address = cluster.plain;
  const plain = CLIENTS_3.map((name) => {
    const actor = new Actor(name, { trusting: false });
    return clientOf(actor, async (dice, isOn, count) => {
      using peer = await actor.enter(address);
      for (let acts = 1 + dice.roll(4); acts > 0 && isOn(); acts--) {
        count(await actor.actAtRandom(peer, dice));
      }
    });
  });
  const secure = await Promise.all(CLIENTS_4.map(async (name) => {
    await Deno.mkdir(folder.join(name), { mode: 0o700 });
    const options = { trusting: false, responseMs: RESPONSE_MS };
    const actor = new SecureActor(name, folder.join(name), options);
    return clientOf(actor, async (dice, isOn, count) => {
      using client = await actor.enter(address);
      for (let acts = 1 + dice.roll(4); acts > 0 && isOn() && actor.isCertain; acts--) {
        if (dice.roll(4) === 0) {
          const content = pseudoRandomBytes(20 * CHUNK_SIZE + 1, dice.roll(2 ** 31));
          await actor.store(client, [{ name: "large", content }]);
          count("large files stored over protocol 4");
        } else count(await actAtRandom(actor, client, address, dice));
      }
    });
  }));
  const commands = await Promise.all(COMMANDS.map(async (name): Promise<SoakClient> => {
    const client = await CommandClient.create(name, folder.join(name), address);
    return {
      ...{ name, isCertain: true },
      async act(dice, _isOn, count) {
        count(await client.act(dice));
      },
      settle: (found) => client.settle(found),
    };
  }));
  return [...plain, ...secure, ...commands];
}

/** A client that acts as an actor does. */
function clientOf(actor: Actor | SecureActor, act: SoakClient["act"]): SoakClient {
  return {
    ...{ name: actor.name, act },
    get isCertain() {
      return actor.isCertain;
    },
    settle: (found) => actor.settle(found),
  };
}

/** No object without a row, no upload without an owner, and no garbage, as soon as a server has swept. */
async function assertSwept(cluster: Cluster): Promise<void> {
  const end = performance.now() + SWEEP_MS;
  for (;;) {
    const left = await leftoversOf(cluster);
    if (left.length === 0) return;
    if (performance.now() > end) assert.fail(`left after the sweep: ${left.join(", ")}`);
    await pause(LOOK_MS);
  }
}

function assertNothingSerious({ nodes }: Cluster): void {
  for (const { name, errors } of nodes) {
    const serious = errors.filter(({ event }) => SERIOUS.includes(event));
    assert.deepEqual(serious, [], name);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
