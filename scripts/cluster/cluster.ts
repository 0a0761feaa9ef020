/** Several servers on one PostgreSQL database and one bucket of OpenStack Swift, with HAProxy in front: real processes. */
import type { Address } from "../../protocol/address.ts";
import { EDITIONS } from "../../protocol/v3/editions/mod.ts";
import { S3BlobStore } from "../../server/blobs/s3/s3_blob_store.ts";
import { openPostgresCatalog } from "../../server/catalog/postgres/postgres_catalog.ts";
import type { SharedCatalog } from "../../server/catalog/shared_catalog.ts";
import { CLUSTER_SECRET } from "../../tests/support/store/elsewhere.ts";
import {
  createDatabase,
  PostgresServer,
  type TestDatabase,
} from "../../tests/support/store/postgres.ts";
import { PlainBucket } from "../../tests/support/store/s3_checks.ts";
import { RawClient } from "../../tests/support/v3/raw_client.ts";
import { TemporaryFolder } from "../../tests/support/temporary_folder.ts";
import { ClusterNode, type NodeRelays } from "./cluster_node.ts";
import { EngineRelay } from "./engine_relay.ts";
import { Haproxy, HAPROXY_PACKAGES } from "./haproxy.ts";
import { freePort } from "./ports.ts";
import { Swift, SWIFT_PACKAGES } from "./swift.ts";

/** Debian's packages that a cluster needs. */
export const CLUSTER_PACKAGES: readonly string[] = [...SWIFT_PACKAGES, ...HAPROXY_PACKAGES];

const BUCKET = "files";
const PREFIX = "xfer";
/** The smallest part of the proxy for small files. It is not used here. */
const SMALL_PART = 1024 * 1024;
/** The most time until a server serves, in milliseconds: leases end after 15 seconds. */
const START_MS = 120_000;
const LOOK_MS = 100;
/** The most time for one answer, in milliseconds. */
const ANSWER_MS = 5000;
/** The edition whose request codes are those of another one, so that it needs a port of its own. */
const EARLY = EDITIONS.at(-1);
const OTHERS = EDITIONS.slice(0, -1);
/** The settings of PostgreSQL outside of tests. */
const DURABLE = { fsync: "on", full_page_writes: "on", autovacuum: "on" };
/** All connections come from one address here. */
const LIMITS = ["--max-connections-per-address", "none", "--max-registrations-per-hour", "none"];

export interface ClusterOptions {
  readonly servers: number;
  /** More arguments of the servers. */
  readonly args?: readonly string[];
  /** Whether the database is on disk and syncs, as it does outside of tests. */
  readonly isDurable?: boolean;
}

/** The database and the object store of a cluster. */
interface Engines {
  readonly postgres: PostgresServer;
  readonly database: TestDatabase;
  readonly swift: Swift;
}

/** The ports where a server listens. */
interface NodePorts {
  readonly plain: number;
  readonly early: number;
  readonly secure: number;
}

export class Cluster implements Engines, AsyncDisposable {
  readonly postgres: PostgresServer;
  readonly database: TestDatabase;
  readonly swift: Swift;
  readonly nodes: readonly ClusterNode[];
  readonly #haproxy: Haproxy;
  readonly #owned: AsyncDisposableStack;

  private constructor(
    { postgres, database, swift }: Engines,
    nodes: readonly ClusterNode[],
    haproxy: Haproxy,
    owned: AsyncDisposableStack,
  ) {
    this.postgres = postgres;
    this.database = database;
    this.swift = swift;
    this.nodes = nodes;
    this.#haproxy = haproxy;
    this.#owned = owned;
  }

