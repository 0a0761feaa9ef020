/**
 * The server's log on standard error, for people or for programs.
 *
 * @module
 */
import {
  configure,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getTextFormatter,
  type TextFormatter,
  type TextFormatterOptions,
} from "@logtape/logtape";
import { printable } from "../../protocol/printable.ts";
import { colored } from "../text/colors.ts";
import { isoTime, localTime } from "../text/time.ts";
import type { Reporter } from "./reporter.ts";

export const LOG_FORMATS = ["human", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

interface LogDisplay {
  readonly hasColors: boolean;
  readonly isTerminal: boolean;
}

/** `2026-01-02 03:04:05 INF message` on a terminal, else with the time in UTC. Values are safe to print, and unquoted. */
function humanOptions({ isTerminal }: LogDisplay): TextFormatterOptions {
  return {
    timestamp: (ms) => isTerminal ? localTime(isoTime(ms)) : isoTime(ms),
    value: (value) => printable(String(value)),
    format: ({ timestamp, level, message }) => `${timestamp} ${level} ${message}`,
  };
}

const FORMATTERS: Readonly<Record<LogFormat, (display: LogDisplay) => TextFormatter>> = {
  human: (display) =>
    (display.hasColors ? getAnsiColorFormatter : getTextFormatter)(humanOptions(display)),
  json: () => getJsonLinesFormatter({ properties: "flatten" }),
};

/**
 * Sends the log to `write`, line by line, or to the reporter. With `--quiet`, it has only warnings and errors.
 */
export async function configureLogs(
  format: LogFormat,
  reporter: Reporter,
  write?: (line: string) => void,
): Promise<void> {
  const formatter = FORMATTERS[format]({
    hasColors: write === undefined && reporter.paint === colored,
    isTerminal: write === undefined && reporter.isTerminal,
  });
  const lowestLevel = reporter.options.quiet ? "warning" : "info";
  const print = write ?? ((line: string) => reporter.note(line));
  await configure({
    sinks: { log: (record) => print(formatter(record).trimEnd()) },
    loggers: [
      { category: ["xfer"], lowestLevel, sinks: ["log"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["log"] },
    ],
  });
}

/**
 * A line of level `info`, as a server writes it to a file. `{name}` in `words` is a property. `now`: the time in
 * milliseconds.
 */
export function logLine(
  format: LogFormat,
  words: string,
  properties: Readonly<Record<string, unknown>>,
  now: number,
): string {
  const formatter = FORMATTERS[format]({ hasColors: false, isTerminal: false });
  const message = words.split(/\{(\w+)\}/).map((part, i) => i % 2 === 0 ? part : properties[part]);
  return formatter({
    ...{ category: ["xfer", "server"], level: "info", rawMessage: words, timestamp: now },
    ...{ message, properties },
  }).trimEnd();
}
