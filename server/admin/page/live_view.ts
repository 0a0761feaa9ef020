/**
 * What happens now: health, numbers, connections and transfers. The page shows it, and gets it again every two seconds.
 *
 * @module
 */
import { html } from "hono/html";
import type { LiveConnection } from "../../monitor/live_connection.ts";
import type { LiveTransfer } from "../../monitor/live_transfer.ts";
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
  /** The servers that share the catalog. */
  readonly servers: readonly string[];
}

export function liveView(state: LiveState): Html {
  const { system, health, totals, throughput, free, events, servers } = state;
  const { context: { monitor, clock } } = system;
  const connections = [...monitor.connections.values()];
  const transfers = connections.reduce((sum, one) => sum + one.transfers.size, 0);
  const [up, down] = [throughput.now("upload"), throughput.now("download")];
  return html`
    ${healthView(health)}
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
    ${connectionsView(state, connections)}
    <section aria-labelledby="recent"><h2 id="recent">Recent events</h2>${eventTable(
      events,
    )}</section>
    ${servers.length < 2 ? "" : html`
      <section aria-labelledby="servers">
        <h2 id="servers">Servers of this catalog</h2>
        <ul>${servers.map((name) => html`<li>${name}</li>`)}</ul>
        <p class="quiet">This page shows ${system.name}. Each server has a page of its own.</p>
      </section>
    `}
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
  connections: readonly LiveConnection[],
): Html {
  const byTransfers = connections.toSorted((a, b) => b.transfers.size - a.transfers.size);
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
        `}${connections.length > shown.length
        ? html`<p class="quiet">And ${formatCount(connections.length - shown.length)} more.</p>`
        : ""}</section>
  `;
}

function connectionRow(connection: LiveConnection, session: AdminSession, now: number): Html {
  const { id, user, address, protocol, since } = connection;
  const [up, down] = [connection.total("upload"), connection.total("download")];
  const name = user?.name ?? "not signed in";
  return html`
    <tr>
      <th scope="row" data-label="User">${user === undefined
        ? html`<span class="quiet">${name}</span>`
        : html`<a href="/users/${encodeURIComponent(name)}">${name}</a>`}</th>
      <td
        data-label="Address"><span>${address}<br><span class="quiet">protocol ${protocol}</span></span></td>
      <td data-label="Transfers" class="file">
        <div>${connection.transfers.size === 0
          ? html`<span class="quiet">none</span>`
          : [...connection.transfers].slice(0, 5).map((transfer) =>
            transferView(transfer, now)
          )}</div>
      </td>
      <td data-label="Files" class="number"><span>${formatCount(up.files)} ↑ ${formatCount(
        down.files,
      )} ↓</span></td>
      <td data-label="Bytes" class="number"><span>${formatSize(up.bytes)} ↑<br>${formatSize(
        down.bytes,
      )} ↓</span></td>
      <td data-label="Since" class="number"><span>${formatDuration(now - since)}</span></td>
      <td data-label="Action">
        <form method="post" action="/connections/${id}/end">${formToken(session)}
        <button class="danger" id="end-${id}" aria-label="End the connection of ${name} from ${address}">End</button></form>
      </td>
    </tr>
  `;
}

function transferView(
  { direction, file, size, progress, bytes, since }: LiveTransfer,
  now: number,
): Html {
  const rate = bytes / Math.max(1, now - since) * 1000;
  const known = size === undefined
    ? formatSize(progress)
    : `${formatSize(progress)} of ${formatSize(size)}`;
  const left = size !== undefined && rate > 0
    ? `, ${formatDuration((size - progress) / rate * 1000)} left`
    : "";
  return html`<div>${direction === "upload" ? "↑" : "↓"} ${file}${
    size === undefined || size === 0
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
