/** PostgreSQL for tests: real servers, each with databases of its own for a test. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../../protocol/bytes.ts";
import {
  connectionOptions,
  type ConnectionSources,
  type PostgresOptions,
} from "../../../server/catalog/postgres/connection/connection_options.ts";
import { PostgresDatabase } from "../../../server/catalog/postgres/database.ts";
import { migrate } from "../../../server/catalog/postgres/migrate.ts";
import { MIGRATIONS } from "../../../server/catalog/postgres/migrations.ts";
import { RUN_VARIABLE } from "../marked_processes.ts";
import { freePort } from "../../../scripts/cluster/ports.ts";
import { tied } from "../tied_processes.ts";
import { TemporaryFolder } from "../temporary_folder.ts";
import { emptyDatabase, LentDatabases } from "./lent_databases.ts";
import { AS_USER, giveAway, preparePostgres } from "./postgres_binaries.ts";

/** `deno task test` starts one server for all tests of its run, and passes the folder of its socket in this variable. */
export const POSTGRES_VARIABLE = "XFER_TEST_POSTGRES";

/** The port of a server that has only a Unix socket, in whose name it is. */
const PORT = 5432;
/** The most time for a start, in milliseconds, on a busy machine. */
const START_MS = 60_000;
/** The most time for an end that blocks a thread, in milliseconds. */
const END_MS = 5000;
const LOOK_MS = 10;
/** Nothing of a test outlives the machine, and tests need few of everything. */
const SETTINGS = {
  ...{ fsync: "off", full_page_writes: "off", autovacuum: "off", jit: "off" },
  ...{ shared_buffers: "32MB", max_connections: "200", wal_level: "minimal", max_wal_senders: "0" },
  ...{ io_method: "sync", max_parallel_workers_per_gather: "0", bgwriter_lru_maxpages: "0" },
  // In the data folder, where nothing is left if the server is killed.
  dynamic_shared_memory_type: "mmap",
};

export interface PostgresSettings {
  /** Whether it also listens at a free TCP port of 127.0.0.1. */
  readonly isTcp?: boolean;
  /** Whether its data is on disk, for measurements. */
  readonly isOnDisk?: boolean;
  /** Settings of `postgresql.conf`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Contents of files of its data folder. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A database server, killed with the scope that holds it. */
export class PostgresServer implements AsyncDisposable {
  /** The folder of its socket. */
  readonly socket: string;
  readonly port: number;
  readonly #folder: TemporaryFolder;
  readonly #args: readonly string[];
  #process: Deno.ChildProcess;

  private constructor(
    folder: TemporaryFolder,
    port: number,
    args: readonly string[],
    process: Deno.ChildProcess,
  ) {
    this.socket = folder.path;
    this.port = port;
    this.#folder = folder;
    this.#args = args;
    this.#process = process;
  }

