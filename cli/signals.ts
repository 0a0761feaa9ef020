/**
 * Stops commands cleanly on Ctrl-C.
 *
 * @module
 */
import { InterruptedError } from "../protocol/errors.ts";

/** The signals that ask a command to stop. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGBREAK";

/** Windows has no SIGTERM. Ctrl-Break is a second way to stop a program there. */
export function stoppingSignals(os: typeof Deno.build.os): readonly StopSignal[] {
  return os === "windows" ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM"];
}

export const STOPPING = stoppingSignals(Deno.build.os);

/** Listens for the first signal to stop. A second one is not handled, so it ends the program at once. */
export class Interrupt {
  readonly #controller = new AbortController();
  #by: StopSignal | undefined;

  constructor(onStop: (by: StopSignal) => void) {
    const listeners = STOPPING.map((by) => [by, () => stop(by)] as const);
    const stop = (by: StopSignal) => {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
      this.#by = by;
      onStop(by);
      const how = by === "SIGINT" ? "Ctrl-C" : by;
      this.#controller.abort(
        new InterruptedError("interrupted", `interrupted by ${how}`),
      );
    };
    for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  }

  /** Aborted, with an `InterruptedError`, when the command must stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The received signal, if any. */
  get by(): StopSignal | undefined {
    return this.#by;
  }
}
