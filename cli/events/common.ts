/**
 * What any command may tell.
 *
 * @module
 */
import { wrap } from "../text/format.ts";
import { count, defineEvent, lines, optional, text } from "./definition.ts";

export const COMMON_EVENTS = {
  "error": defineEvent({
    kind: "error",
    what: "Something has failed.",
    fields: {
      code: text("which error it is; it never changes"),
      class: text("which class, of those that exit codes stand for; `internal` is a fault of xfer"),
      message: text("what has happened, with what"),
      hint: optional(text("what to do next")),
      stack: optional(lines("where in the program; with `--verbose`, and for a fault of xfer")),
    },
    words: ({ code, class: kind, message, hint, stack }, paint) => {
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
    what:
      "A signal has asked the command to end: nothing new is begun, what is under way is ended.",
    fields: { signal: text("which; a second one ends everything at once") },
    words: ({ signal }) =>
      `Stopping; ${signal === "SIGINT" ? "Ctrl-C" : signal} once more ends it at once`,
  }),
  "help": defineEvent({
    kind: "result",
    what: "How a command is used, as `xfer help` tells.",
    fields: { command: text("which"), text: lines("the help") },
    words: ({ text }) => text,
  }),
  "completions": defineEvent({
    kind: "result",
    what: "What makes a shell complete command lines.",
    fields: { shell: text("which"), script: lines("the script, to be run by that shell") },
    words: ({ script }) => script,
  }),
  "exit-code": defineEvent({
    kind: "result",
    what: "What an exit code says.",
    fields: {
      code: count("the exit code"),
      class: text("of the errors that end so; else empty"),
      signal: optional(text("the signal by which the command was ended")),
      meaning: text("what it says"),
    },
    words: ({ code, class: kind, meaning }) =>
      `${`${code}`.padStart(3)}  ${kind.padEnd(13)}  ${wrap(meaning, 60, " ".repeat(20))}`,
  }),
} as const;
