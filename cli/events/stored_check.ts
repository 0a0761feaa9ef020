/**
 * Events about the check of all stored files.
 *
 * @module
 */
import { plural } from "../text/format.ts";
import type { Presentation } from "../text/presentation.ts";
import { duration } from "../text/time.ts";
import {
  count,
  defineEvent,
  flag,
  list,
  number,
  oneOf,
  optional,
  record,
  text,
  time,
  type Values,
} from "./definition.ts";

const roundFields = {
  started: time("time at which the round began"),
  ended: optional(time("time at which all files were read")),
  requested: flag("whether an operator started it"),
  files: count("number of files that were read"),
  bytes: count("their bytes"),
  damaged: count("number of damaged files among them"),
  unreadable: count("number of files that could not be read"),
};
const CHECK_STATES = ["off", "idle", "reading", "waiting", "elsewhere"] as const;

const statusFields = {
  state: oneOf(
    CHECK_STATES,
    "off, idle until the next round, reading, waiting because the store does not answer, or " +
      "done by another server of the cluster",
  ),
  reason: optional(text("why it waits")),
  interval: number("interval of the rounds in seconds; 0 if they are off"),
  totalFiles: count("number of all files, with old versions"),
  totalBytes: count("their bytes"),
  current: optional(record(roundFields, "the round in progress")),
  progress: optional(number("part of that round that is done, from 0 to 1")),
  last: optional(record(roundFields, "the last complete round")),
  next: optional(time("time at which the next round begins")),
  oldest: optional(count("longest time for which a file was not read, in seconds, at most")),
  damaged: count("number of files that are known to be damaged"),
  damagedFiles: list(
    record({
      user: text("user name of the owner"),
      file: text("name of the file"),
      version: count("its version"),
      damage: oneOf(["missing", "size", "content"], "the damage"),
    }, "a file"),
    "up to 20 of them",
  ),
};

/** The check in few words. */
export const summaryFields = {
  state: oneOf(CHECK_STATES, "its state, as in `check-status`"),
  progress: optional(number("part of the round in progress that is done, from 0 to 1")),
  damaged: count("number of files that are known to be damaged"),
};

export function summaryWords({ state, progress, damaged }: Values<typeof summaryFields>): string {
  const done = progress === undefined ? "" : ` (${Math.floor(100 * progress)} %)`;
  return state + done + (damaged === 0 ? "" : `, ${plural(damaged, "damaged file")}`);
}

export const CHECK_EVENTS = {
  "check-status": defineEvent({
    kind: "result",
    what: "The check of all stored files by a running server.",
    fields: statusFields,
    words: checkWords,
  }),
  "check-started": defineEvent({
    kind: "result",
    what: "The check of all stored files was started, by `xfer server check --start`.",
    fields: { already: flag("whether a check that an operator started was already in progress") },
    words: ({ already }) =>
      already ? "A check is already in progress" : "Started a check of all stored files",
  }),
};

const STATE_WORDS: Readonly<Record<(typeof CHECK_STATES)[number], string>> = {
  off: "The check of stored files is off (--check-interval 0)",
  idle: "No check of stored files is in progress",
  reading: "Reading all stored files",
  waiting: "The check of stored files waits",
  elsewhere: "Another server checks the stored files",
};

type ShownRound = Values<typeof roundFields>;

function checkWords(status: Values<typeof statusFields>, show: Presentation): string {
  const { state, reason, current, last, next, oldest, damaged, damagedFiles } = status;
  const round = ({ files, bytes, damaged, unreadable }: ShownRound) =>
    `${plural(files, "file")} (${show.size(bytes)}), ${damaged} damaged, ${unreadable} unreadable`;
  const percent = Math.floor(100 * (status.progress ?? 0));
  return [
    STATE_WORDS[state] + (reason === undefined ? "" : `: ${reason}`),
    ...current === undefined ? [] : [
      `  ${percent} % since ${show.time(current.started)}: ${round(current)}, of ` +
      `${plural(status.totalFiles, "file")} (${show.size(status.totalBytes)})`,
    ],
    ...last?.ended === undefined ? [] : [`  last: ${show.time(last.ended)}, ${round(last)}`],
    ...next === undefined ? [] : [`  next: ${show.time(next)}`],
    // Before the first check has ended, it has not read every file.
    ...oldest === undefined || last === undefined
      ? []
      : [`  each file was read within the last ${roughly(oldest)}`],
    ...damaged === 0 ? [] : [
      `  ${plural(damaged, "damaged file")}:`,
      ...damagedFiles.map(({ user, file, version, damage }) =>
        `    ${file} of ${user}, version ${version}: ${DAMAGE_WORDS[damage]}`
      ),
      "  To repair one, its user uploads it again or restores an old version, or you run " +
      "'xfer server verify --repair'",
    ],
  ].join("\n");
}

/** A time in its largest unit, rounded up. */
function roughly(seconds: number): string {
  const unit = [86_400, 3600, 60].find((unit) => seconds >= unit) ?? 1;
  return duration(1000 * unit * Math.ceil(seconds / unit));
}

const DAMAGE_WORDS = {
  missing: "missing",
  size: "another size",
  content: "changed content",
} as const;
