/**
 * Everything about a server that can be counted, for Prometheus.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { AdminSystem } from "./admin_system.ts";
import { EventCounts } from "./event_counts.ts";
import { EventLoopDelay } from "./event_loop.ts";
import type { Health } from "./health.ts";
import { type Labels, type MetricDefinition, METRICS, type Readings } from "./metric_table.ts";
import type { StoreTotals } from "./store_totals.ts";

/** Seconds. Small files take milliseconds; a large one can take hours. */
const DURATIONS = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 1800, 7200];

const OPEN_METRICS = "application/openmetrics-text";

/** A page of metrics. */
export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

export class Metrics implements Disposable {
  readonly #registry = new Registry();
  readonly #resources = new DisposableStack();
  /** Pages are made one after the other, since the registry has one format at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(system: AdminSystem, health: Health, totals: StoreTotals) {
    const { context, name } = system;
    const readings: Readings = {
      ...{ system, health, totals },
      events: this.#resources.use(new EventCounts(context.monitor.events)),
      eventLoop: this.#resources.use(new EventLoopDelay()),
    };
    this.#registry.setDefaultLabels({ server: name });
    for (const definition of METRICS) this.#register(definition, readings);
    this.#registerDurations(system);
  }

  /** The current values. `accept`: the header of that name. */
  page(accept = ""): Promise<MetricsPage> {
    const page = this.#turn.then(() => this.#page(accept.includes(OPEN_METRICS)));
    this.#turn = page.catch(() => undefined);
    return page;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }

  async #page(isOpenMetrics: boolean): Promise<MetricsPage> {
    const registry = this.#registry as Registry<
      typeof Registry.OPENMETRICS_CONTENT_TYPE | typeof Registry.PROMETHEUS_CONTENT_TYPE
    >;
    registry.setContentType(
      isOpenMetrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE,
    );
    return { text: await registry.metrics(), contentType: registry.contentType };
  }

  /** Adds a metric whose values are read when somebody asks, so that counting costs nothing in between. */
  #register({ type, read, labels = [], ...description }: MetricDefinition, readings: Readings) {
    const options = { ...description, labelNames: [...labels], registers: [this.#registry] };
    const values = async (set: (labels: Labels, value: number) => void) => {
      try {
        for (const [labels, value] of await read(readings)) set(labels, value);
      } catch {
        // A store does not answer, which `xfer_check_ok` says. The other metrics have values.
      }
    };
    if (type === "counter") {
      new Counter({
        ...options,
        async collect() {
          this.reset();
          await values((labels, value) => this.inc(labels, value));
        },
      });
      return;
    }
    new Gauge({
      ...options,
      async collect() {
        this.reset();
        await values((labels, value) => this.set(labels, value));
      },
    });
  }

  #registerDurations({ context: { monitor, clock } }: AdminSystem): void {
    const durations = new Histogram({
      name: "xfer_transfer_duration_seconds",
      help: "Duration of completed transfers, without small files that travel in packs",
      labelNames: ["protocol", "direction"],
      buckets: DURATIONS,
      registers: [this.#registry],
    });
    this.#resources.use(monitor.observe({
      transferEnded({ protocol }, { direction, since }, outcome) {
        if (outcome !== "completed") return;
        durations.observe({ protocol, direction }, Math.max(0, clock() - since) / 1000);
      },
    }));
  }
}
