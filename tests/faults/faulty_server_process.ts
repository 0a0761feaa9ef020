/** A server in its own process, which is killed from outside or kills itself. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import type { Address } from "../../protocol/address.ts";
import { pathOfProgram } from "../support/programs.ts";
import { tiedCommand } from "../support/tied_processes.ts";
import type { FaultyServerOptions } from "./faulty_server.ts";

const PROGRAM = pathOfProgram("tests/faults/faulty_server.ts");

/** A process of `faulty_server.ts`. It is killed with the scope that holds it. */
export class FaultyServer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  /** The address where the server listens. `undefined` if it died before. */
  readonly address: Promise<Address | undefined>;

  constructor(options: FaultyServerOptions) {
    this.#process = tiedCommand(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--allow-all", PROGRAM, JSON.stringify(options)],
      // A killed process cannot remove its files there.
      env: { TMPDIR: dirname(options.dataFolder) },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.address = this.#readAddress();
  }

  /** Kills the process. */
  async kill(): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has already ended.
    }
    await this.#ended();
  }

  /** Stops the server gracefully. Returns whether it finished without having killed itself. */
  async stop(): Promise<boolean> {
    await this.#process.stdin.close().catch(() => undefined);
    const { code, signal } = await this.#ended();
    assert.ok(code === 0 || signal === "SIGKILL", `the server ended with ${code} (${signal})`);
    return code === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #ended(): Promise<Deno.CommandStatus> {
    const status = await this.#process.status;
    await this.address;
    if (!this.#process.stdin.locked) await this.#process.stdin.abort().catch(() => undefined);
    return status;
  }

  async #readAddress(): Promise<Address | undefined> {
    let text = "";
    for await (const part of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.endsWith("\n")) break;
    }
    return text === "" ? undefined : { hostname: "127.0.0.1", port: Number(text) };
  }
}
