/** The distance between the two ends of a transfer, for which a relay stands. */
import { freePort, soon, stop } from "./processes.ts";

/** Ports through which clients reach a server. */
export class Distance implements AsyncDisposable {
  /** One for each port of the server. */
  readonly ports: readonly number[];
  readonly #delay: number;
  #relay: Deno.ChildProcess | undefined;

  private constructor(roundTripMs: number, ports: readonly number[]) {
    this.#delay = roundTripMs / 2;
    this.ports = ports;
  }

  /** Chooses ports. Clients can connect to them after `lead`. */
  static of(roundTripMs: number, count: number): Distance {
    return new Distance(roundTripMs, Array.from({ length: count }, freePort));
  }

  /** Starts the relay, from each port to one of the server's. */
  async lead(to: readonly number[]): Promise<void> {
    const relay = new URL("./delay_relay.ts", import.meta.url).pathname;
    const pairs = this.ports.map((port, i) => `${port}:${to[i]}`);
    const args = ["run", "--quiet", "--no-check", "--allow-net", relay, `${this.#delay}`, ...pairs];
    const options = { args, stdin: "null", stdout: "piped", stderr: "null" } as const;
    this.#relay = new Deno.Command(Deno.execPath(), options).spawn();
    const reader = this.#relay.stdout.getReader();
    await soon("the relay listens", async () => (await reader.read()).value);
    await reader.cancel();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#relay !== undefined) await stop(this.#relay);
  }
}
