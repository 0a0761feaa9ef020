/**
 * The page of the effective settings.
 *
 * @module
 */
import { html } from "hono/html";
import type { ShownSetting } from "../admin_system.ts";
import type { AdminSession } from "./admin_sessions.ts";
import { formatDuration } from "./format.ts";
import type { Html } from "./layout.ts";
import { type Column, table } from "./table.ts";

/** `now`: milliseconds since the epoch. */
export function settingsView(
  settings: readonly ShownSetting[],
  session: AdminSession,
  now: number,
): Html {
  return html`
    <section aria-labelledby="effective">
      <h2 id="effective">Effective settings</h2>
      ${table(COLUMNS, settings)}
    </section>
    <p class="quiet">Your session, ${session.name}, ends in ${formatDuration(
      session.expiresAt - now,
    )} at the latest.</p>
  `;
}

const COLUMNS: readonly Column<ShownSetting>[] = [
  { name: "Setting", isHeading: true, cell: ({ name }) => html`<code>${name}</code>` },
  {
    name: "Value",
    kind: "text",
    cell: ({ value }) => value === "" ? html`<span class="quiet">not set</span>` : value,
  },
  {
    name: "From",
    cell: ({ origin }) =>
      origin === "default" ? html`<span class="quiet">${origin}</span>` : origin,
  },
];
