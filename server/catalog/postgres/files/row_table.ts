/**
 * Rows as a table of a statement: one array for each column.
 *
 * @module
 */

/** The columns of rows, and their types in Postgres. */
export type ColumnTypes = Readonly<Record<string, string>>;

/** Rows as a table. Its column `at` is the index of a row. */
export interface RowTable {
  /** What to select from: `(SELECT …) AS alias`. */
  readonly sql: string;
  /** The values of its parameters, one array for each column. */
  readonly values: readonly (readonly unknown[])[];
}

/** Rows as a table. `first`: the number of its first parameter. Values that are missing are NULL. */
export function rowTable<Columns extends ColumnTypes>(
  alias: string,
  columns: Columns,
  rows: readonly { readonly [C in keyof Columns]?: unknown }[],
  first = 1,
): RowTable {
  const names = Object.keys(columns);
  const arrays = names.map((name, i) => `$${first + i}::${columns[name]}[]`).join(", ");
  return {
    sql: `(SELECT ${names.join(", ")}, place - 1 AS at
      FROM unnest(${arrays}) WITH ORDINALITY AS one (${names.join(", ")}, place)) AS ${alias}`,
    values: names.map((name) => rows.map((row) => row[name] ?? null)),
  };
}
