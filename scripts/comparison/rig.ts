/** A server and a client of one tool in a temporary folder, with a proxy between them. */
import { type Fault, FaultyProxy } from "../../tests/support/net/faulty_proxy.ts";
import { TemporaryFolder } from "../../tests/support/temporary_folder.ts";
import { writeLauncher } from "../../tests/support/processes.ts";
import { tiedCommand } from "../../tests/support/tied_processes.ts";
import { freePort, soon } from "../bench/processes.ts";
import type { Ports, Tool } from "./tools.ts";

export type Direction = "up" | "down";

/** One direction of the proxy, all connections together: its count, and its faults. */
interface Line {
  passed: number;
  /** Cuts the connection after this many bytes, once. */
  cutAfter: number;
  onCut: () => void;
  /** Changes the byte at this offset. */
  flipAt: number;
  /** The marker passed in the clear. */
  sawMarker: boolean;
}

type Lines = Readonly<Record<Direction, Line>>;

const MARKER = "only-the-owner-may-read-this";

export class Rig implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #tool: Tool;
  readonly #ports: Ports;
  readonly #lines: Lines;
  #server: Deno.ChildProcess | undefined;
  private constructor(tool: Tool, readonly path: string, ports: Ports, lines: Lines) {
    this.#tool = tool;
    this.#ports = ports;
    this.#lines = lines;
  }

  static async start(tool: Tool): Promise<Rig> {
    const stack = new AsyncDisposableStack();
    const folder = stack.use(await TemporaryFolder.createOnDisk());
    await writeLauncher(`${folder.path}/bin`);
    const lines = { up: newLine(), down: newLine() };
    const server = freePort();
    const secure = freePort();
    const faults = { up: () => through(lines.up), down: () => through(lines.down) };
    const [plain, tls] = await Promise.all(
      [server, secure].map((port) => FaultyProxy.start({ hostname: "127.0.0.1", port }, faults)),
    );
    if (plain === undefined || tls === undefined) throw new Error("no proxy");
    const ports = {
      ...{ server, secure },
      ...{ client: plain.address.port, clientSecure: tls.address.port },
    };
    const rig = new Rig(tool, folder.path, ports, lines);
    rig.#stack.use(stack);
    rig.#stack.use(plain);
    rig.#stack.use(tls);
    await rig.sh(tool.before(ports));
    await rig.startServer();
    await rig.sh(tool.after);
    return rig;
  }

  async startServer(): Promise<void> {
    this.#server = this.#spawn(`exec ${this.#tool.serve(this.#ports)}`, "server.log");
    await soon("the server listens", async () => {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port: this.#ports.server })).close();
        return true;
      } catch {
        return undefined;
      }
    });
  }

  async stopServer(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    this.#server?.kill(signal);
    await this.#server?.status;
    this.#server = undefined;
  }

  /** Runs a script in the folder. The exit code is that of its last command. */
  async sh(
    script: string,
    onStart: (process: Deno.ChildProcess) => void = () => {},
  ): Promise<number> {
    const process = this.#spawn(script);
    onStart(process);
    return (await process.status).code;
  }

  /** Counts from zero, and cuts or changes nothing. */
  watch(direction: Direction): Line {
    return Object.assign(this.#lines[direction], newLine());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopServer();
    await this.#stack.disposeAsync();
  }

  #spawn(script: string, log = "log"): Deno.ChildProcess {
    return tiedCommand("sh", {
      args: ["-c", `set -u; exec >>${log} 2>&1\n${script}`],
      cwd: this.path,
      env: {
        ...this.#tool.env(this.#ports),
        PATH: `${this.path}/bin:${Deno.env.get("PATH")}`,
        RESTIC_CACHE_DIR: `${this.path}/cache`,
        RCLONE_CONFIG: `${this.path}/rclone.conf`,
        MARKER,
        NO_COLOR: "1",
      },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }
}

/** Counts, changes and cuts the bytes of one connection. */
function through(line: Line): Fault {
  return function* (bytes) {
    const at = line.flipAt - line.passed;
    line.passed += bytes.length;
    if (at >= 0 && at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ 1;
    if (new TextDecoder("latin1").decode(bytes).includes(MARKER)) line.sawMarker = true;
    if (line.passed < line.cutAfter) return yield bytes;
    line.cutAfter = Infinity;
    line.onCut();
    yield "rst";
  };
}

function newLine(): Line {
  return { passed: 0, cutAfter: Infinity, onCut: () => {}, flipAt: Infinity, sawMarker: false };
}
