/**
 * How long transfers take, as histograms.
 *
 * @module
 */
import type { Monitor } from "../monitor/monitor.ts";
import { TRAFFIC_KINDS } from "../monitor/traffic.ts";
import type { Labels, Sample } from "./exposition.ts";

/** Seconds. Small files take milliseconds; a large one can take hours. */
const BOUNDS = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 1800, 7200, Infinity];

interface Histogram {
  readonly labels: Labels;
  /** `count`: the number of durations up to `bound`. */
  readonly buckets: readonly { readonly bound: number; count: number }[];
  /** Seconds. */
  sum: number;
}

/** Measures completed transfers by protocol and direction, without small files that travel in packs. */
export class TransferDurations implements Disposable {
  readonly #histograms = new Map<string, Histogram>();
  readonly #subscription: Disposable;

  /** `clock`: milliseconds since the epoch. */
  constructor(monitor: Pick<Monitor, "observe">, clock: () => number) {
    for (const [protocol, direction] of TRAFFIC_KINDS) {
      const buckets = BOUNDS.map((bound) => ({ bound, count: 0 }));
      const labels = { protocol, direction };
      this.#histograms.set(`${protocol} ${direction}`, { labels, buckets, sum: 0 });
    }
    this.#subscription = monitor.observe({
      transferEnded: ({ protocol }, { direction, since }, outcome) => {
        const histogram = this.#histograms.get(`${protocol} ${direction}`);
        if (outcome !== "completed" || histogram === undefined) return;
        const seconds = Math.max(0, clock() - since) / 1000;
        for (const bucket of histogram.buckets) if (seconds <= bucket.bound) bucket.count++;
        histogram.sum += seconds;
      },
    });
  }

  samples(): Sample[] {
    return [...this.#histograms.values()].flatMap(({ labels, buckets, sum }): Sample[] => {
      const counts = buckets.map(({ bound, count }): Sample => [
        { ...labels, le: bucketLabel(bound) },
        count,
        "_bucket",
      ]);
      return [...counts, [labels, sum, "_sum"], [labels, buckets.at(-1)?.count ?? 0, "_count"]];
    });
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }
}

/** OpenMetrics has one spelling of each bound, in which whole numbers have a fraction. */
function bucketLabel(bound: number): string {
  if (bound === Infinity) return "+Inf";
  return Number.isInteger(bound) ? `${bound}.0` : `${bound}`;
}
