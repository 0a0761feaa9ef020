/**
 * Events about downloads.
 *
 * @module
 */
import { count, defineEvent, flag, oneOf, optional, record, text } from "./definition.ts";
import { failed } from "./outcomes.ts";

const name = text("name on the server");
const target = text("path that it is written to");
const path = text("path on this machine");
const code = text("code of the error");

const rangeFields = {
  from: count("first byte, counted from 0"),
  bytes: count("number of bytes; fewer than requested if the file ends earlier"),
};

/** Stands for standard output. */
const STANDARD_OUTPUT = "-";

export const DOWNLOAD_EVENTS = {
  "got": defineEvent({
    kind: "result",
    isDetail: "many",
    what: "A file, a range of it, or a symbolic link was downloaded and verified.",
    fields: {
      ...{ name, target: text("path that it is written to; `-`: standard output") },
      kind: oneOf(["file", "link"], "`link`: a symbolic link, whose content is its target"),
      size: count("size in bytes"),
      cksum: count("POSIX checksum, as cksum(1) prints it"),
      range: optional(record(rangeFields, "the downloaded bytes, if a range was asked for")),
    },
    words: ({ name, target, size: bytes, cksum, range }, { paint, size }) =>
      paint("success", "Downloaded") + (range === undefined ? "" : ` ${rangeWords(range)} of`) +
      ` ${name}${toWords(name, target)} (` +
      // The checksum is that of the whole file.
      (range === undefined ? `${size(bytes)}, cksum ${cksum}` : size(range.bytes)) + ")",
  }),
  "made-folder": defineEvent({
    kind: "note",
    isDetail: true,
    what: "A folder of the server was created here.",
    fields: { name, target },
    words: ({ target }) => `Created ${target}`,
  }),
  "already-there": defineEvent({
    kind: "note",
    isDetail: true,
    what: "An entry is already here with the same content. It is not downloaded.",
    fields: {
      ...{ name, target },
      updated: flag("whether its permissions or time were brought up to date"),
    },
    words: ({ target, updated }) =>
      `${updated ? "Updated permissions or time" : "Unchanged"}: ${target}`,
  }),
  "not-got": defineEvent({
    kind: "error",
    what:
      "An entry was not downloaded. An `error` with the reason, or `stopping`, comes before it.",
    fields: { name, target, code },
    words: ({ name, code }) => failed(`Failed to download ${name}`, "", code, name),
  }),
  "deleted": defineEvent({
    kind: "result",
    isDetail: "many",
    what: "With `--delete`: a file, folder or link was deleted here, because the server has none.",
    fields: { path },
    words: ({ path }) => `Deleted ${path}`,
  }),
  "not-deleted": defineEvent({
    kind: "error",
    what:
      "With `--delete`: an entry was not deleted here. An `error` with the reason comes before it.",
    fields: { path, code },
    words: ({ path, code }) => failed(`Failed to delete ${path}`, "", code, path),
  }),
  "attributes-not-set": defineEvent({
    kind: "note",
    what: "Permissions or times of some entries could not be set. Their content is complete.",
    fields: {
      count: count("number of entries"),
      path: text("path of the first"),
      reason: text("the reason for the first"),
    },
    words: ({ count, path, reason }) =>
      `Could not set permissions or time of ${path}` +
      `${count === 1 ? "" : ` and ${count - 1} more`}: ${reason}`,
  }),
} as const;

function toWords(name: string, target: string): string {
  if (target === STANDARD_OUTPUT) return " to standard output";
  return target === name ? "" : ` to ${target}`;
}

/** `bytes 4-5`: the last one included, as in `--range`. */
function rangeWords({ from, bytes }: { from: number; bytes: number }): string {
  return bytes === 0 ? "0 bytes" : `bytes ${from}-${from + bytes - 1}`;
}
