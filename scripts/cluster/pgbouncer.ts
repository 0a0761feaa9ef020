/** A pooler of connections to PostgreSQL for tests: PgBouncer in transaction mode, from Debian's package. */
import { existsSync } from "node:fs";
import { AS_USER, giveAway } from "../../tests/support/store/postgres_binaries.ts";
import type { Place } from "../../tests/support/store/postgres.ts";
import { TemporaryFolder } from "../../tests/support/temporary_folder.ts";
import { tied } from "../../tests/support/tied_processes.ts";

export const PGBOUNCER_PACKAGES: readonly string[] = ["pgbouncer"];
const PROGRAM = "/usr/sbin/pgbouncer";
const PORT = 6432;
/** Connections of PgBouncer to each database: fewer than a catalog has, so that transactions take turns on them. */
const CONNECTIONS = 4;
/** The most time for a start on a busy machine, and between two looks, in milliseconds. */
const START_MS = 60_000;
const LOOK_MS = 20;

export class PgBouncer {
  /** The folder of its socket. */
  readonly socket: string;
  readonly port = PORT;
  readonly #folder: TemporaryFolder;
  readonly #process: Deno.ChildProcess;

  private constructor(folder: TemporaryFolder, process: Deno.ChildProcess) {
    this.socket = folder.path;
    this.#folder = folder;
    this.#process = process;
  }

  /** Starts it in front of all databases of a server, as the user `postgres`. */
  static async start(server: Place): Promise<PgBouncer> {
    const folder = await TemporaryFolder.create();
    const path = await folder.write("pgbouncer.ini", configuration(server, folder.path));
    await giveAway(folder.path);
    const [program, ...args] = tied([PROGRAM, "-q", path]);
    const process = new Deno.Command(program, {
      ...{ ...AS_USER, args, stdout: "null", stderr: "null" },
    }).spawn();
    const pooler = new PgBouncer(folder, process);
    const end = performance.now() + START_MS;
    while (!existsSync(`${folder.path}/.s.PGSQL.${PORT}`)) {
      if (performance.now() > end) throw new Error("PgBouncer does not start");
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return pooler;
  }

  /** Lets the process of the test end. Then `endNow` must follow. */
  unref(): void {
    this.#process.unref();
  }

  /** Ends it and deletes its files, without waiting. */
  endNow(): void {
    this.#process.kill("SIGKILL");
    Deno.removeSync(this.#folder.path, { recursive: true });
  }
}

function configuration({ socket, port }: Place, folder: string): string {
  return `[databases]
* = host=${socket} port=${port} user=postgres
[pgbouncer]
listen_addr =
listen_port = ${PORT}
unix_socket_dir = ${folder}
auth_type = any
pool_mode = transaction
default_pool_size = ${CONNECTIONS}
max_client_conn = 1000
server_idle_timeout = 1
logfile = ${folder}/log
`;
}
