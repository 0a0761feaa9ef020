/**
 * The settings of one source.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { asReason } from "../arguments/usage_error.ts";
import type { SOURCES } from "../events/operator.ts";
import { type Key, parseSetting, type SettingValue, shownText } from "./settings.ts";

export interface Source {
  readonly kind: (typeof SOURCES)[number];
  /** An option, a variable, or a file and its line; empty for a default. */
  readonly where: string;
}

/** A value of a setting. */
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
    throw badSetting(key, source, {
      found: `"${shorten(shownText(key, text))}"`,
      expected: error.message,
    });
  }
}

export const SEE_EXAMPLE = "Run 'xfer server config --example' to see every setting.";

export interface Mistake {
  /** The value as an error shows it. */
  readonly found: string;
  /** Whether the value has the wrong type, which the error names. */
  readonly isType?: boolean;
  /** A sentence, as in "Expected a path." */
  readonly expected?: string;
  readonly hint?: string;
}

export function badSetting(
  key: Key,
  source: Source,
  { found, isType = false, expected, hint = SEE_EXAMPLE }: Mistake,
): ConfigurationError {
  const reason = expected === undefined ? "" : `: ${asReason(expected)}`;
  const message = `${place(key, source)}: ${
    isType ? "invalid type:" : "invalid value"
  } ${found}${reason}`;
  return new ConfigurationError("bad-setting", message, { hint });
}

/** The source of a setting, with its name. */
export function place(key: Key, { kind, where }: Source): string {
  return kind === "file" ? `${printable(where)}, ${key}` : where;
}

const MAX_SHOWN = 40;

/** The part of a text that an error shows. */
export function shorten(text: string): string {
  return printable(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
}
