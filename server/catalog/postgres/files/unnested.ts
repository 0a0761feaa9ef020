/**
 * Rows as parameters of a statement: one array for each column.
 *
 * @module
 */

/** The columns of rows, and their types in Postgres. */
export type ColumnTypes = Readonly<Record<string, string>>;

/** Rows with these columns. */
export type RowsOf<Columns extends ColumnTypes> = readonly {
  readonly [C in keyof Columns]: unknown;
}[];

/** Rows as a table of a statement. */
export interface Unnested {
  /** `unnest($2::text[], …) WITH ORDINALITY AS one (name, …, at)`: `at` is the index of the row, from 1. */
  readonly table: string;
  /** The values of its parameters. */
  readonly values: readonly (readonly unknown[])[];
}

/** Rows as a table. `first`: the number of its first parameter. */
export function unnested<Columns extends ColumnTypes>(
  alias: string,
  columns: Columns,
  rows: RowsOf<Columns>,
  first: number,
): Unnested {
  const names = Object.keys(columns);
  const arrays = names.map((name, i) => `$${first + i}::${columns[name]}[]`);
  return {
    table: `unnest(${arrays.join(", ")}) WITH ORDINALITY AS ${alias} (${names.join(", ")}, at)`,
    values: names.map((name) => rows.map((row) => row[name] ?? null)),
  };
}
