/**
 * How fast bytes go: a mean over the last seconds, or, where they come in rare lumps, over the last lumps.
 *
 * @module
 */

/** Over so many milliseconds the mean is taken: longer than a network hiccups, shorter than people wait for the truth. */
const WINDOW_MS = 10_000;
/** Of bytes that come more often, it is kept how many there were at so many milliseconds' distance. */
const STEP_MS = 200;
/** So many lumps are looked back on, however long ago they came. */
const MIN_POINTS = 4;
/** Before so many milliseconds have passed nothing is said. */
const MIN_SPAN_MS = 1000;

interface Point {
  readonly at: number;
  /** What has come until then. */
  readonly bytes: number;
}

/** Times are in milliseconds, of any clock that never goes back. It keeps `WINDOW_MS / STEP_MS` points, about. */
export class RateMeter {
  #points: Point[] = [];

  /** Forgets what was before: time begins now. */
  begin(at: number): void {
    this.#points = [{ at, bytes: 0 }];
  }

  /** So many more bytes have come. */
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

  /** Bytes a second, or `undefined` where it is too early to say. */
  rate(now: number): number | undefined {
    const recent = this.#points.findIndex(({ at }) => now - at <= WINDOW_MS);
    const begin = this.#points.length - MIN_POINTS;
    const points = this.#points.slice(Math.max(0, recent < 0 ? begin : Math.min(recent, begin)));
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined || first === last) return undefined;
    // What comes in lumps is not late before the time of one more has passed.
    const between = (last.at - first.at) / (points.length - 1);
    const span = Math.max(last.at, now - between) - first.at;
    return span < MIN_SPAN_MS ? undefined : (last.bytes - first.bytes) * 1000 / span;
  }
}
