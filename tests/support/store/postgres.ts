/** PostgreSQL for tests: real servers, each with databases of its own for a test. */
import {
  connectionOptions,
  type PostgresOptions,
} from "../../../server/catalog/postgres/connection/connection_options.ts";
import { PostgresDatabase } from "../../../server/catalog/postgres/database.ts";
import { migrate } from "../../../server/catalog/postgres/migrate.ts";
import { MIGRATIONS } from "../../../server/catalog/postgres/migrations.ts";
import { RUN_VARIABLE } from "../marked_processes.ts";
import { tied } from "../tied_processes.ts";
import { TemporaryFolder } from "../temporary_folder.ts";
import { AS_USER, preparePostgres } from "./postgres_binaries.ts";

/** `deno task test` starts one server for all tests of its run, and passes the folder of its socket in this variable. */
export const POSTGRES_VARIABLE = "XFER_TEST_POSTGRES";

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
  // In the data folder, where nothing is left if the server is killed.
  dynamic_shared_memory_type: "mmap",
};

export interface PostgresSettings {
  /** The TCP port on this machine; without one, the server has only a Unix socket. */
  readonly port?: number;
  /** Settings of `postgresql.conf`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A database server, killed with the scope that holds it. */
export class PostgresServer implements AsyncDisposable {
  /** The folder of its socket. */
  readonly socket: string;
  readonly #folder: TemporaryFolder;
  readonly #args: readonly string[];
  #process: Deno.ChildProcess;

  private constructor(
    folder: TemporaryFolder,
    args: readonly string[],
    process: Deno.ChildProcess,
  ) {
    this.socket = folder.path;
    this.#folder = folder;
    this.#args = args;
    this.#process = process;
  }

  /** Starts a server with a superuser `postgres`, who needs no password on the socket. */
  static async start({ port, settings = {} }: PostgresSettings = {}): Promise<PostgresServer> {
    const folder = await TemporaryFolder.create();
    try {
      const postgres = await preparePostgres(folder.path);
      const all = {
        ...SETTINGS,
        listen_addresses: port === undefined ? "" : "127.0.0.1",
        unix_socket_directories: folder.path,
        ...settings,
      };
      const args = [postgres, "-D", folder.join("data"), "-p", `${port ?? PORT}`].concat(
        Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      );
      const process = spawn(args);
      const server = new PostgresServer(folder, args, process);
      await server.#isReady();
      return server;
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A path in the folder of its data and its configuration. */
  join(...names: string[]): string {
    return this.#folder.join("data", ...names);
  }

  /** Ends the server: SIGINT ends all sessions, SIGKILL is a crash. */
  async stop(signal: "SIGINT" | "SIGQUIT" | "SIGKILL" = "SIGINT"): Promise<void> {
    this.#process.kill(signal);
    await this.#process.status;
  }

  /** Starts it again, with the same data. */
  async restart(): Promise<void> {
    this.#process = spawn(this.#args);
    await this.#isReady();
  }

  async #isReady(): Promise<void> {
    const pidFile = this.join("postmaster.pid");
    let ended = false;
    this.#process.status.then(() => ended = true);
    const end = performance.now() + START_MS;
    for (;;) {
      const state = await Deno.readTextFile(pidFile).catch(() => "");
      const [pid, , , , , , , status] = state.split("\n");
      if (pid === `${this.#process.pid}` && status?.trim() === "ready") return;
      if (ended || performance.now() > end) throw new Error("PostgreSQL does not start");
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
    while (isThere(this.join("postmaster.pid")) && performance.now() < end) {
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

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
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

let ownServer: Promise<string> | undefined;

/** The socket of the server that tests share. */
function sharedSocket(): Promise<string> {
  const ofRun = Deno.env.get(POSTGRES_VARIABLE);
  if (ofRun !== undefined) return Promise.resolve(ofRun);
  return ownServer ??= PostgresServer.start().then((server) => {
    server.unref();
    globalThis.addEventListener("unload", () => server.endNow());
    return server.socket;
  });
}

/** A database of its own. */
export interface TestDatabase extends AsyncDisposable {
  readonly options: PostgresOptions;
  /** For `--catalog`. */
  readonly url: string;
}

let count = 0;

/** Creates a database with the schema of the catalog, or an empty one, on the shared server or another. */
export async function createDatabase(
  { socket, isEmpty = false }: { readonly socket?: string; readonly isEmpty?: boolean } = {},
): Promise<TestDatabase> {
  const at = socket ?? await sharedSocket();
  const name = `test_${Deno.pid}_${crypto.randomUUID().slice(0, 8)}_${count++}`;
  const admin = new PostgresDatabase(await optionsOf(at, "postgres"));
  const template = isEmpty ? "template0" : await templateOf(at, admin);
  const execute = (sql: string) => admin.read((queries) => queries.run(sql));
  await execute(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
  return {
    options: await optionsOf(at, name),
    url: urlOf(at, name),
    async [Symbol.asyncDispose]() {
      await execute(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin[Symbol.asyncDispose]();
    },
  };
}

function urlOf(socket: string, database: string): string {
  return `postgres://postgres@/${database}?host=${encodeURIComponent(socket)}`;
}

function optionsOf(socket: string, database: string): Promise<PostgresOptions> {
  return connectionOptions(urlOf(socket, database), {
    env: () => undefined,
    readTextFile: Deno.readTextFile,
    modeOf: () => Promise.resolve(null),
  });
}

const templates = new Map<string, Promise<string>>();

/** A database with the schema, to copy. It is made once on each server. */
function templateOf(socket: string, admin: PostgresDatabase): Promise<string> {
  const known = templates.get(socket);
  if (known !== undefined) return known;
  const made = makeTemplate(socket, admin);
  templates.set(socket, made);
  return made;
}

async function makeTemplate(socket: string, admin: PostgresDatabase): Promise<string> {
  const scripts = new TextEncoder().encode(MIGRATIONS.map(({ script }) => script).join());
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", scripts));
  const name = `template_${digest.slice(0, 8).toHex()}`;
  // Other processes of the run need the same template.
  await admin.transaction(async (transaction) => {
    await transaction.run("SELECT pg_advisory_xact_lock(1)");
    const query = "SELECT 1 FROM pg_database WHERE datname = $1";
    if (await transaction.get(query, name) !== undefined) return;
    const work = `${name}_new`;
    await admin.read((queries) => queries.run(`CREATE DATABASE ${work} TEMPLATE template0`));
    const database = new PostgresDatabase(await optionsOf(socket, work));
    await migrate(database);
    await database[Symbol.asyncDispose]();
    await admin.read((queries) => queries.run(`ALTER DATABASE ${work} RENAME TO ${name}`));
  });
  return name;
}
