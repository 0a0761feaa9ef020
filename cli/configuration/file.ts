/**
 * The settings file.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { ConfigurationError, type ErrorDetails, reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { nearest } from "../arguments/closest.ts";
import {
  badSetting,
  type Layer,
  type Mistake,
  SEE_EXAMPLE,
  settle,
  type Settled,
  shorten,
  type Source,
} from "./layer.ts";
import {
  CONFIG,
  isKey,
  join,
  type Key,
  KEYS,
  parseSetting,
  SETTINGS,
  variableOf,
} from "./settings.ts";
import { NotToml, readEntries, toLine, type TomlEntry } from "./toml.ts";

/** The whole example has less than 10,000 bytes. */
const MAX_SIZE = 64 * 1024;

/**
 * Reads the file and checks all of it. Throws `ConfigurationError` `bad-config`, `unknown-setting`, `bad-setting`, with
 * the line.
 */
export async function readConfigFile(path: string): Promise<Layer> {
  const layer = new Map<Key, Settled>();
  for (const entry of parseFile(path, await readText(path))) {
    const source: Source = { kind: "file", where: `${path} line ${entry.line}` };
    const key = knownKey(entry, source);
    layer.set(key, settle(key, toText(key, entry.value, source), source));
  }
  return layer;
}

function parseFile(path: string, text: string): TomlEntry[] {
  try {
    return readEntries(text);
  } catch (error) {
    if (!(error instanceof NotToml)) throw error;
    const { line, column, message } = error;
    throw new ConfigurationError(
      "bad-config",
      printable(`${path} line ${line}, column ${column}: ${message}`),
      { hint: "Write each setting as KEY = VALUE, with texts in quotes." },
    );
  }
}

/** Throws `ConfigurationError` `unknown-setting`. */
function knownKey({ key, value }: TomlEntry, { where }: Source): Key {
  if (isKey(key)) return key;
  const meant = nearest(key, KEYS);
  const hint = isTable(value)
    ? "Write settings at the top level, without tables."
    : meant.length === 0
    ? SEE_EXAMPLE
    : `Did you mean ${meant.map((name) => `'${name}'`).join(" or ")}?`;
  throw new ConfigurationError(
    "unknown-setting",
    `${printable(where)}: unknown setting "${shorten(key)}"`,
    { hint },
  );
}

/** The value as the text of an option. Throws `ConfigurationError` `bad-setting`. */
function toText(key: Key, value: unknown, source: Source): string {
  const { separator, plainNumber } = SETTINGS[key];
  if (typeof value === "string") return value;
  if (plainNumber && (Number.isInteger(value) || typeof value === "bigint")) return `${value}`;
  if (separator !== undefined && isTexts(value)) return join(key, value);
  throw badSetting(key, source, { found: describe(value), ...adviseOn(key, value) });
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (value instanceof Date) return "a date";
  return isTable(value) ? "a table" : `${value}`;
}

/** The advice for a value of a wrong type. */
function adviseOn(key: Key, value: unknown): Omit<Mistake, "found"> {
  if (typeof value === "object") {
    return {
      isType: true,
      hint: `Write it as ${toLine(key, SETTINGS[key].default)}, for example.`,
    };
  }
  try {
    parseSetting(key, `${value}`);
    return { hint: `Write it in quotes: ${toLine(key, `${value}`)}` };
  } catch (error) {
    if (error instanceof InvalidArgumentError) return { expected: error.message };
    throw error;
  }
}

function isTable(value: unknown): boolean {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Date);
}

async function readText(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    const { isFile, size } = await Deno.stat(path);
    // A pipe would be empty at SIGHUP.
    if (!isFile) throw badFile(path, "not a file");
    if (size > MAX_SIZE) throw badFile(path, `larger than ${MAX_SIZE} bytes`);
    bytes = await Deno.readFile(path);
  } catch (cause) {
    if (cause instanceof ConfigurationError) throw cause;
    const none = cause instanceof Deno.errors.NotFound;
    throw badFile(path, none ? "no such file" : reasonOf(cause), { cause });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw badFile(path, "not UTF-8", { cause });
  }
}

function badFile(path: string, reason: string, details?: ErrorDetails): ConfigurationError {
  return new ConfigurationError(
    "bad-config",
    `cannot read the settings file ${printable(path)}: ${printable(reason)}`,
    { hint: `Check --${CONFIG} and ${variableOf(CONFIG)}.`, ...details },
  );
}
