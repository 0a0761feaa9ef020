/**
 * Everything about a server that can be counted, for Prometheus.
 *
 * @module
 */
import type { AdminSystem } from "./admin_system.ts";
import { EventCounts } from "./event_counts.ts";
import { EventLoopDelay } from "./event_loop.ts";
import { CONTENT_TYPES, exposition, type Metric } from "./exposition.ts";
import type { Health } from "./health.ts";
import type { MetricDefinition, Readings } from "./metric_definition.ts";
import { METRICS } from "./metric_table.ts";
import type { StoreTotals } from "./store_totals.ts";
import { TransferDurations } from "./transfer_durations.ts";

/** A page of metrics. */
export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

export class Metrics implements Disposable {
  readonly #resources = new DisposableStack();
  readonly #readings: Readings;

  constructor(system: AdminSystem, health: Health, totals: StoreTotals) {
    const { monitor, clock } = system.context;
    this.#readings = {
      ...{ system, health, totals },
      events: this.#resources.use(new EventCounts(monitor.events)),
      eventLoop: this.#resources.use(new EventLoopDelay()),
      durations: this.#resources.use(new TransferDurations(monitor, clock)),
    };
  }

  /** The current values. `accept`: the header of that name. */
  async page(accept = ""): Promise<MetricsPage> {
    const format = accept.includes("application/openmetrics-text") ? "openMetrics" : "text";
    const metrics = await Promise.all(METRICS.map((definition) => this.#read(definition)));
    return {
      contentType: CONTENT_TYPES[format],
      text: exposition(metrics, format, { server: this.#readings.system.name }),
    };
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }

  /** Values are read when somebody asks, so that counting costs nothing in between. */
  async #read({ read, ...description }: MetricDefinition): Promise<Metric> {
    try {
      return { ...description, samples: await read(this.#readings) };
    } catch {
      // A store does not answer, which `xfer_check_ok` says. The other metrics have values.
      return { ...description, samples: [] };
    }
  }
}
