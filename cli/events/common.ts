/**
 * Events that any command may report.
 *
 * @module
 */
import { wrap } from "../text/format.ts";
import { count, defineEvent, lines, oneOf, optional, text } from "./definition.ts";

/** Instructions to send a signal again. */
const AGAIN: Readonly<Record<string, string>> = {
  SIGINT: "Press Ctrl-C",
  SIGBREAK: "Press Ctrl-Break",
};

/** Results that xfer writes down for later commands. */
const RECORDS = {
  history: "Cannot record the upload for 'xfer client status'",
  damage: "Cannot mark damaged files in the catalog",
} as const;

export const COMMON_EVENTS = {
  "error": defineEvent({
    kind: "error",
    what: "Something failed.",
    fields: {
      code: text("code of the error; stable across versions"),
      class: text("class of the error, which decides the exit code; `internal` is a bug in xfer"),
      message: text("what happened, and why"),
      hint: optional(text("what to do next")),
      stack: optional(lines("place in the program; with `--verbose`, and for a bug in xfer")),
    },
    words: ({ code, class: kind, message, hint, stack }, { paint }) => {
      const lines = kind === "internal"
        ? [`${paint("error", "xfer:")} internal error, please report it:`]
        : [`${paint("error", "xfer:")} ${message} ${paint("dim", `[${code}]`)}`];
      if (hint !== undefined) lines.push(`      ${hint}`);
      if (stack !== undefined) lines.push(kind === "internal" ? stack : paint("dim", stack));
      return lines.join("\n");
    },
  }),
  "stopping": defineEvent({
    kind: "note",
    what: "A signal asked the command to stop: it starts nothing new and completes running steps.",
    fields: { signal: text("name of the signal; a second one ends the command at once") },
    words: ({ signal }) => `Stopping. ${AGAIN[signal] ?? `Send ${signal}`} again to quit at once.`,
  }),
  "not-recorded": defineEvent({
    kind: "warning",
    what: "A result could not be recorded for later commands. The result itself is not affected.",
    fields: {
      reason: text("the reason"),
      record: oneOf(
        Object.keys(RECORDS) as (keyof typeof RECORDS)[],
        "`history`: the last uploads, for `status`; `damage`: the marks of damaged files, in the catalog",
      ),
    },
    words: ({ reason, record }, { paint }) =>
      `${paint("warning", "Warning:")} ${RECORDS[record]}: ${reason}`,
  }),
  "help": defineEvent({
    kind: "result",
    what: "The help of a command, as `xfer help` prints it.",
    fields: { command: text("name of the command"), text: lines("the help") },
    words: ({ text }) => text,
  }),
  "completions": defineEvent({
    kind: "result",
    what: "A script that completes command lines in a shell.",
    fields: {
      shell: text("name of the shell"),
      script: lines("the script, for that shell to run"),
    },
    words: ({ script }) => script,
  }),
  "exit-code": defineEvent({
    kind: "result",
    what: "The meaning of an exit code.",
    fields: {
      code: count("the exit code"),
      class: text("class of the errors with this exit code; empty for success"),
      signal: optional(text("signal that stopped the command")),
      meaning: text("the meaning"),
    },
    words: ({ code, class: kind, meaning }) =>
      `${`${code}`.padStart(3)}  ${kind.padEnd(13)}  ${wrap(meaning, 60, " ".repeat(20))}`,
  }),
} as const;
