/**
 * References to blobs: which are someone's, and which are garbage.
 *
 * @module
 */

export type BlobOwner = "file" | "upload" | "garbage";

export interface BlobReferences {
  /**
   * Lists a blob as garbage before it is made, until a commit refers to it: a crash in between leaves nothing behind that
   * the next start would not collect.
   */
  reserve(path: string): Promise<void>;
  /** What refers to a blob or an upload, if anything does. */
  owner(path: string): Promise<BlobOwner | undefined>;
  /** All blobs that nothing refers to. */
  garbage(): Promise<string[]>;
  /** Forgets a blob that has been deleted. */
  collected(path: string): Promise<void>;
}
