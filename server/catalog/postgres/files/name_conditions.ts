/**
 * Conditions for names, which the indexes of `files` can use. An index has only the beginning of a long name, so each
 * condition is one for the beginning and one for the name. Names are parameters or columns.
 *
 * @module
 */
import { firstBehind, type NameRange } from "../../name_ranges.ts";
import { NAME_HEAD } from "../file_tables.ts";

/** The order of names, by code points. */
export const BY_NAME = "head, name";

const headOf = (name: string) => `left(${name}, ${NAME_HEAD})`;

/** Rows of a name. `table`: the name of `files` in the query. */
export function isNamed(name: string, table = "files"): string {
  const tail =
    `CASE WHEN length(${name}) > ${NAME_HEAD} THEN hashtextextended(${name}, 0) ELSE 0 END`;
  return `${table}.head = ${headOf(name)} AND ${table}.tail = ${tail} AND ${table}.name = ${name}`;
}

/** Rows whose name is below a folder. */
export function isBelow(folder: string, table = "files"): string {
  const [after, end] = [`(${folder} || '/')`, `(${folder} || '0')`];
  return `${table}.head >= ${headOf(after)} AND ${table}.name > ${after}
    AND ${isBefore(end, table)}`;
}

/** Rows of a name, and of everything below it. */
export function isNamedOrBelow(name: string): string {
  return `files.head >= ${headOf(name)} AND (files.name = ${name} OR files.name > ${name} || '/')
    AND ${isBefore(`(${name} || '0')`)}`;
}

function isBefore(name: string, table = "files"): string {
  return `${table}.head <= ${headOf(name)} AND ${table}.name < ${name}`;
}

/** Rows after a name, or after a value of a column under the same name. */
export function isAfter(name: string, column: string, value: string): string {
  return `files.head >= ${headOf(name)} AND (files.name, files.${column}) > (${name}, ${value})`;
}

/** Rows whose names begin with a prefix, from `start` on, except one. `end` is `firstBehind(prefix)`, or NULL. */
export function isWithin(prefix: string, start: string, excluded: string, end: string): string {
  const from = `greatest(${prefix} COLLATE "C", ${start} COLLATE "C")`;
  return `files.head >= ${headOf(from)} AND files.name >= ${from} AND files.name <> ${excluded}
    AND (${end}::text IS NULL OR ${isBefore(`${end}::text`)})`;
}

/** Rows of an account whose names are in a range, and the values of the condition: $1 to $5. */
export function inRange(owner: Uint8Array, { prefix, start, excluded }: NameRange): {
  readonly where: string;
  readonly values: readonly unknown[];
} {
  const within = isWithin("$2::text", "$3::text", "$4::text", "$5");
  return {
    where: `files.client_id = $1 AND ${within}`,
    values: [owner, prefix, start, excluded, firstBehind(prefix) ?? null],
  };
}
