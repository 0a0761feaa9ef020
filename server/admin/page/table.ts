/**
 * Tables of the operator's page. On phones, a row is a block whose cells begin with the name of their column.
 *
 * @module
 */
import { html } from "hono/html";
import type { Html } from "./layout.ts";

/** A column of a table with a row for each `R`. */
export interface Column<R> {
  readonly name: string;
  /** How its cells look. The heading of numbers is aligned as they are; a word is never broken. */
  readonly kind?: "number" | "word" | "file" | "text";
  /** Whether its cells are the headings of their rows. */
  readonly isHeading?: boolean;
  readonly cell: (row: R) => Html | string | number;
}

/** `idOf`: the id of a row's element, so that a page that changes knows it again. */
export function table<R>(
  columns: readonly Column<R>[],
  rows: readonly R[],
  idOf?: (row: R) => string,
): Html {
  if (rows.length === 0) return html`<p class="quiet">None.</p>`;
  return html`
    <div class="scroll">
      <table class="stack">
        <thead>
          <tr>${columns.map(headingOf)}</tr>
        </thead>
        <tbody>${rows.map((row) =>
          html`
            <tr${idOf === undefined ? "" : html`
              id="${idOf(row)}"
            `}>${columns.map((column) => cellOf(column, row))}</tr>
          `
        )}</tbody>
      </table>
    </div>
  `;
}

function headingOf<R>({ name, kind }: Column<R>): Html {
  return html`<th scope="col" class="${kind === "number" ? kind : ""}">${name}</th>`;
}

/** A cell has one element, since on phones each is a cell of a grid. */
function cellOf<R>({ name, kind, isHeading = false, cell }: Column<R>, row: R): Html {
  const content = html`<div>${cell(row)}</div>`;
  return isHeading
    ? html`<th scope="row" data-label="${name}" class="${kind ?? ""}">${content}</th>`
    : html`<td data-label="${name}" class="${kind ?? ""}">${content}</td>`;
}