  /** Starts a server with a superuser `postgres`, who needs no password. */
  static async start(
    { isTcp = false, isOnDisk = false, settings = {}, files = {} }: PostgresSettings = {},
  ): Promise<PostgresServer> {
    const port = isTcp ? freePort() : PORT;
    const folder = await (isOnDisk ? TemporaryFolder.createOnDisk() : TemporaryFolder.create());
    try {
      const postgres = await preparePostgres(folder.path);
      for (const [name, content] of Object.entries(files)) {
        const path = folder.join("data", name);
        await Deno.writeTextFile(path, content);
        await giveAway(path, 0o600);
      }
      const all = {
        ...SETTINGS,
        listen_addresses: isTcp ? "127.0.0.1" : "",
        unix_socket_directories: folder.path,
        ...settings,
      };
      const args = [postgres, "-D", folder.join("data"), "-p", `${port}`].concat(
        Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      );
      const process = spawn(args);
      const server = new PostgresServer(folder, port, args, process);
      if (!(await server.#isReady())) throw new Error("PostgreSQL does not start");
      return server;
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Ends the server: SIGINT ends all sessions, SIGKILL is a crash. */
  async stop(signal: "SIGINT" | "SIGQUIT" | "SIGKILL" = "SIGINT"): Promise<void> {
    this.#process.kill(signal);
    await this.#process.status;
  }

  /** Starts it again, with the same data. While a session of a killed server has not ended, a new one does not start. */
  async restart(): Promise<void> {
    const end = performance.now() + START_MS;
    do {
      this.#process = spawn(this.#args);
    } while (!(await this.#isReady(end)));
  }

  /** Returns `false` if it has ended instead. */
  async #isReady(end = performance.now() + START_MS): Promise<boolean> {
    const pidFile = this.#folder.join("data", "postmaster.pid");
    let ended = false;
    this.#process.status.then(() => ended = true);
    for (;;) {
      const state = await Deno.readTextFile(pidFile).catch(() => "");
      const [pid, , , , , , , status] = state.split("\n");
      if (pid === `${this.#process.pid}` && status?.trim() === "ready") return true;
      if (performance.now() > end) throw new Error("PostgreSQL does not start");
      if (ended) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Lets the process of the test end, and the server with it. */
  unref(): void {
    this.#process.unref();
  }

  /** Ends the server and deletes its files, blocking this thread for a moment. */
  endNow(): void {
    this.#process.kill("SIGQUIT");
    const end = performance.now() + END_MS;
    while (existsSync(this.#folder.join("data", "postmaster.pid")) && performance.now() < end) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
    }
    Deno.removeSync(this.#folder.path, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGQUIT");
    } catch {
      // It has ended already.
    }
    await this.#process.status;
    await this.#folder[Symbol.asyncDispose]();
  }
}

function spawn(args: readonly string[]): Deno.ChildProcess {
  const [program, ...rest] = tied(args);
  const mark = Deno.env.get(RUN_VARIABLE);
  return new Deno.Command(program, {
    ...{ ...AS_USER, args: rest, stdout: "null", stderr: "null" },
    env: { ...AS_USER.env, ...mark === undefined ? {} : { [RUN_VARIABLE]: mark } },
  }).spawn();
}

/** The place of a server's socket. */
export type Place = Pick<PostgresServer, "socket" | "port">;

let pooler: ((server: Place) => Promise<Place>) | undefined;

/** From now on, tests reach the databases of the shared server through a pooler. `start` returns its place. */
export function connectThrough(start: (server: Place) => Promise<Place>): void {
  let started: Promise<Place> | undefined;
  pooler = (server) => started ??= start(server);
}

let ownServer: Promise<Place> | undefined;

/** The server that tests share. */
function sharedServer(): Promise<Place> {
  const ofRun = Deno.env.get(POSTGRES_VARIABLE);
  if (ofRun !== undefined) return Promise.resolve({ socket: ofRun, port: PORT });
  return ownServer ??= PostgresServer.start().then((server) => {
    server.unref();
    globalThis.addEventListener("unload", () => server.endNow());
    return server;
  });
}

/** Whether tests of this thread are about databases that a pooler leads to. */
export function isThroughPooler(): boolean {
  return pooler !== undefined;
}

/** A database of its own. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  readonly options: PostgresOptions;
  /** For `--catalog`. */
  readonly url: string;
}

export interface TestDatabaseOptions {
  /** The server, unless it is the shared one. */
  readonly server?: PostgresServer;
  /** Whether it has no tables; by default, it has those of the catalog. */
  readonly isEmpty?: boolean;
}

/** A database for the scope that holds it: one with tables is emptied then for another test, others are dropped. */
export async function createDatabase(
  { server, isEmpty = false }: TestDatabaseOptions = {},
): Promise<TestDatabase> {
  const place = server ?? await sharedServer();
  const reached = server === undefined && pooler !== undefined ? await pooler(place) : place;
  // A pooler keeps connections, which emptying a database ends.
  const lent = isEmpty || reached !== place ? undefined : await lentBy(place);
  const name = lent?.take() ?? await makeDatabase(place, { isEmpty });
  return {
    ...{ name, options: await optionsOf(reached, name), url: urlOf(reached, name) },
    async [Symbol.asyncDispose]() {
      if (lent === undefined) return await dropDatabase(place, name);
      try {
        await using database = new PostgresDatabase(await optionsOf(place, name));
        await emptyDatabase(database);
      } catch (error) {
        await dropDatabase(place, name);
        throw error;
      }
      lent.giveBack(name);
    },
  };
}

async function lentBy(place: Place): Promise<LentDatabases> {
  return new LentDatabases(join(place.socket, `free_${await templateOf(place)}`));
}

async function makeDatabase(
  place: Place,
  { isEmpty }: Required<Pick<TestDatabaseOptions, "isEmpty">>,
): Promise<string> {
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  const template = isEmpty ? "template0" : await templateOf(place);
  await using admin = new PostgresDatabase(await optionsOf(place, "postgres"));
  await admin.read(async (queries) => {
    await queries.run(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
    // A change outside of a transaction would not check the lease of its server. Here, it fails.
    if (isEmpty) return;
    await queries.run(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  });
  return name;
}

function dropDatabase(place: Place, name: string): Promise<void> {
  return execute(place, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

function urlOf({ socket, port }: Place, database: string): string {
  return `postgres://postgres@/${database}?host=${encodeURIComponent(socket)}&port=${port}`;
}

function optionsOf(place: Place, database: string): Promise<PostgresOptions> {
  return connectionOptions(urlOf(place, database), NO_SOURCES);
}

/** No environment. */
export const NO_SOURCES: ConnectionSources = {
  env: () => undefined,
  readTextFile: (path) => Deno.readTextFile(path),
  modeOf: () => Promise.resolve(null),
};

/** Runs a statement as the superuser, which cannot be in a transaction. */
async function execute(place: Place, sql: string): Promise<void> {
  await using admin = new PostgresDatabase(await optionsOf(place, "postgres"));
  await admin.read((queries) => queries.run(sql));
}

const templates = new Map<string, Promise<string>>();

/** A database with the schema, to copy. It is made once on each server. */
function templateOf(place: Place): Promise<string> {
  const key = `${place.socket}:${place.port}`;
  const known = templates.get(key) ?? makeTemplate(place);
  templates.set(key, known);
  return known;
}

async function makeTemplate(place: Place): Promise<string> {
  const scripts = new TextEncoder().encode(MIGRATIONS.map(({ script }) => script).join());
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", scripts));
  const name = `template_${toHex(digest.subarray(0, 8))}`;
  await using admin = new PostgresDatabase(await optionsOf(place, "postgres"));
  // Other processes of the run need the same template.
  await admin.transaction(async (transaction) => {
    await transaction.run("SELECT pg_advisory_xact_lock(1)");
    const query = "SELECT 1 FROM pg_database WHERE datname = $1";
    if (await transaction.get(query, name) !== undefined) return;
    const work = `${name}_new`;
    await execute(place, `CREATE DATABASE ${work} TEMPLATE template0`);
    await prepare(await optionsOf(place, work));
    await execute(place, `ALTER DATABASE ${work} RENAME TO ${name}`);
  });
  return name;
}

async function prepare(options: PostgresOptions): Promise<void> {
  await using database = new PostgresDatabase(options);
  await migrate(database);
}
