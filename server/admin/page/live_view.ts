/**
 * What happens now: health, numbers, connections and transfers. The page fetches it again every two seconds.
 *
 * @module
 */
import { html } from "hono/html";
import type { CheckStatus } from "../../check/background_check.ts";
import type { ServerState } from "../../control/server_reports.ts";
import { type RunningServer, sessionsOf, statusOf } from "../../control/server_status.ts";
import type { HookReport } from "../../hooks/hook_settings.ts";
import type { AdminSystem } from "../admin_system.ts";
import type { TransferDirection } from "../../monitor/traffic.ts";
import type { HealthReport } from "../health.ts";
import type { StoredTotals } from "../store_totals.ts";
import type { AdminSession } from "./admin_sessions.ts";
import { connectionsView } from "./connections_view.ts";
import { formatCount, formatDuration, formatSize, formatTime, plural } from "./format.ts";
import { eventTable } from "./events_view.ts";
import type { Html } from "./layout.ts";
import type { RecentEvent } from "./recent_events.ts";
import { type Column, table } from "./table.ts";
import type { Throughput } from "./throughput.ts";

/** The time that an event for the receiver may wait before the page says so, in milliseconds. */
const LATE_MS = 10 * 60_000;

export interface LiveState {
  readonly system: AdminSystem;
  readonly session: AdminSession;
  readonly health: HealthReport;
  /** `undefined` if the catalog does not answer. */
  readonly totals: StoredTotals | undefined;
  readonly throughput: Throughput;
  readonly free: number;
  /** The newest first. */
  readonly events: readonly RecentEvent[];
  /** The servers that share the catalog, with this one. */
  readonly servers: readonly ServerState[];
  /** The check of stored files; `undefined` if the catalog does not answer. */
  readonly check: CheckStatus | undefined;
  /** The events for a receiver; `undefined` without one, or if the catalog does not answer. */
  readonly hooks: HookReport | undefined;
}

/** The page around it, which says if it is no longer up to date. */
export function overview(state: LiveState): Html {
  return html`
    <section id="lost" class="note bad" role="alert" hidden>
      The server has sent nothing since <time></time>. This page shows the state before that.
      <a href="/">Load it again</a>
    </section>
    <div id="live">${liveView(state)}</div>
  `;
}

export function liveView(state: LiveState): Html {
  const { system, session, health, totals, throughput, free, events, hooks } = state;
  const { context: { monitor, clock } } = system;
  const connections = [...monitor.connections.values()];
  const transfers = connections.reduce((sum, one) => sum + one.transfers.size, 0);
  const servers = withOwn(state);
  const [up, down] = [throughput.now("upload"), throughput.now("download")];
  return html`
    ${healthView(health)}${checkNote(state.check)}${hooksNote(hooks, clock())}
    <dl class="cards">
      ${card("Connections", formatCount(connections.length), plural(transfers, "transfer"))}
      ${card("Uploads", `${formatSize(up)}/s`, "")}
      ${card("Downloads", `${formatSize(down)}/s`, "")}
      ${totals === undefined
        ? ""
        : card("Stored", formatSize(totals.bytes), plural(totals.files, "file"))}
      ${card("Free", free === Infinity ? "Object store" : formatSize(free), "")}
      ${hooks === undefined
        ? ""
        : card("Events waiting", formatCount(hooks.waiting), `${formatCount(hooks.dead)} given up`)}
      ${card(
        "Running",
        formatDuration(clock() - monitor.startedAt),
        `since ${formatTime(monitor.startedAt)}`,
      )}
    </dl>
    <section aria-labelledby="throughput"><h2 id="throughput">Throughput of the last hour</h2>
      ${throughput.picture()}
      <div class="axis" aria-hidden="true"><span>1 hour ago</span><span>30 minutes ago</span><span>now</span></div>
      <ul class="legend"><li class="upload"><b></b>Uploads</li><li class="download"><b></b>Downloads</li>
      <li>Highest: ${formatSize(throughput.peak)}/s</li></ul>
    </section>
    ${connectionsView(servers, session, clock())}
    <section aria-labelledby="recent"><h2 id="recent">Recent events</h2>${eventTable(
      events,
    )}</section>
    ${servers.length < 2 ? "" : serversView(system, servers)}
  `;
}

