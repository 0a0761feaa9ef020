/**
 * Conditions for names, which the indexes of `files` can use. An index has only the beginning of a long name
 * (`NAME_HEAD`), so each condition is one for the beginning and one for the name.
 *
 * @module
 */
import { firstBehind, type NameRange } from "../../name_ranges.ts";
import { NAME_HEAD } from "../file_tables.ts";

/** The order of names, by code points. */
export const BY_NAME = "head, name";

const headOf = (name: string) => `left(${name}, ${NAME_HEAD})`;

/** Rows of a name, which is a parameter or a column. */
export function isNamed(name: string): string {
  const tail =
    `CASE WHEN length(${name}) > ${NAME_HEAD} THEN hashtextextended(${name}, 0) ELSE 0 END`;
  return `files.head = ${headOf(name)} AND files.tail = ${tail} AND files.name = ${name}`;
}

/** Rows whose name is in an array of names. */
export function isNamedAnyOf(names: string): string {
  return `files.head = ANY (ARRAY(SELECT DISTINCT ${headOf("one")} FROM unnest(${names}) one))
    AND files.name = ANY (${names})`;
}

/** Rows whose name is below a folder. */
export function isBelow(folder: string): string {
  const [after, end] = [`(${folder} || '/')`, `(${folder} || '0')`];
  return `files.head >= ${headOf(after)} AND files.name > ${after} AND ${isBefore(end)}`;
}

/** Rows of a name, and of everything below it. */
export function isNamedOrBelow(name: string): string {
  return `files.head >= ${headOf(name)} AND (files.name = ${name} OR files.name > ${name} || '/')
    AND ${isBefore(`(${name} || '0')`)}`;
}

function isBefore(name: string): string {
  return `files.head <= ${headOf(name)} AND files.name < ${name}`;
}

/** Rows of an account whose names are in a range, and the values of the condition: $1 and following. */
export function inRange(owner: Uint8Array, { prefix, start, excluded }: NameRange): {
  readonly where: string;
  readonly values: readonly unknown[];
} {
  const from = `greatest($2::text COLLATE "C", $3::text COLLATE "C")`;
  const end = firstBehind(prefix);
  const where = `files.client_id = $1 AND files.head >= ${headOf(from)} AND files.name >= ${from}
    AND files.name <> $4::text AND ${
    end === undefined ? "$5::text IS NULL" : isBefore("$5::text")
  }`;
  return { where, values: [owner, prefix, start, excluded, end ?? null] };
}