  /** Starts everything. Debian's packages are installed. */
  static async start(
    { servers, args = [], isDurable = false }: ClusterOptions,
  ): Promise<Cluster> {
    await using opening = new AsyncDisposableStack();
    const folder = opening.use(await TemporaryFolder.createOnDisk());
    const engines = await startEngines(opening, isDurable);
    const ports: NodePorts[] = Array.from({ length: servers }, () => ({
      ...{ plain: freePort(), early: freePort(), secure: freePort() },
    }));
    const haproxy = opening.use(
      await Haproxy.start({
        plain: ports.map(({ plain }) => plain),
        early: ports.map(({ early }) => early),
        secure: ports.map(({ secure }) => secure),
      }),
    );
    const nodes = ports.map((own, index) => {
      const relays = relaysTo(engines);
      opening.use(relays.postgres);
      opening.use(relays.objects);
      const places = [...storesThrough(relays, engines), ...addressesOf(own, haproxy)];
      return opening.use(
        new ClusterNode({
          ...{ name: `server ${index + 1}`, folder: folder.path, relays },
          ...{ args: [...places, ...LIMITS, ...args], env: secretsOf(engines) },
        }),
      );
    });
    const cluster = new Cluster(engines, nodes, haproxy, opening.move());
    try {
      await cluster.startServers();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The balancer's address for protocol 3, which clients of protocol 4 ask, too. */
  get plain(): Address {
    return { hostname: "127.0.0.1", port: this.#haproxy.ports["plain"] as number };
  }

  /** The same, for the edition whose request codes are those of another one. */
  get early(): Address {
    return { hostname: "127.0.0.1", port: this.#haproxy.ports["early"] as number };
  }

  /** Resolves when a client that connects through the balancer is served. */
  async isServing(): Promise<void> {
    await this.#until("no server serves", () => isAnswered(this.plain));
  }

  async #until(otherwise: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const end = performance.now() + START_MS;
    while (!(await isSo())) {
      if (performance.now() > end) throw new Error(`${otherwise}\n${this.lastLines(20)}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** The last lines of all logs, for error messages. */
  lastLines(count: number): string {
    return this.nodes.map(({ name, lastLines }) =>
      `${name}:\n${lastLines.slice(-count).join("\n")}`
    ).join("\n");
  }

  /** Ends the servers, after what they have begun. */
  async stopServers(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  /** Resolves when all servers listen, and clients are served. */
  async startServers(): Promise<void> {
    for (const node of this.nodes) node.start();
    const isListening = () => this.nodes.every(({ isListening }) => isListening);
    await this.#until("a server does not listen", isListening);
    await this.isServing();
  }

  /** Opens the stores beside the servers. */
  async openStores(): Promise<
    { readonly catalog: SharedCatalog; readonly blobs: S3BlobStore } & AsyncDisposable
  > {
    await using opening = new AsyncDisposableStack();
    const catalog = opening.use(await openPostgresCatalog(this.database.options));
    const { region, ...credentials } = this.swift.access;
    const blobs = opening.use(
      await S3BlobStore.open({
        ...{ bucketUrl: `${this.swift.endpoint}/${BUCKET}`, region, prefix: `${PREFIX}/` },
        readCredentials: () => Promise.resolve(credentials),
      }),
    );
    const open = opening.move();
    return { catalog, blobs, [Symbol.asyncDispose]: () => open.disposeAsync() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/** Starts the database and the object store, with a bucket. */
async function startEngines(
  opening: AsyncDisposableStack,
  isDurable: boolean,
): Promise<Engines> {
  const swift = opening.use(await Swift.start({ smallPart: SMALL_PART }));
  const { region, ...credentials } = swift.access;
  const bucketUrl = `${swift.endpoint}/${BUCKET}`;
  const bucket = new PlainBucket({ bucketUrl, region, ...credentials, minPartSize: 0 });
  const { status, text } = await bucket.send("", { method: "PUT" });
  if (status !== 200) throw new Error(`cannot create a bucket: ${text}`);
  const settings = isDurable ? DURABLE : {};
  const postgres = opening.use(await PostgresServer.start({ isOnDisk: isDurable, settings }));
  // It ends with its server.
  const database = await createDatabase({ server: postgres, isEmpty: true });
  return { postgres, database, swift };
}

function relaysTo({ postgres: { socket, port }, swift: { endpoint } }: Engines): NodeRelays {
  const objects = new URL(endpoint);
  return {
    postgres: new EngineRelay({ path: `${socket}/.s.PGSQL.${port}` }),
    objects: new EngineRelay({ hostname: objects.hostname, port: Number(objects.port) }),
  };
}

function storesThrough({ postgres, objects }: NodeRelays, { database, swift }: Engines): string[] {
  const url = `postgres://postgres@127.0.0.1:${postgres.port}/${database.name}?sslmode=disable`;
  return [
    ...["--catalog", url, "--blobs", `s3://${BUCKET}/${PREFIX}`],
    ...["--s3-endpoint", `http://127.0.0.1:${objects.port}`, "--s3-region", swift.access.region],
  ];
}

/** Clients know the addresses of the balancer only. */
function addressesOf({ plain, early, secure }: NodePorts, { ports }: Haproxy): string[] {
  return [
    ...["--listen", `127.0.0.1:${plain}=${OTHERS.map(({ name }) => name).join(",")}`],
    ...["--listen", `127.0.0.1:${early}=${EARLY?.name}`, "--tls-listen", `127.0.0.1:${secure}`],
    ...["--advertise", `127.0.0.1:${ports["plain"]},${ports["secure"]}`],
  ];
}

function secretsOf({ swift }: Engines): Readonly<Record<string, string>> {
  return {
    AWS_ACCESS_KEY_ID: swift.access.accessKeyId,
    AWS_SECRET_ACCESS_KEY: swift.access.secretAccessKey,
    XFER_CLUSTER_SECRET: CLUSTER_SECRET,
  };
}

/** Whether a server answers at an address. */
async function isAnswered(address: Address): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    using client = await RawClient.connect(address);
    const answer = client.reconnect("Nobody").then((answer) => answer !== "closed");
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ANSWER_MS);
    });
    return await Promise.race([answer.catch(() => false), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
