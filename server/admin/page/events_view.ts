/**
 * The page of events, and the table of events that the overview has, too.
 *
 * @module
 */
import { html } from "hono/html";
import { formatTime } from "./format.ts";
import type { Html } from "./layout.ts";
import { KIND_NAMES, type RecentEvent, type RecentEventKind } from "./recent_events.ts";
import { type Column, table } from "./table.ts";

export function eventsView(
  events: readonly RecentEvent[],
  { kind, text }: { readonly kind: RecentEventKind | undefined; readonly text: string },
): Html {
  const isFiltered = kind !== undefined || text !== "";
  return html`
    <section aria-labelledby="filter">
      <h2 id="filter">Filter</h2>
      <form class="row" method="get" action="/events">
        <div><label for="kind">Kind</label><select id="kind" name="kind"><option value="">all</option>${KIND_NAMES
          .map((name) =>
            html`
              <option value="${name}" ${name === kind
                ? html`
                  selected
                `
                : ""}>${name}</option>
            `
          )}</select></div>
        <div><label for="text">Text, such as a user, a file or an address</label><input id="text" name="text" value="${text}"></div>
        <button>Show</button></form>
    </section>
    <section aria-labelledby="found"><h2 id="found">Newest first</h2>${events.length === 0 &&
        isFiltered
      ? html`<p class="quiet">No such event since the start.</p>`
      : eventTable(events)}
      <p class="quiet">The page keeps the last 2,000 events since the start. The log has all of them.</p></section>
  `;
}

export function eventTable(events: readonly RecentEvent[]): Html {
  if (events.length === 0) return html`<p class="quiet">No events since the start.</p>`;
  return table(COLUMNS, events, ({ number }) => `event-${number}`);
}

const COLUMNS: readonly Column<RecentEvent>[] = [
  {
    name: "Time",
    kind: "word",
    cell: ({ at }) => html`<time datetime="${new Date(at).toISOString()}">${formatTime(at)}</time>`,
  },
  {
    name: "Kind",
    kind: "word",
    cell: ({ kind, level }) =>
      html`<span class="${
        level === "error" ? "bad" : level === "warn" ? "warn" : "quiet"
      }">${kind}</span>`,
  },
  { name: "Event", kind: "text", cell: ({ sentence }) => sentence },
];
