/**
 * Logs limits that peers reach, at most once per second and limit.
 *
 * @module
 */
import { type LimitError, type LimitName, LIMITS } from "./limits.ts";
import type { Log } from "./server_log.ts";

/** The minimum time between two lines about one limit, in milliseconds. The next line counts the suppressed ones. */
const PAUSE_MS = 1000;

export class LimitLog {
  /** How often each limit was reached. */
  readonly counts: ReadonlyMap<LimitName, number>;
  readonly #counts = new Map<LimitName, number>();
  readonly #log: Log;
  readonly #ticks: () => number;
  readonly #last = new Map<LimitName, { readonly at: number; omitted: number }>();

  constructor(log: Log, ticks: () => number) {
    this.#log = log;
    this.#ticks = ticks;
    this.counts = this.#counts;
  }

  report(error: LimitError, address: string): void {
    this.#counts.set(error.limit, (this.#counts.get(error.limit) ?? 0) + 1);
    const now = this.#ticks();
    const last = this.#last.get(error.limit);
    if (last !== undefined && now - last.at < PAUSE_MS) {
      last.omitted++;
      return;
    }
    this.#last.set(error.limit, { at: now, omitted: 0 });
    const omitted = last?.omitted ?? 0;
    const suppressed = omitted === 0 ? "" : " ({omitted} similar messages suppressed)";
    this.#log.warn(`Limit {option} reached by {address}: {reason}${suppressed}`, {
      event: "limit.reached",
      name: error.limit,
      option: `--${LIMITS[error.limit].option}`,
      address,
      reason: error.message,
      omitted,
    });
  }
}
