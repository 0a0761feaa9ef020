/** A load balancer for tests: HAProxy, from Debian's package. Each connection goes to the next server that answers. */
import { tiedCommand } from "../../tests/support/tied_processes.ts";
import { TemporaryFolder } from "../../tests/support/temporary_folder.ts";
import { output } from "./debian_packages.ts";
import { freePort, untilListening } from "./ports.ts";

export const HAPROXY_PACKAGES: readonly string[] = ["haproxy"];
const PROGRAM = "/usr/sbin/haproxy";
/** The most time for a start on a busy machine, in milliseconds. */
const START_MS = 60_000;

/** A port of the balancer, and those of the servers that it stands for. */
export interface Balanced {
  readonly name: string;
  readonly port: number;
  readonly servers: readonly number[];
}

export class Haproxy implements AsyncDisposable {
  /** The ports, by the names of what is balanced. */
  readonly ports: Readonly<Record<string, number>>;
  readonly #folder: TemporaryFolder;
  readonly #process: Deno.ChildProcess;

  private constructor(
    ports: Readonly<Record<string, number>>,
    folder: TemporaryFolder,
    process: Deno.ChildProcess,
  ) {
    this.ports = ports;
    this.#folder = folder;
    this.#process = process;
  }

  /** Starts it, with a free port for the ports of servers by each name. */
  static async start(servers: Readonly<Record<string, readonly number[]>>): Promise<Haproxy> {
    const balanced = Object.entries(servers).map(([name, servers]) => ({
      ...{ name, port: freePort(), servers },
    }));
    const folder = await TemporaryFolder.createOnDisk();
    const path = await folder.write("haproxy.cfg", configuration(balanced));
    await output([PROGRAM, "-c", "-q", "-f", path]);
    const process = tiedCommand(PROGRAM, {
      args: ["-db", "-f", path],
      ...{ stdin: "null", stdout: "null", stderr: "null" },
    }).spawn();
    const ports = Object.fromEntries(balanced.map(({ name, port }) => [name, port]));
    const haproxy = new Haproxy(ports, folder, process);
    try {
      for (const port of Object.values(ports)) {
        await untilListening(port, { program: "HAProxy", maxMs: START_MS });
      }
      return haproxy;
    } catch (error) {
      await haproxy[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#folder[Symbol.asyncDispose]();
  }
}

/**
 * Round robin without stickiness. A connection that a server refuses goes to the next one. One that has been accepted
 * stays where it is, also if the server is considered down: a paused server resumes it.
 */
function configuration(balanced: readonly Balanced[]): string {
  return `defaults
  mode tcp
  balance roundrobin
  timeout connect 2s
  timeout client 10m
  timeout server 10m
  retries 3
  option redispatch 1
  default-server check inter 500ms fall 1 rise 1 observe layer4 error-limit 1 on-error mark-down
${
    balanced.map(({ name, port, servers }) => `
listen ${name}
  bind 127.0.0.1:${port}
${servers.map((server, i) => `  server ${name}${i} 127.0.0.1:${server}\n`).join("")}`).join("")
  }`;
}
