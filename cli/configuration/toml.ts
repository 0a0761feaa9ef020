/**
 * The notation of the settings file: TOML, keys and values without tables.
 *
 * @module
 */
import { parse, TomlError } from "smol-toml";
import { type Key, SETTINGS } from "./settings.ts";

/** A value in a file. */
export interface TomlEntry {
  readonly key: string;
  /** A TOML value: text, number, `bigint`, boolean, date, array or table. */
  readonly value: unknown;
  /** The first of its lines, from 1. */
  readonly line: number;
}

/** A text that is not TOML. */
export class NotToml extends Error {
  readonly line: number;
  readonly column: number;

  constructor({ line, column, message }: TomlError) {
    super(message.split("\n", 1)[0]?.replace(/^Invalid TOML document: /, ""));
    this.line = line;
    this.column = column;
  }
}

/** The entries of a file, in order. Throws `NotToml`. */
export function readEntries(text: string): TomlEntry[] {
  read(text);
  // The parser does not report lines: each line, or group of lines of one value, is parsed by itself.
  const entries: TomlEntry[] = [];
  const lines = text.split(/(?<=\n)/);
  for (let begin = 0, end = 1; end <= lines.length; end++) {
    const table = readWhole(lines.slice(begin, end), end === lines.length);
    if (table === undefined) continue;
    for (const [key, value] of Object.entries(table)) entries.push({ key, value, line: begin + 1 });
    begin = end;
  }
  return entries;
}

/** Marks that end a value of several lines: the last line of such a value contains one of them. */
const CLOSING = /\]|\}|"""|'''/;

/** `undefined` if the value continues on the next line. */
function readWhole(lines: readonly string[], last: boolean): Record<string, unknown> | undefined {
  // Parsing after each line of a long array would be slow.
  if (lines.length > 1 && !last && !CLOSING.test(lines.at(-1) ?? "")) return undefined;
  try {
    return read(lines.join(""));
  } catch (error) {
    if (error instanceof NotToml && !last) return undefined;
    throw error;
  }
}

function read(text: string): Record<string, unknown> {
  try {
    return parse(text, { integersAsBigInt: "asNeeded" });
  } catch (error) {
    throw error instanceof TomlError ? new NotToml(error) : error;
  }
}

/** Control, format (bidirectional overrides among them), surrogate, private, unassigned and separator characters. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** A setting as a line of the file, safe to show. */
export function toLine(key: Key, text: string): string {
  return `${key} = ${toLiteral(key, text)}`;
}

function toLiteral(key: Key, text: string): string {
  const { separator, plainNumber } = SETTINGS[key];
  if (separator !== undefined && text === "") return "[]";
  if (separator !== undefined) return `[${text.split(separator).map(quote).join(", ")}]`;
  return plainNumber && /^[0-9]+$/.test(text) ? text : quote(text);
}

function quote(text: string): string {
  return JSON.stringify(text).replace(
    UNSAFE,
    (character) => `\\U${character.codePointAt(0)?.toString(16).padStart(8, "0")}`,
  );
}
