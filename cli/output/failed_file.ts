/**
 * Files that were not transferred or changed: their events, and the words that name file and reason once.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { shownSource } from "../../protocol/standard_input.ts";
import { type Event, type EventOf, wordsOf } from "../events/mod.ts";
import { INTERRUPTED } from "../events/outcomes.ts";
import type { Presentation } from "../text/presentation.ts";

/** Events of a file that was not transferred or changed. */
export type FailureEvent = EventOf<
  "not-stored" | "not-got" | "not-deleted" | "not-removed" | "not-restored"
>;

const FAILURES: ReadonlySet<string> = new Set<FailureEvent["event"]>(
  ["not-stored", "not-got", "not-deleted", "not-removed", "not-restored"],
);

/** States of files that have not failed by themselves. */
const UNTRIED: ReadonlySet<string> = new Set(["unknown", "not-tried"]);

export function isFailure(event: Event): event is FailureEvent {
  return FAILURES.has(event.event);
}

/** Whether the file itself failed, and not only the command before it was done with the file. */
export function hasFailed(event: FailureEvent): boolean {
  return !("state" in event) || !UNTRIED.has(event.state);
}

/** Whether only the end of the command kept it from the file. Whether an unconfirmed one is stored is not known. */
export function isLeftUndone(event: Event): boolean {
  if (!isFailure(event)) return false;
  const state = "state" in event ? event.state : undefined;
  return state === "not-tried" || (event.code === INTERRUPTED && state !== "unknown");
}

/** Undone files that are named to people. A list of thousands would hide what happened before. */
const MAX_UNDONE = 10;

/** Shortens what people see of many failed files. */
export class Repetition {
  #undone = 0;
  #hint: string | undefined;

  /** The error, without its hint if the error before it had the same. */
  withoutKnownHint(cause: EventOf<"error">): EventOf<"error"> {
    const { hint, ...unhinted } = cause;
    const isKnown = hint === this.#hint;
    this.#hint = hint;
    return isKnown ? unhinted : cause;
  }

  /** The words for the next file that is left undone, `undefined` if enough were named. */
  undone(words = ""): string | undefined {
    this.#undone++;
    if (this.#undone <= MAX_UNDONE) return words;
    const [label] = words.split(":", 1);
    return this.#undone === MAX_UNDONE + 1
      ? `${label}: more files. For a longer list, add --verbose.`
      : undefined;
  }
}

/** The words for a file that failed with an error: one item, with the hint unless the error was reported before. */
export function failureWords(
  event: FailureEvent,
  cause: EventOf<"error">,
  wasReported: boolean,
  show: Presentation,
): string | undefined {
  const what = wordsOf(event, show) ?? "";
  if (wasReported) return `${what}: ${printable(cause.message)}`;
  const file = printable("path" in event ? shownSource(event.path) : event.name);
  const message = names(cause.message, file)
    ? cause.message
    : `${lowerFirst(what)}: ${cause.message}`;
  return wordsOf({ ...cause, message }, show);
}

/** The texts before and after a file's name in a message. An ordinary word would have an article there. */
const BEFORE_NAME = "^(?:the server refused: )?" +
  "(?:|cannot [a-z]+ |the [a-z]+ [a-z]+ |no file |no such file: |.+ for |.+ whether |.+ end of )";
const AFTER_NAME = "(?:$|[:,]| (?:is|was|has|as|and|already)\\b)";

/** A name that could be a word of a message. A longer one cannot, and would be too large a pattern. */
const WORD = /^[A-Za-z]{1,32}$/;

/**
 * Whether a message names a file. If the name could be a word of any message, such as "server", it counts only in the
 * position of a name: "cannot read server: no such file".
 */
function names(message: string, file: string): boolean {
  if (WORD.test(file)) {
    return new RegExp(`${BEFORE_NAME}${file}${AFTER_NAME}`).test(message);
  }
  return ` ${message} `.split(/[\s"':;,]+/).join(" ").includes(` ${file} `);
}

/** A sentence as the message of an error. */
function lowerFirst(words: string): string {
  return words.charAt(0).toLowerCase() + words.slice(1);
}
