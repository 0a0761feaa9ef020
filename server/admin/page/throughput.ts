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

export class Throughput implements Disposable {
  readonly #monitor: Monitor;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Bytes per second, oldest first. */
  readonly #rates: Record<TransferDirection, number[]> = { upload: [], download: [] };
  #last: Record<TransferDirection, number>;

  constructor(monitor: Monitor, everyMs = EVERY_MS) {
    this.#monitor = monitor;
    this.#last = this.#totals();
    this.#timer = setInterval(() => this.#sample(everyMs), everyMs);
  }

  /** Bytes per second in the last interval. */
  now(direction: TransferDirection): number {
    return this.#rates[direction].at(-1) ?? 0;
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

  #sample(everyMs: number): void {
    const totals = this.#totals();
    for (const direction of DIRECTIONS) {
      const rates = this.#rates[direction];
      rates.push(1000 * (totals[direction] - this.#last[direction]) / everyMs);
      if (rates.length > SAMPLES) rates.shift();
    }
    this.#last = totals;
  }

  #totals(): Record<TransferDirection, number> {
    const { traffic } = this.#monitor;
    return { upload: traffic.total("upload").bytes, download: traffic.total("download").bytes };
  }
}
