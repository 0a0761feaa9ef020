/**
 * References to blobs: which are someone's, and which are garbage. A transaction that takes away the last reference to a
 * blob lists it as garbage and returns its id; it stays listed until it is deleted.
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
  /** Up to `limit` ids that are listed as garbage after one, by id: `undefined` begins. */
  garbage(after: string | undefined, limit: number): Promise<string[]>;
  /** Takes blobs that have been deleted off the list. */
  collected(paths: readonly string[]): Promise<void>;
}
