/**
 * What happens now: health, numbers, connections and transfers. The page shows it, and gets it again every two seconds.
 *
 * @module
 */
import { html } from "hono/html";
import type { CheckStatus } from "../../check/background_check.ts";
import type { ServerState } from "../../control/server_reports.ts";
import {
  sessionsOf,
  type SessionStatus,
  statusOf,
  type TransferStatus,
} from "../../control/server_status.ts";
import type { AdminSystem } from "../admin_system.ts";
import type { HealthReport } from "../health.ts";
import type { StoredTotals } from "../store_totals.ts";
import type { AdminSession } from "./admin_sessions.ts";
import { formatCount, formatDuration, formatSize, formatTime, plural } from "./format.ts";
import { formToken, type Html } from "./layout.ts";
import type { RecentEvent } from "./recent_events.ts";
import type { Throughput } from "./throughput.ts";

/** The most connections on the page. Those with transfers come first. */
const MAX_SHOWN = 100;

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
}

/** A connection, and the name of its server if there are several. */
interface ShownSession extends SessionStatus {
  readonly server?: string;
}

export function liveView(state: LiveState): Html {
  const { system, health, totals, throughput, free, events } = state;
  const { context: { monitor, clock } } = system;
  const connections = [...monitor.connections.values()];
  const transfers = connections.reduce((sum, one) => sum + one.transfers.size, 0);
  const servers = withOwn(state);
  const [up, down] = [throughput.now("upload"), throughput.now("download")];
  return html`
    ${healthView(health)}${checkNote(state.check)}
    <dl class="cards">
      ${card("Connections", formatCount(connections.length), plural(transfers, "transfer"))}
      ${card("Uploads", `${formatSize(up)}/s`, "")}
      ${card("Downloads", `${formatSize(down)}/s`, "")}
      ${totals === undefined
        ? ""
        : card("Stored", formatSize(totals.bytes), plural(totals.files, "file"))}
      ${card("Free", free === Infinity ? "Object store" : formatSize(free), "")}
      ${card(
        "Running",
        formatDuration(clock() - monitor.startedAt),
        `since ${formatTime(monitor.startedAt)}`,
      )}
    </dl>
    <section aria-labelledby="throughput"><h2 id="throughput">Throughput of the last hour</h2>
      ${throughput.picture()}
      <ul class="legend"><li class="upload"><b></b>Uploads</li><li class="download"><b></b>Downloads</li>
      <li>Highest: ${formatSize(throughput.peak)}/s</li></ul>
    </section>
    ${connectionsView(state, servers)}
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
      <div class="scroll">
        <table class="stack">
          <thead>
            <tr>
              <th scope="col">Server</th>
              <th scope="col" class="number">Connections</th>
              <th scope="col" class="number">Users</th>
              <th scope="col" class="number">Uploads</th>
              <th scope="col" class="number">Downloads</th>
              <th scope="col" class="number">Since</th>
            </tr>
          </thead>
          <tbody>${servers.map((server) => serverRow(server, clock()))}</tbody>
        </table>
      </div>
      <p
        class="quiet">Health, numbers, throughput and events on this page are those of ${name}. Each server has a page of its own.</p>
    </section>
  `;
}

function serverRow({ name, report }: ServerState, now: number): Html {
  if (report === undefined) {
    return html`
      <tr>
        <th scope="row" data-label="Server">${name}</th>
        <td data-label="Connections" class="number" colspan="5"><span class="quiet">no report</span></td>
      </tr>
    `;
  }
  const { connections, users, traffic, startedAt } = report.status;
  return html`
    <tr>
      <th scope="row" data-label="Server">${name}</th>
      <td data-label="Connections" class="number">${formatCount(connections)}</td>
      <td data-label="Users" class="number">${formatCount(users)}</td>
      ${traffic.map(({ direction, files, bytes }) =>
        html`
          <td data-label="${direction === "upload"
            ? "Uploads"
            : "Downloads"}" class="number"><span>${plural(files, "file")}, ${formatSize(
              bytes,
            )}</span></td>
        `
      )}
      <td data-label="Since" class="number">${formatDuration(now - startedAt)}</td>
    </tr>
  `;
}

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

function card(name: string, value: string, more: string): Html {
  return html`
    <div class="card">
      <dt>${name}</dt>
      <dd>${value}<small>${more}</small></dd>
    </div>
  `;
}

