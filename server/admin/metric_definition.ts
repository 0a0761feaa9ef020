/**
 * The definition of a metric, and of the kinds of metrics that a server has several of.
 *
 * @module
 */
import type { CheckStatus } from "../check/background_check.ts";
import type { HookReport } from "../hooks/hook_settings.ts";
import { type FileCounts, TRAFFIC_KINDS } from "../monitor/traffic.ts";
import { type AdminSystem, CHECK_FRESH_MS } from "./admin_system.ts";
import type { EventCounts } from "./event_counts.ts";
import type { EventLoopDelay } from "./event_loop.ts";
import type { Metric, Sample } from "./exposition.ts";
import type { Health } from "./health.ts";
import type { StoredTotals, StoreTotals } from "./store_totals.ts";
import type { TransferDurations } from "./transfer_durations.ts";

/** Where metrics are read. */
export interface Readings {
  readonly system: AdminSystem;
  readonly health: Health;
  readonly totals: StoreTotals;
  readonly events: EventCounts;
  readonly eventLoop: EventLoopDelay;
  readonly durations: TransferDurations;
}

/** A metric without its values. A counter begins at 0 when the server starts. */
export interface MetricDefinition extends Omit<Metric, "samples"> {
  /** Throws or rejects if a store does not answer. */
  readonly read: (readings: Readings) => Iterable<Sample> | Promise<Iterable<Sample>>;
}

/** One value for each protocol and direction. */
export function perTraffic(
  name: string,
  help: string,
  of: (counts: FileCounts) => number,
): MetricDefinition {
  return {
    ...{ name, help, type: "counter" },
    read: ({ system: { context: { monitor } } }) =>
      TRAFFIC_KINDS.map(([protocol, direction]): Sample => [
        { protocol, direction },
        of(monitor.traffic.of(protocol, direction)),
      ]),
  };
}

/** A gauge without labels. */
export function gauge(
  name: string,
  help: string,
  of: (readings: Readings) => number | Promise<number>,
): MetricDefinition {
  return { name, help, type: "gauge", read: async (readings) => [[{}, await of(readings)]] };
}

/** A total of all accounts. */
export function total(
  name: string,
  help: string,
  of: (totals: StoredTotals) => number,
): MetricDefinition {
  return gauge(name, help, async ({ totals }) => of(await totals.read()));
}

/** A gauge of the check of stored files. It has no value as long as that is not known. */
export function ofCheck(
  name: string,
  help: string,
  of: (check: CheckStatus) => number | undefined,
): MetricDefinition {
  return {
    ...{ name, help, type: "gauge" },
    async read({ system: { check } }) {
      const value = of(await check.status(CHECK_FRESH_MS));
      return value === undefined ? [] : [[{}, value]];
    },
  };
}

/** A number of the events for a receiver. `now`: milliseconds since the epoch. */
export function hooks(
  name: string,
  help: string,
  type: "gauge" | "counter",
  of: (report: HookReport, now: number) => number,
): MetricDefinition {
  return {
    ...{ name, help, type },
    async read({ system: { hooks, context: { clock } } }) {
      return hooks === undefined ? [] : [[{}, of(await hooks.report(), clock())]];
    },
  };
}

/** A counter whose label has a value for each of some events; several can have the same. */
export function events(
  name: string,
  help: string,
  label: string,
  byEvent: Readonly<Record<string, string>>,
): MetricDefinition {
  return {
    ...{ name, help, type: "counter" },
    read({ events }) {
      const counts = new Map<string, number>();
      for (const [event, value] of Object.entries(byEvent)) {
        counts.set(value, (counts.get(value) ?? 0) + events.of(event));
      }
      return [...counts].map(([value, count]): Sample => [{ [label]: value }, count]);
    },
  };
}
