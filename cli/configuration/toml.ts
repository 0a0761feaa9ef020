/**
 * The notation of the file with the settings: TOML, keys and values without tables.
 *
 * @module
 */
import { parse, TomlError } from "smol-toml";
import { type Key, SETTINGS } from "./settings.ts";

/** A value that a file gives. */
export interface TomlEntry {
  readonly key: string;
  /** As TOML has it: a text, number, `bigint`, boolean, date, array or table. */
  readonly value: unknown;
  /** From 1 on; the first one that it is on. */
  readonly line: number;
}

/** Where a text is no TOML. */
export class NotToml extends Error {
  readonly line: number;
  readonly column: number;

  constructor({ line, column, message }: TomlError) {
    super(message.split("\n", 1)[0]?.replace(/^Invalid TOML document: /, ""));
    this.line = line;
    this.column = column;
  }
}

/** What a file gives, in its order. Throws `NotToml`. */
export function readEntries(text: string): TomlEntry[] {
  read(text);
  // The parser does not tell where a key is. It takes a line, or as many as a value goes over, by themselves.
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

/** Without one of these no line ends a value that began on another. */
const CLOSING = /\]|\}|"""|'''/;

/** `undefined` where there is more to come. */
function readWhole(lines: readonly string[], last: boolean): Record<string, unknown> | undefined {
  // Trying after each line of a long array would take long.
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
  if (separator !== undefined) return `[${text.split(separator).map(quote).join(", ")}]`;
  return plainNumber && /^[0-9]+$/.test(text) ? text : quote(text);
}

function quote(text: string): string {
  return JSON.stringify(text).replace(
    UNSAFE,
    (character) => `\\U${character.codePointAt(0)?.toString(16).padStart(8, "0")}`,
  );
}
