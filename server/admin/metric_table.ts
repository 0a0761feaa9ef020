/**
 * The metrics of a server, in one table: their meaning, and where their values come from. No label has a user's text.
 *
 * @module
 */
import denoJson from "../../deno.json" with { type: "json" };
import { isQueueing } from "../catalog/catalog.ts";
import { CHECK_STATES } from "../check/background_check.ts";
import { LIMIT_NAMES, LIMITS } from "../limits/limits.ts";
import { PROTOCOL_NUMBERS, TRAFFIC_KINDS } from "../monitor/traffic.ts";
import { CHECK_FRESH_MS } from "./admin_system.ts";
import type { Sample } from "./exposition.ts";
import {
  events,
  gauge,
  hooks,
  type MetricDefinition,
  ofCheck,
  perTraffic,
  total,
} from "./metric_definition.ts";

/** Events about clients that were refused. Their codes are those of the server. */
const REFUSALS: Readonly<Record<string, string>> = {
  "client.denied": "sign-in",
  "client.refused": "sign-in",
  "client.dismissed": "revoked",
  "key.refused": "key",
  "file.refused": "file",
  "request.refused": "request",
  "connection.refused": "protocol",
};

export const METRICS: readonly MetricDefinition[] = [
  {
    ...{ name: "xfer_build_info", help: "Version of xfer and of Deno, always 1", type: "gauge" },
    read: () => [[{ version: denoJson.version, deno: Deno.version.deno }, 1]],
  },
  gauge(
    "xfer_start_time_seconds",
    "Start of the server, in seconds since 1970",
    ({ system: { context: { monitor } } }) => monitor.startedAt / 1000,
  ),

  // Connections and transfers.
  {
    ...{ name: "xfer_connections", help: "Open connections", type: "gauge" },
    read: ({ system: { context: { monitor } } }) => {
      const open = { 3: 0, 4: 0 };
      for (const { protocol } of monitor.connections.values()) open[protocol]++;
      return PROTOCOL_NUMBERS.map((protocol): Sample => [{ protocol }, open[protocol]]);
    },
  },
  {
    name: "xfer_connections_accepted_total",
    ...{ help: "Connections since the start", type: "counter" },
    read: ({ system: { context: { monitor } } }) =>
      PROTOCOL_NUMBERS.map((protocol): Sample => [{ protocol }, monitor.accepted(protocol)]),
  },
  {
    ...{ name: "xfer_transfers", help: "Transfers in progress, without packs", type: "gauge" },
    read: ({ system: { context: { monitor } } }) => {
      const open = new Map<string, number>();
      for (const { protocol, transfers } of monitor.connections.values()) {
        for (const { direction } of transfers) {
          const key = `${protocol} ${direction}`;
          open.set(key, (open.get(key) ?? 0) + 1);
        }
      }
      return TRAFFIC_KINDS.map(([protocol, direction]): Sample => [
        { protocol, direction },
        open.get(`${protocol} ${direction}`) ?? 0,
      ]);
    },
  },
  perTraffic(
    ...["xfer_transfers_started_total", "Files whose transfer has begun"] as const,
    ({ started }) => started,
  ),
  perTraffic(
    ...["xfer_transfers_completed_total", "Files that were stored or downloaded"] as const,
    ({ completed }) => completed,
  ),
  perTraffic(
    "xfer_transfers_handed_over_total",
    "Uploads whose file waits in the catalog for its client, at any server",
    ({ handedOver }) => handedOver,
  ),
  perTraffic(
    "xfer_transfer_bytes_total",
    "Bytes of content, including those of files that failed; in packs, with their names",
    ({ bytes }) => bytes,
  ),
  {
    ...{ name: "xfer_transfers_failed_total", help: "Files that failed", type: "counter" },
    read: ({ system: { context: { monitor } } }) =>
      TRAFFIC_KINDS.flatMap(([protocol, direction]) =>
        [...monitor.traffic.of(protocol, direction).failed].map(([code, count]): Sample => [
          { protocol, direction, code },
          count,
        ])
      ),
  },
  {
    name: "xfer_transfer_duration_seconds",
    help: "Duration of completed transfers, without small files that travel in packs",
    type: "histogram",
    read: ({ durations }) => durations.samples(),
  },

  // Sign-ins, refusals and limits.
  events("xfer_sign_ins_total", "Sign-ins of clients", "how", {
    "client.logged-in": "known",
    "client.reconnected": "reconnected",
    "client.registered": "registered",
    "client.linked": "linked",
    "client.claimed": "claimed",
  }),
  {
    ...{ name: "xfer_refusals_total", help: "Refusals by what was refused", type: "counter" },
    read: ({ events }) =>
      Object.entries(REFUSALS).flatMap(([event, what]): Sample[] => {
        const codes = [...events.byCode(event)];
        const rest = events.of(event) - codes.reduce((sum, [, count]) => sum + count, 0);
        return [
          ...codes.map(([code, count]): Sample => [{ what, code }, count]),
          [{ what, code: "" }, rest],
        ];
      }),
  },
  {
    ...{ name: "xfer_limits_reached_total", help: "How often a limit was reached" },
    type: "counter",
    read: ({ system: { context: { limitLog } } }) =>
      LIMIT_NAMES.map((name): Sample => [
        { limit: LIMITS[name].option },
        limitLog.counts.get(name) ?? 0,
      ]),
  },
  events(
    "xfer_file_changes_total",
    "Files that clients have removed, renamed, restored or updated",
    "change",
    {
      "file.removed": "removed",
      "file.renamed": "renamed",
      "file.restored": "restored",
      "file.updated": "updated",
    },
  ),

  // Stores.
  total("xfer_accounts", "Accounts", ({ accounts }) => accounts),
  total("xfer_accounts_disabled", "Disabled accounts", ({ disabled }) => disabled),
  total("xfer_stored_files", "Stored files of all accounts", ({ files }) => files),
  total("xfer_stored_bytes", "Bytes of stored files", ({ bytes }) => bytes),
  total("xfer_history_files", "Old versions of all accounts", (totals) => totals.historyFiles),
  total("xfer_history_bytes", "Bytes of old versions", ({ historyBytes }) => historyBytes),
  total("xfer_partial_uploads", "Interrupted uploads that can be resumed", (all) => all.partials),
  total("xfer_partial_bytes", "Bytes of interrupted uploads", ({ partialBytes }) => partialBytes),
  gauge(
    "xfer_staged_uploads",
    "Uploads that are not stored yet",
    ({ system: { context: { staging } } }) => staging.count,
  ),
  gauge(
    "xfer_reserved_bytes",
    "Bytes that are reserved for uploads and not written yet",
    ({ system: { context: { staging } } }) => staging.reservedBytes,
  ),
  gauge(
    "xfer_free_bytes",
    "Free bytes on the disk of the files or the catalog; +Inf if both are elsewhere",
    ({ system }) => system.freeSpace(),
  ),
  gauge(
    "xfer_min_free_bytes",
    "Bytes that --min-free keeps free",
    ({ system: { context: { limits } } }) => limits.minFree,
  ),
  {
    ...{ name: "xfer_catalog_waiting", help: "Calls that wait for the catalog", type: "gauge" },
    read: ({ system: { context: { store: { catalog } } } }) =>
      isQueueing(catalog) ? [[{}, catalog.waiting()]] : [],
  },
  events("xfer_damaged_files_total", "Damaged files that were found", "by", {
    "file.damaged": "server",
    "store.missing": "start",
    "store.changed": "start",
  }),
  events("xfer_checked_files_total", "Files that the server has read and compared", "result", {
    "file.confirmed": "intact",
    "file.not-confirmed": "unreadable",
    "file.not-checked": "unreadable",
  }),
  {
    ...{ name: "xfer_file_check_state", help: "1 for the state of the check of stored files" },
    type: "gauge",
    async read({ system: { check } }) {
      const { state } = await check.status(CHECK_FRESH_MS);
      return CHECK_STATES.map((one): Sample => [{ state: one }, Number(one === state)]);
    },
  },
  ofCheck(
    "xfer_file_check_progress_ratio",
    "Part of the round in progress that is done, by bytes and files; 1 between rounds",
    ({ progress, last }) => progress ?? (last && 1),
  ),
  {
    name: "xfer_file_check_files",
    help: "Files of the round in progress, or of the last one, by what was found",
    type: "gauge",
    async read({ system: { check } }) {
      const { current, last } = await check.status(CHECK_FRESH_MS);
      const { files = 0, damaged = 0, unreadable = 0 } = current ?? last ?? {};
      const intact = Math.max(0, files - damaged - unreadable);
      return Object.entries({ intact, damaged, unreadable })
        .map(([result, count]): Sample => [{ result }, count]);
    },
  },
  ofCheck(
    "xfer_file_check_oldest_seconds",
    "Time since the file that comes next was read, at most",
    ({ oldestMs }) => oldestMs === undefined ? undefined : oldestMs / 1000,
  ),
  ofCheck(
    "xfer_file_check_interval_seconds",
    "Time within which every file is read again; 0 if that is off",
    ({ intervalMs }) => intervalMs / 1000,
  ),
  ofCheck(
    "xfer_unrepaired_files",
    "Files that are known to be damaged",
    ({ damaged }) => damaged,
  ),

  // Events for a receiver. Without one, these metrics have no values.
  hooks("xfer_hooks_waiting", "Events that wait for the receiver", "gauge", (all) => all.waiting),
  hooks("xfer_hooks_waiting_bytes", "Bytes of events that wait", "gauge", ({ bytes }) => bytes),
  hooks("xfer_hooks_dead", "Events that the servers have given up on", "gauge", ({ dead }) => dead),
  hooks(
    ...["xfer_hooks_age_seconds", "Age of the oldest event that waits", "gauge"] as const,
    ({ oldest }, now) => oldest === undefined ? 0 : Math.max(0, now - oldest) / 1000,
  ),
  hooks(
    ...["xfer_hooks_delivered_total", "Events that the receiver has accepted", "counter"] as const,
    ({ counts }) => counts.delivered,
  ),
  hooks(
    ...["xfer_hooks_failed_total", "Deliveries of events that have failed", "counter"] as const,
    ({ counts }) => counts.failed,
  ),
  hooks(
    ...["xfer_hooks_dropped_total", "Events dropped from a full queue", "counter"] as const,
    ({ counts }) => counts.dropped,
  ),

  // Health.
  {
    ...{ name: "xfer_check_ok", help: "1 if a check of /readyz succeeds", type: "gauge" },
    async read({ health }) {
      const { checks } = await health.report();
      return Object.entries(checks).map(([check, { ok }]): Sample => [{ check }, ok ? 1 : 0]);
    },
  },
  {
    ...{ name: "xfer_check_seconds", help: "Time of a check of /readyz", type: "gauge" },
    async read({ health }) {
      const { checks } = await health.report();
      return Object.entries(checks).map(([check, { ms }]): Sample => [{ check }, ms / 1000]);
    },
  },
  {
    ...{ name: "xfer_log_lines_total", help: "Lines of the log, including suppressed ones" },
    type: "counter",
    read: ({ events: { levels } }) =>
      Object.entries(levels).map(([level, count]): Sample => [{ level }, count]),
  },

  // The process.
  {
    ...{ name: "xfer_event_loop_delay_seconds", help: "Lateness of timers since the last scrape" },
    type: "gauge",
    read({ eventLoop }) {
      const { mean, max } = eventLoop.take();
      return [[{ of: "mean" }, mean / 1000], [{ of: "max" }, max / 1000]];
    },
  },
  {
    ...{ name: "xfer_memory_bytes", help: "Memory of the process", type: "gauge" },
    read() {
      const { rss, heapUsed, external } = Deno.memoryUsage();
      return [[{ of: "resident" }, rss], [{ of: "heap" }, heapUsed], [
        { of: "external" },
        external,
      ]];
    },
  },
];
