/**
 * Ending in good order at Ctrl-C.
 *
 * @module
 */
import { InterruptedError } from "../protocol/errors.ts";

/** What asks a command to end. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGBREAK";

/** On Windows nothing sends SIGTERM; Ctrl-Break is a second way to end a program there. */
export function stoppingSignals(os: typeof Deno.build.os): readonly StopSignal[] {
  return os === "windows" ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM"];
}

export const STOPPING = stoppingSignals(Deno.build.os);

/** Listens for the first signal to stop. Nobody listens for a second one: it ends the program at once. */
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
        new InterruptedError("interrupted", `The command was stopped by ${how}`),
      );
    };
    for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  }

  /** Is aborted, with an `InterruptedError`, when the command is to stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Which signal has come. */
  get by(): StopSignal | undefined {
    return this.#by;
  }
}
