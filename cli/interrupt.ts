/**
 * Ending in good order at Ctrl-C.
 *
 * @module
 */
import { killedBy } from "./exit_codes.ts";
import type { Reporter } from "./reporter.ts";

/** What asks a command to end. */
export const STOPPING = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"] as const
  : ["SIGINT", "SIGTERM"] as const;

/** Does work that ends in good order at Ctrl-C; a second one ends everything at once. Returns the exit code. */
export async function untilStopped(
  reporter: Reporter,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const controller = new AbortController();
  let stopped: (typeof STOPPING)[number] | undefined;
  const listeners = STOPPING.map((signal) =>
    [signal, () => {
      stopped = signal;
      unlisten();
      controller.abort();
    }] as const
  );
  const unlisten = () => {
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  };
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (stopped === undefined) throw error;
    reporter.report({ event: "stopped", signal: stopped });
    return killedBy(stopped);
  } finally {
    if (stopped === undefined) unlisten();
  }
}
