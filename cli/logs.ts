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
import { printNote } from "./output.ts";

export const LOG_FORMATS = ["human", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Texts stand in the human log as they are: what came from a peer was made printable when it was logged. */
const HUMAN = { value: (value: unknown) => String(value) };

const FORMATTERS: Readonly<Record<LogFormat, () => TextFormatter>> = {
  human: () =>
    Deno.stderr.isTerminal() && !Deno.noColor
      ? getAnsiColorFormatter(HUMAN)
      : getTextFormatter(HUMAN),
  json: () => getJsonLinesFormatter({ properties: "flatten" }),
};

export async function configureLogs(format: LogFormat): Promise<void> {
  const formatter = FORMATTERS[format]();
  await configure({
    sinks: { stderr: (record) => printNote(formatter(record).trimEnd()) },
    loggers: [
      { category: ["xfer"], lowestLevel: "info", sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
}
