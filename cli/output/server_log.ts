/**
 * Where the server's log goes: to standard error, for people or for programs.
 *
 * @module
 */
import {
  configure,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getTextFormatter,
  type TextFormatter,
} from "@logtape/logtape";
import { printable } from "../../protocol/printable.ts";
import { coloured } from "../text/colors.ts";
import type { Reporter } from "./reporter.ts";

export const LOG_FORMATS = ["human", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Texts stand in the human log without quotes, and with nothing that a terminal could take for a command. */
const HUMAN = { value: (value: unknown) => printable(String(value)) };

const FORMATTERS: Readonly<Record<LogFormat, (hasColours: boolean) => TextFormatter>> = {
  human: (hasColours) => hasColours ? getAnsiColorFormatter(HUMAN) : getTextFormatter(HUMAN),
  json: () => getJsonLinesFormatter({ properties: "flatten" }),
};

/** With `--quiet`, only what an operator should look at. */
export async function configureLogs(format: LogFormat, reporter: Reporter): Promise<void> {
  const formatter = FORMATTERS[format](reporter.paint === coloured);
  const lowestLevel = reporter.options.quiet ? "warning" : "info";
  await configure({
    sinks: { stderr: (record) => reporter.note(formatter(record).trimEnd()) },
    loggers: [
      { category: ["xfer"], lowestLevel, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
}
