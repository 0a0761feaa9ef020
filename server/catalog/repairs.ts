/**
 * Repairs in progress, recorded so that an interrupted one can be finished.
 *
 * @module
 */

import type { BlobId } from "../blobs/blob_store.ts";

/** A damaged file that moves to the quarantine. */
export interface Repair {
  /** The blob of its content. */
  readonly path: BlobId;
  /** The target of the move, if there is anything to move. */
  readonly movedTo?: string | undefined;
  /** The entry for the quarantine's record, a JSON object. */
  readonly record: string;
}

/** The repairs of a catalog. Each method is one transaction. */
export interface Repairs {
  /** Records a repair until `end`. */
  begin(repair: Repair): Promise<void>;
  /** The repairs that were begun and not ended. */
  list(): Promise<Repair[]>;
  /** Removes a repair and, unless its file `isRestored`, the file's row, as `Files.forget` does. */
  end(id: BlobId, options?: { readonly isRestored: boolean }): Promise<void>;
}
