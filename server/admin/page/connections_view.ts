/**
 * The open connections of all servers, with their transfers.
 *
 * @module
 */
import { html } from "hono/html";
import type { ServerState } from "../../control/server_reports.ts";
import type { SessionStatus, TransferStatus } from "../../control/server_status.ts";
import type { AdminSession } from "./admin_sessions.ts";
import { formatCount, formatDuration, formatSize } from "./format.ts";
import { formToken, type Html, userLink } from "./layout.ts";
import { type Column, table } from "./table.ts";

/** The most connections on the page, those with transfers first, and the most transfers of each. */
const MAX_SHOWN = 100;
const MAX_TRANSFERS = 5;
/** A connection, and the name of its server if there are several. */
interface ShownSession extends SessionStatus {
  readonly server?: string;
}

/** `now`: milliseconds since the epoch. */
export function connectionsView(
  servers: readonly ServerState[],
  session: AdminSession,
  now: number,
): Html {
  const connections = servers.flatMap(({ name, report }): ShownSession[] =>
    (report?.sessions ?? []).map((one) => servers.length < 2 ? one : { ...one, server: name })
  );
  const all = servers.reduce((sum, { report }) => sum + (report?.status.connections ?? 0), 0);
  const byTransfers = connections.toSorted((a, b) => b.transfers.length - a.transfers.length);
  const shown = byTransfers.slice(0, MAX_SHOWN);
  return html`
    <section
      aria-labelledby="connections"><h2 id="connections">Connections</h2>${shown.length === 0
        ? html`<p class="quiet">No client is connected.</p>`
        : table(
          connectionColumns(session, now),
          shown,
          ({ id }) => `connection-${id}`,
        )}${all > shown.length
        ? html`<p class="quiet">And ${formatCount(all - shown.length)} more.</p>`
        : ""}</section>
  `;
}

function connectionColumns(session: AdminSession, now: number): readonly Column<ShownSession>[] {
  return [
    {
      ...{ name: "User", isHeading: true },
      cell: ({ user }) =>
        user === null ? html`<span class="quiet">${NOT_SIGNED_IN}</span>` : userLink(user),
    },
    {
      name: "Address",
      cell: ({ address, protocol, server }) =>
        html`${address}<br><span class="quiet">protocol ${protocol}${
          server === undefined ? "" : `, at ${server}`
        }</span>`,
    },
    {
      name: "Transfers",
      kind: "file",
      cell: ({ transfers }) =>
        transfers.length === 0
          ? html`<span class="quiet">none</span>`
          : html`${transfers.slice(0, MAX_TRANSFERS).map(transferView)}`,
    },
    {
      name: "Files",
      kind: "number",
      cell: ({ uploadedFiles, downloadedFiles }) =>
        `${formatCount(uploadedFiles)} ↑ ${formatCount(downloadedFiles)} ↓`,
    },
    {
      name: "Bytes",
      kind: "number",
      cell: ({ uploadedBytes, downloadedBytes }) =>
        html`${formatSize(uploadedBytes)} ↑<br>${formatSize(downloadedBytes)} ↓`,
    },
    { name: "Since", kind: "number", cell: ({ since }) => formatDuration(now - since) },
    {
      name: "Action",
      cell: ({ id, user, address }) =>
        html`
          <form method="post" action="/connections/${id}/end">${formToken(session)}
            <button class="danger" id="end-${id}" aria-label="End the connection of ${user ??
              NOT_SIGNED_IN} from ${address}">End</button></form>
        `,
    },
  ];
}

const NOT_SIGNED_IN = "not signed in";

function transferView({ direction, file, size, progress, rate }: TransferStatus): Html {
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