/** The servers; of this one, what is true now. */
function withOwn({ system: { name, context, epoch }, servers }: LiveState): ServerState[] {
  const sessions = sessionsOf(context);
  const own = { status: statusOf(context), sessions, omitted: 0, looked: [] };
  if (servers.length === 0) return [{ name, epoch: 0, report: own }];
  return servers.map((server) => server.epoch === epoch() ? { ...server, report: own } : server);
}

function serversView({ name, context: { clock } }: AdminSystem, servers: readonly ServerState[]) {
  return html`
    <section aria-labelledby="servers">
      <h2 id="servers">Servers of this catalog</h2>
      ${table(serverColumns(clock()), servers)}
      <p
        class="quiet">Health, numbers, throughput and events on this page are those of ${name}. Each server has a page of its own.</p>
    </section>
  `;
}

function serverColumns(now: number): readonly Column<ServerState>[] {
  const number = (name: string, of: (status: RunningServer) => string): Column<ServerState> => ({
    name,
    kind: "number",
    cell: ({ report }) => report === undefined ? "" : of(report.status),
  });
  const transferred = (status: RunningServer, direction: TransferDirection) => {
    const { files, bytes } = status.traffic.find((one) => one.direction === direction) ?? NOTHING;
    return `${plural(files, "file")}, ${formatSize(bytes)}`;
  };
  return [
    {
      ...{ name: "Server", isHeading: true },
      cell: ({ name, report }) =>
        report === undefined ? html`${name} <span class="quiet">(no report)</span>` : name,
    },
    number("Connections", ({ connections }) => formatCount(connections)),
    number("Users", ({ users }) => formatCount(users)),
    number("Uploads", (status) => transferred(status, "upload")),
    number("Downloads", (status) => transferred(status, "download")),
    number("Since", ({ startedAt }) => formatDuration(now - startedAt)),
  ];
}

const NOTHING = { files: 0, bytes: 0 };

function healthView({ ready, checks }: HealthReport): Html {
  const failed = Object.entries(checks).filter(([, { ok }]) => !ok);
  return html`<section class="${
    ready ? "note" : "note bad"
  }" aria-labelledby="health"><h2 id="health">Health:
    ${
    ready
      ? html`<span class="state good">ready</span>`
      : html`<span class="state bad">not ready</span>`
  }</h2>
    ${
    ready
      ? html`<span class="quiet">${
        Object.entries(checks).map(([name, { ms }]) => `${name} ${Math.round(ms)} ms`).join(", ")
      }</span>`
      : html`<ul>${failed.map(([name, { reason }]) => html`<li>${name}: ${reason}</li>`)}</ul>`
  }</section>`;
}

/** Damage, and a check that waits. Everything else is on the page of the storage. */
function checkNote(check: CheckStatus | undefined): Html {
  if (check === undefined || (check.damaged === 0 && check.state !== "waiting")) return html``;
  const words = check.damaged === 0
    ? "The check of stored files waits."
    : `${plural(check.damaged, "damaged file")}.`;
  return html`<section class="note bad" aria-labelledby="files"><h2 id="files">Files:
    <span class="state bad">${words}</span></h2> <a href="/storage#check">More</a></section>`;
}

/** Events that were given up, or that wait for long. */
function hooksNote(hooks: HookReport | undefined, now: number): Html {
  if (hooks === undefined) return html``;
  const { dead, waiting, oldest = now } = hooks;
  const isLate = now - oldest > LATE_MS;
  if (dead === 0 && !isLate) return html``;
  const words = [
    ...dead === 0 ? [] : [`${plural(dead, "event")} given up`],
    ...isLate
      ? [`the oldest of ${formatCount(waiting)} waits for ${formatDuration(now - oldest)}`]
      : [],
  ];
  return html`
    <section class="note bad" aria-labelledby="hooks">
      <h2 id="hooks">Events for --hook-url: <span class="state bad">${words.join("; ")}</span></h2>
      <code>xfer server hooks list</code>
    </section>
  `;
}

function card(name: string, value: string, more: string): Html {
  return html`
    <div class="card">
      <dt>${name}</dt>
      <dd>${value}<small>${more}</small></dd>
    </div>
  `;
}
