/**
 * Signs of life during a request that takes long, such as the renaming of a million entries.
 *
 * @module
 */
import type { Answers } from "./request_context.ts";

/** The interval in milliseconds. Clients wait several times as long for a silent server. */
const STILL_WORKING_MS = 15_000;
const NOTHING = new Uint8Array(0);

/** Sends `data` without bytes from time to time while work for a request runs. Returns the result of the work. */
export async function whileWorking<T>(
  answers: Pick<Answers, "sendChunk">,
  tag: number,
  work: () => Promise<T>,
  intervalMs = STILL_WORKING_MS,
): Promise<T> {
  // If the client has disconnected, the work goes on without it.
  const say = async () => await answers.sendChunk(tag, 0, NOTHING);
  const timer = setInterval(() => void say().catch(() => undefined), intervalMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
