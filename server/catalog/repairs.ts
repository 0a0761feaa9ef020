/**
 * Repairs that are under way, so that one that was cut off can be finished.
 *
 * @module
 */

import type { BlobId } from "../blobs/blob_store.ts";

/** A damaged file that moves to the quarantine. */
export interface Repair {
  /** Its content. */
  readonly path: BlobId;
  /** Where it is moved, if there is anything to move. */
  readonly movedTo?: string | undefined;
  /** What is recorded of it, a JSON object. */
  readonly record: string;
}

/** The repairs of a catalog. Each method is one transaction. */
export interface Repairs {
  /** Keeps a repair until it is ended. */
  begin(repair: Repair): Promise<void>;
  /** The repairs that were begun and not ended. */
  list(): Promise<Repair[]>;
  /** Forgets a repair and, unless its file `isBack`, the file, as `Files.forget` does. */
  end(id: BlobId, options?: { readonly isBack: boolean }): Promise<void>;
}
