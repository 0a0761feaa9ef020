/**
 * Says in the log which limits are reached, but not as often as a peer likes.
 *
 * @module
 */
import { type LimitError, type LimitName, LIMITS } from "./limits.ts";
import type { Log } from "./server_log.ts";

/** A limit is logged once in so many milliseconds; what was left out is counted in the next line. */
const PAUSE_MS = 1000;

export class LimitLog {
  readonly #log: Log;
  readonly #ticks: () => number;
  readonly #last = new Map<LimitName, { readonly at: number; omitted: number }>();

  constructor(log: Log, ticks: () => number) {
    this.#log = log;
    this.#ticks = ticks;
  }

  report(error: LimitError, address: string): void {
    const now = this.#ticks();
    const last = this.#last.get(error.limit);
    if (last !== undefined && now - last.at < PAUSE_MS) {
      last.omitted++;
      return;
    }
    this.#last.set(error.limit, { at: now, omitted: 0 });
    this.#log.warn(
      "Turned {address} away at {option}: {reason} ({omitted} more since the last line)",
      {
        event: "limit.reached",
        name: error.limit,
        option: `--${LIMITS[error.limit].option}`,
        address,
        reason: error.message,
        omitted: last?.omitted ?? 0,
      },
    );
  }
}
