/**
 * States of files that were not transferred or changed.
 *
 * @module
 */
import { oneOf } from "./definition.ts";

/** The states of a failed file, each with its words. */
export type Outcomes = Readonly<Record<string, (what: string) => string>>;

/** The error code of a command that a signal stopped. */
export const INTERRUPTED = "interrupted";

/** The field for the state of a failed file. `work`: the request, as a verb. */
export const standing = <T extends Outcomes>(table: T, work: string) =>
  oneOf(
    Object.keys(table) as (keyof T & string)[],
    `\`unknown\`: the client asked the server to ${work} it and got no answer; \`not-tried\`: the ` +
      "command ended before it",
  );

/** The words of a file that was in progress when the command was stopped are the same for all commands. */
export function failed(words: string, state: string, code: string, file: string): string {
  const wasInProgress = code === INTERRUPTED && state !== "unknown" && state !== "not-tried";
  return wasInProgress ? `Interrupted: ${file}` : words;
}
