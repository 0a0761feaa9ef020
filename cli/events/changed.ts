/**
 * Events that say how many things an operator has changed.
 *
 * @module
 */
import { plural } from "../text/format.ts";
import { count, defineEvent } from "./definition.ts";

/** `verb`: in the past tense or as a participle, with a capital. `noun`: in the singular. */
export function changed(what: string, verb: string, noun: string) {
  return defineEvent({
    kind: "result",
    what,
    fields: { count: count(`number of ${noun}s`) },
    words: ({ count }) => `${verb} ${plural(count, noun)}`,
  });
}
