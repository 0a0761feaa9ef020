/**
 * What one place says of the settings.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { SOURCES } from "../events/operator.ts";
import { type Key, parseSetting, type SettingValue } from "./settings.ts";

export interface Source {
  readonly kind: (typeof SOURCES)[number];
  /** An option, a variable, or a file and where in it; nothing for a default. */
  readonly where: string;
}

/** What is said of a setting. */
export interface Settled<K extends Key = Key> {
  readonly text: string;
  readonly value: SettingValue<K>;
  readonly source: Source;
}

export type Layer = ReadonlyMap<Key, Settled>;

/** Throws `ConfigurationError` `bad-setting`. */
export function settle<K extends Key>(key: K, text: string, source: Source): Settled<K> {
  try {
    return { text, value: parseSetting(key, text), source };
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw badSetting(key, source, `found "${shorten(text)}"`, error.message);
  }
}

export function badSetting(
  key: Key,
  source: Source,
  what: string,
  hint: string,
): ConfigurationError {
  return new ConfigurationError("bad-setting", `${place(key, source)}: ${what}`, { hint });
}

/** Where a setting stands, with its name. */
export function place(key: Key, { kind, where }: Source): string {
  return kind === "file" ? `${printable(where)}, ${key}` : where;
}

const MAX_SHOWN = 40;

/** As much of a text as an error shows. */
export function shorten(text: string): string {
  return printable(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
}
