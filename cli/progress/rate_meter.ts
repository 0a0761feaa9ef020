/**
 * The rate of a transfer: the mean of the last seconds, or of the last chunks if they are further apart.
 *
 * @module
 */

/** Milliseconds of the mean: longer than short interruptions, short enough to follow real changes. */
const WINDOW_MS = 10_000;
/** Milliseconds between two points. Bytes that arrive more often are merged. */
const STEP_MS = 200;
/** Points that always count, however old they are. */
const MIN_POINTS = 4;
/** Milliseconds after which the first rate is known. */
const MIN_SPAN_MS = 1000;

interface Point {
  readonly at: number;
  /** The total up to then. */
  readonly bytes: number;
}

/** Times are in milliseconds of a monotonic clock. Keeps about `WINDOW_MS / STEP_MS` points. */
export class RateMeter {
  #points: Point[] = [];

  /** Starts again, without earlier points. */
  begin(at: number): void {
    this.#points = [{ at, bytes: 0 }];
  }

  /** Adds transferred bytes. */
  add(at: number, bytes: number): void {
    const last = this.#points.at(-1);
    if (last === undefined) return this.begin(at);
    const point = { at, bytes: last.bytes + bytes };
    const before = this.#points.at(-2);
    if (before !== undefined && at - before.at < STEP_MS) this.#points.pop();
    this.#points.push(point);
    while (
      this.#points.length > MIN_POINTS && at - (this.#points[1] as Point).at >= WINDOW_MS
    ) this.#points.shift();
  }

  /** Bytes per second; `undefined` if it is too early to know. */
  rate(now: number): number | undefined {
    const recent = this.#points.findIndex(({ at }) => now - at <= WINDOW_MS);
    const begin = this.#points.length - MIN_POINTS;
    const points = this.#points.slice(Math.max(0, recent < 0 ? begin : Math.min(recent, begin)));
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined || first === last) return undefined;
    // A chunk is late only after the usual time between two has passed.
    const between = (last.at - first.at) / (points.length - 1);
    const span = Math.max(last.at, now - between) - first.at;
    return span < MIN_SPAN_MS ? undefined : (last.bytes - first.bytes) * 1000 / span;
  }
}
