/**
 * The bytes that a server has transferred in the last hour, as a picture.
 *
 * @module
 */
import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import type { Monitor } from "../../monitor/monitor.ts";
import { DIRECTIONS, type TransferDirection } from "../../monitor/traffic.ts";
import { formatSize } from "./format.ts";

/** The interval of samples, in milliseconds, and their number: an hour. */
const EVERY_MS = 20_000;
const SAMPLES = 180;
/** The size of the picture in its own units. */
const [WIDTH, HEIGHT] = [720, 120];

/** The shortest time over which a rate is measured, in milliseconds. */
const LEAST_MS = 1000;

/** All bytes at a time in `ticks`. */
interface Mark {
  readonly totals: Readonly<Record<TransferDirection, number>>;
  readonly at: number;
}

export class Throughput implements Disposable {
  readonly #monitor: Monitor;
  readonly #ticks: () => number;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Bytes per second, oldest first. */
  readonly #rates: Record<TransferDirection, number[]> = { upload: [], download: [] };
  /** At the last sample, and at the one before it. */
  #last: Mark;
  #before: Mark;

  /** `ticks`: milliseconds since any moment. */
  constructor(monitor: Monitor, ticks: () => number, everyMs = EVERY_MS) {
    this.#monitor = monitor;
    this.#ticks = ticks;
    this.#last = this.#before = this.#mark();
    this.#timer = setInterval(() => this.#sample(), everyMs);
  }

  /** Bytes per second in the last 20 to 40 seconds. */
  now(direction: TransferDirection): number {
    return rateBetween(this.#before, this.#mark(), direction);
  }

  /** The highest rate of the hour. */
  get peak(): number {
    return Math.max(0, ...DIRECTIONS.flatMap((direction) => this.#rates[direction]));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** A line for each direction; a text for those who do not see it. */
  picture(): HtmlEscapedString | Promise<HtmlEscapedString> {
    const { peak } = this;
    const text = `Throughput of the last hour: at most ${formatSize(peak)}/s; now ` +
      DIRECTIONS.map((direction) => `${direction}s ${formatSize(this.now(direction))}/s`).join(
        ", ",
      );
    return html`
      <svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${text}"
        preserveAspectRatio="none">
            <path class="grid" d="M0 0.5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT -
              0.5}H${WIDTH}"/>
            ${DIRECTIONS.map((direction) =>
              html`
                <path class="${direction}" d="${this.#path(direction, peak)}" />
              `
            )}
          </svg>
    `;
  }

  #path(direction: TransferDirection, peak: number): string {
    const rates = this.#rates[direction];
    const step = WIDTH / (SAMPLES - 1);
    const begin = WIDTH - (rates.length - 1) * step;
    return rates.map((rate, i) => {
      const y = HEIGHT - 2 - (peak === 0 ? 0 : rate / peak) * (HEIGHT - 4);
      return `${i === 0 ? "M" : "L"}${(begin + i * step).toFixed(1)} ${y.toFixed(1)}`;
    }).join("");
  }

  #sample(): void {
    this.#before = this.#last;
    this.#last = this.#mark();
    for (const direction of DIRECTIONS) {
      const rates = this.#rates[direction];
      rates.push(rateBetween(this.#before, this.#last, direction));
      if (rates.length > SAMPLES) rates.shift();
    }
  }

  #mark(): Mark {
    const { traffic } = this.#monitor;
    const [upload, download] = [traffic.total("upload").bytes, traffic.total("download").bytes];
    return { totals: { upload, download }, at: this.#ticks() };
  }
}

function rateBetween(from: Mark, to: Mark, direction: TransferDirection): number {
  const bytes = to.totals[direction] - from.totals[direction];
  return 1000 * bytes / Math.max(LEAST_MS, to.at - from.at);
}
