/**
 * Errors as events.
 *
 * @module
 */
import { XferError } from "../../protocol/errors.ts";
import type { EventOf } from "../events/mod.ts";
import type { ErrorClass } from "../exit_codes.ts";

/** Options, each after a space, that commands in hints need to work on the same folder as this one. */
export type HintPlaces = Readonly<Partial<Record<"client" | "server", string>>>;

interface ErrorDisplay {
  readonly verbose: boolean;
  readonly places: HintPlaces;
}

/** Nested causes that are shown. An error may be its own cause. */
const MAX_CAUSES = 8;

/** An error as an event. */
export function toErrorEvent(error: unknown, { verbose, places }: ErrorDisplay): EventOf<"error"> {
  const isOurs = error instanceof XferError;
  return {
    event: "error",
    code: isOurs ? error.code : "internal",
    class: (isOurs ? error.category : "internal") satisfies ErrorClass,
    message: error instanceof Error ? error.message : String(error),
    ...isOurs && error.hint !== undefined ? { hint: placed(error.hint, places) } : {},
    ...verbose || !isOurs ? { stack: stackOf(error) } : {},
  };
}

/** A hint whose commands work on the same folder as this one: `To see your files, run 'xfer client list'.` */
export function placed(hint: string, places: HintPlaces): string {
  return hint.replace(
    /(?<=: |')xfer (client|server)\b(?![^']*--(?:help|example)')([^']*)/g,
    (command, end: "client" | "server", rest: string) => {
      const place = places[end] ?? "";
      return rest.includes(place) ? command : `xfer ${end}${place}${rest}`;
    },
  );
}

/** The stack of an error, and those of its causes. */
function stackOf(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? String(error);
  if (error.cause === undefined || depth === MAX_CAUSES) return stack;
  return `${stack}\nCaused by: ${stackOf(error.cause, depth + 1)}`;
}