function connectionsView(
  { system: { context: { clock } }, session }: LiveState,
  servers: readonly ServerState[],
): Html {
  const connections = servers.flatMap(({ name, report }): ShownSession[] =>
    (report?.sessions ?? []).map((one) => servers.length < 2 ? one : { ...one, server: name })
  );
  const all = servers.reduce((sum, { report }) => sum + (report?.status.connections ?? 0), 0);
  const byTransfers = connections.toSorted((a, b) => b.transfers.length - a.transfers.length);
  const shown = byTransfers.slice(0, MAX_SHOWN);
  const rows = shown.map((connection) => connectionRow(connection, session, clock()));
  return html`
    <section
      aria-labelledby="connections"><h2 id="connections">Connections</h2>${rows.length === 0
        ? html`<p class="quiet">No client is connected.</p>`
        : html`
          <div class="scroll">
            <table class="stack">
              <thead>
                <tr>
                  <th scope="col">User</th>
                  <th scope="col">Address</th>
                  <th scope="col">Transfers</th>
                  <th scope="col" class="number">Files</th>
                  <th scope="col" class="number">Bytes</th>
                  <th scope="col" class="number">Since</th>
                  <th scope="col">Action</th>
                </tr>
              </thead>
              <tbody>${rows}</tbody>
            </table>
          </div>
        `}${all > shown.length
        ? html`<p class="quiet">And ${formatCount(all - shown.length)} more.</p>`
        : ""}</section>
  `;
}

function connectionRow(connection: ShownSession, session: AdminSession, now: number): Html {
  const { id, user, address, protocol, since, server, transfers } = connection;
  const name = user ?? "not signed in";
  return html`
    <tr>
      <th scope="row" data-label="User">${user === null
        ? html`<span class="quiet">${name}</span>`
        : html`<a href="/users/${encodeURIComponent(name)}">${name}</a>`}</th>
      <td
        data-label="Address"><span>${address}<br><span class="quiet">protocol ${protocol}${server ===
            undefined
          ? ""
          : `, at ${server}`}</span></span></td>
      <td data-label="Transfers" class="file">
        <div>${transfers.length === 0
          ? html`<span class="quiet">none</span>`
          : transfers.slice(0, 5).map((transfer) => transferView(transfer, now))}</div>
      </td>
      <td data-label="Files" class="number"><span>${formatCount(
        connection.uploadedFiles,
      )} ↑ ${formatCount(connection.downloadedFiles)} ↓</span></td>
      <td data-label="Bytes" class="number"><span>${formatSize(
        connection.uploadedBytes,
      )} ↑<br>${formatSize(connection.downloadedBytes)} ↓</span></td>
      <td data-label="Since" class="number"><span>${formatDuration(now - since)}</span></td>
      <td data-label="Action">
        <form method="post" action="/connections/${id}/end">${formToken(session)}
        <button class="danger" id="end-${id}" aria-label="End the connection of ${name} from ${address}">End</button></form>
      </td>
    </tr>
  `;
}

function transferView(
  { direction, file, size, progress, bytes, since }: TransferStatus,
  now: number,
): Html {
  const rate = bytes / Math.max(1, now - since) * 1000;
  const known = size === null
    ? formatSize(progress)
    : `${formatSize(progress)} of ${formatSize(size)}`;
  const left = size !== null && rate > 0
    ? `, ${formatDuration((size - progress) / rate * 1000)} left`
    : "";
  return html`<div>${direction === "upload" ? "↑" : "↓"} ${file}${
    size === null || size === 0
      ? ""
      : html`<progress max="${size}" value="${
        Math.min(progress, size)
      }" aria-label="Progress of ${file}"></progress>`
  }<div class="quiet">${known}, ${formatSize(rate)}/s${left}</div></div>`;
}

export function eventTable(events: readonly RecentEvent[]): Html {
  if (events.length === 0) return html`<p class="quiet">No events since the start.</p>`;
  return html`
    <div class="scroll">
      <table class="stack">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Kind</th>
            <th scope="col">Event</th>
          </tr>
        </thead>
        <tbody>${events.map(({ at, kind, level, sentence }) =>
          html`
            <tr>
              <td data-label="Time" class="number"><time datetime="${new Date(at)
                .toISOString()}">${formatTime(at)}</time></td>
              <td data-label="Kind"><span class="${level === "error"
                ? "bad"
                : level === "warn"
                ? "warn"
                : "quiet"}">${kind}</span></td>
              <td data-label="Event" class="text"><span>${sentence}</span></td>
            </tr>
          `
        )}</tbody>
      </table>
    </div>
  `;
}
