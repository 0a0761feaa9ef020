/**
 * A real object store for tests: OpenStack Swift with its S3 interface, from Debian's packages. One replica on one
 * device, one process for each server, all below one folder, as the user who starts them.
 */
import { join } from "node:path";
import { tiedCommand } from "../../tests/support/tied_processes.ts";
import { output } from "./debian_packages.ts";
import { freePort, untilListening } from "./ports.ts";
import {
  ACCESS_KEY,
  programOf,
  REGION,
  SECRET_KEY,
  SWIFT_SERVERS,
  swiftFiles,
  type SwiftServer,
  type SwiftSettings,
} from "./swift_files.ts";

/** Debian's packages of Swift. */
export const SWIFT_PACKAGES: readonly string[] = [
  "swift-proxy",
  "swift-account",
  "swift-container",
  "swift-object",
];
/** The most time for a start on a busy machine, in milliseconds. */
const START_MS = 120_000;
const XATTR_TEST =
  "import os,sys; p=sys.argv[1]; open(p,'w').close(); os.setxattr(p,'user.swift.test',b'1')";

/** Whether temporary files have extended attributes, in which Swift keeps what it knows about an object. */
export async function hasExtendedAttributes(): Promise<boolean> {
  const path = await Deno.makeTempFile({ prefix: "xfer-swift-" });
  try {
    await output(["/usr/bin/python3", "-c", XATTR_TEST, path]);
    return true;
  } catch {
    return false;
  } finally {
    await Deno.remove(path);
  }
}

/** Where and how clients reach it. */
export interface SwiftAccess {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface SwiftOptions {
  /** As in `SwiftSettings`. */
  readonly smallPart: number;
}

export class Swift implements AsyncDisposable {
  readonly access: SwiftAccess = {
    ...{ region: REGION, accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
  };
  readonly #settings: SwiftSettings;
  readonly #processes = new Map<SwiftServer, Deno.ChildProcess>();

  private constructor(settings: SwiftSettings) {
    this.#settings = settings;
  }

  /** Starts the servers, whose packages are installed. */
  static async start({ smallPart }: SwiftOptions): Promise<Swift> {
    const user = await output(["id", "-un"]);
    const folder = await Deno.makeTempDir({ prefix: "xfer-swift-" });
    const ports = Object.fromEntries(SWIFT_SERVERS.map((name) => [name, freePort()]));
    const settings = { folder, user, smallPart, ports: ports as Record<SwiftServer, number> };
    const swift = new Swift(settings);
    try {
      await swift.#prepare();
      await swift.restart(...SWIFT_SERVERS);
      return swift;
    } catch (error) {
      await swift[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The endpoint with S3's smallest size of parts, and the one for tests of small files. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#settings.ports.proxy}`;
  }

  get smallEndpoint(): string {
    return `http://127.0.0.1:${this.#settings.ports["small-proxy"]}`;
  }

  async #prepare(): Promise<void> {
    const { folder, ports } = this.#settings;
    const data = join(folder, "devices", "only");
    await Deno.mkdir(data, { recursive: true });
    for (const [name, text] of Object.entries(swiftFiles(this.#settings))) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    for (const name of ["account", "container", "object"] as const) {
      const builder = join(folder, `${name}.builder`);
      const ring = (...args: string[]) => output(["swift-ring-builder", builder, ...args]);
      await ring("create", "4", "1", "0");
      await ring("add", `r1z1-127.0.0.1:${ports[name]}/only`, "1");
      await ring("rebalance");
    }
  }

  /** Starts servers that have ended. */
  async restart(...servers: readonly SwiftServer[]): Promise<void> {
    const { folder } = this.#settings;
    for (const server of servers) {
      const command = tiedCommand(programOf(server), {
        args: [join(folder, `${server}.conf`), "-v"],
        ...{ cwd: folder, env: { HOME: folder } },
        ...{ stdin: "null", stdout: "null", stderr: "null" },
      });
      this.#processes.set(server, command.spawn());
    }
    await Promise.all(servers.map((server) => this.#answers(server)));
  }

  /** Kills servers, without a chance to end their work. */
  async kill(...servers: readonly SwiftServer[]): Promise<void> {
    for (const server of servers) {
      const process = this.#processes.get(server);
      this.#processes.delete(server);
      if (process === undefined) continue;
      process.ref(); // its status would not keep this process waiting
      process.kill("SIGKILL");
      await process.status;
    }
  }

  async #answers(server: SwiftServer): Promise<void> {
    let hasEnded = false;
    this.#processes.get(server)?.status.then(() => hasEnded = true);
    await untilListening(this.#settings.ports[server], {
      ...{ program: `Swift's ${server}`, maxMs: START_MS, hasEnded: () => hasEnded },
    });
  }

  /** Lets the process end that has started it. Then `killNow` must follow. */
  unref(): void {
    for (const process of this.#processes.values()) process.unref();
  }

  /** Kills all servers and deletes their files, without waiting. */
  killNow(): void {
    for (const process of this.#processes.values()) process.kill("SIGKILL");
    Deno.removeSync(this.#settings.folder, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill(...this.#processes.keys());
    await Deno.remove(this.#settings.folder, { recursive: true });
  }
}
