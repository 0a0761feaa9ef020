/**
 * Removes entries of the server that are missing here, for `put --delete`.
 *
 * @module
 */
import { endsAll, RefusedError, type XferError } from "../../protocol/errors.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { depthOf, type RemoteName } from "./put_plan.ts";
import { forEachConcurrently, WorkQueue } from "./work_queue.ts";

/** The most unanswered requests of a connection, so that a distant server costs few round trips. */
const MAX_UNANSWERED = 128;

/**
 * Removes entries, those that are deepest first, which `entries` must begin with. `onResult` is called with each entry,
 * and why it could not be removed. An entry that is already gone counts as removed, so a lost answer does not matter.
 * Throws the error that ends the run.
 */
export async function removeMissing(
  pool: ConnectionPool,
  entries: readonly RemoteName[],
  onResult: (entry: RemoteName, error?: XferError) => void,
): Promise<void> {
  for (const level of Map.groupBy(entries, depthOf).values()) {
    // Of one level, all but folders first: none of them is needed by another.
    const queue = new WorkQueue(level);
    await pool.share(queue, ({ session: { mux } }) =>
      forEachConcurrently(queue, async (entry) => {
        const { name } = entry;
        const request = {
          kind: "remove",
          tag: mux.nextTag(),
          name,
          recursive: 0,
          forever: 0,
        } as const;
        try {
          await mux.gracefulAbort.critical(() => mux.askFor(request, "changed"));
          onResult(entry);
        } catch (error) {
          if (endsAll(error)) throw error;
          onResult(entry, failureOf(error as XferError));
        }
        pool.advance();
      }, { maxItems: MAX_UNANSWERED }));
  }
}

/** Why an entry is still there; `undefined` if it is gone. */
function failureOf(error: XferError): XferError | undefined {
  if (error.code === "no-such-file") return undefined;
  if (error.code !== "not-empty") return error;
  return new RefusedError("not-empty", error.message, {
    hint: "Run the same command again: the folder has new entries.",
    cause: error,
  });
}
