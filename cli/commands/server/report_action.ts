/**
 * Tells a running server what an operator's command has changed, so that it takes effect at once and is in its log.
 *
 * @module
 */
import { XferError } from "../../../protocol/errors.ts";
import { callServer, type ServerLocation } from "../../../server/mod.ts";

export interface Action {
  /** A word in kebab case, such as `user-disabled`. */
  readonly action: string;
  /** The user name that it concerns. */
  readonly user?: string;
  readonly subject?: string;
}

/** The user who runs the command, for the log. */
export function operatorName(): string {
  const uid = Deno.uid();
  return uid === null ? "the operator" : `uid ${uid}`;
}

/** Does nothing if no server runs there. It then finds the change when it starts. */
export async function reportAction(data: ServerLocation, action: Action): Promise<void> {
  try {
    await callServer(data, "acted", { operator: operatorName(), ...action });
  } catch (error) {
    // A running server also looks for changes every second.
    if (!(error instanceof XferError)) throw error;
  }
}
