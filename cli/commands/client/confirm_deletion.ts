/**
 * Asks before a command deletes so much that it may be a mistake.
 *
 * @module
 */
import { UsageError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import type { Run } from "../../run.ts";

export interface Deletion {
  /** The number of entries to delete: files, folders and links. */
  readonly entries: number;
  /** The number of entries that are there now. */
  readonly total: number;
  /** Where they are: "photos on the server". */
  readonly place: string;
}

/**
 * Asks if more than half of the entries would be deleted. `yes`: don't ask. Throws `UsageError` `not-confirmed` if the
 * answer is no or nobody can answer; `InterruptedError` after a signal.
 */
export async function confirmDeletion(
  run: Pick<Run, "confirm">,
  { entries, total, place }: Deletion,
  yes: boolean,
): Promise<void> {
  if (entries * 2 <= total) return;
  await confirm(run, `delete ${entries} of ${total} entries in ${place}`, yes);
}

/** Asks in any case. `action`: an imperative, such as "delete notes.txt forever". Throws as `confirmDeletion` does. */
export async function confirm(
  run: Pick<Run, "confirm">,
  action: string,
  yes: boolean,
): Promise<void> {
  const shown = printable(action);
  if (yes || await run.confirm(`${shown.charAt(0).toUpperCase()}${shown.slice(1)}?`)) return;
  throw new UsageError("not-confirmed", `not confirmed: this would ${shown}`, {
    hint: "Add --dry-run to see what would be deleted, or --yes to delete it.",
  });
}
