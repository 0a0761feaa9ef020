/**
 * Deletes the blobs that nothing refers to any longer. The transaction that makes a blob garbage lists it in the catalog
 * and returns its id; whoever called hands the id over, and the collector deletes the blob and takes it off the list. It
 * looks at no other blobs while the server runs: another process never deletes what a commit under way has reserved.
 *
 * @module
 */
import type { BlobReferences } from "../catalog/blob_references.ts";
import type { BlobId, BlobStore, UploadId } from "../blobs/blob_store.ts";

/** Blobs that are taken off the list in one transaction. */
const TOGETHER = 100;

export interface GarbageCollectorOptions {
  readonly catalog: { readonly blobs: Pick<BlobReferences, "garbage" | "collected"> };
  readonly blobs: Pick<BlobStore, "delete">;
  /** Called for a blob that could not be deleted. It stays listed, and is tried again at the next start. */
  readonly onFailure: (id: BlobId | UploadId, error: unknown) => void;
}

export class GarbageCollector {
  readonly #options: GarbageCollectorOptions;
  /** Open uploads. */
  readonly #open = new Set<BlobId | UploadId>();
  /** Those of them that are garbage. */
  readonly #waiting = new Set<BlobId | UploadId>();

  constructor(options: GarbageCollectorOptions) {
    this.#options = options;
  }

  /** Deletes garbage; what an open upload writes to waits until that ends. */
  async collect(ids: readonly (BlobId | UploadId)[]): Promise<void> {
    for (let at = 0; at < ids.length; at += TOGETHER) {
      const closed: (BlobId | UploadId)[] = [];
      for (const id of ids.slice(at, at + TOGETHER)) {
        if (this.#open.has(id)) this.#waiting.add(id);
        else closed.push(id);
      }
      await this.#delete(closed);
    }
  }

  /** Deletes all garbage that is listed, and returns how many blobs were: at a start, before anything is reserved. */
  async collectAll(): Promise<number> {
    let count = 0;
    let after: BlobId | UploadId | undefined;
    for (;;) {
      const ids = await this.#options.catalog.blobs.garbage(after, TOGETHER);
      if (ids.length === 0) return count;
      await this.collect(ids);
      count += ids.length;
      after = ids.at(-1);
    }
  }

  /** Spares an upload while it is open: until {@link release}. */
  hold(id: UploadId): void {
    this.#open.add(id);
  }

  /** Resolves when an upload that has ended is deleted, if it became garbage while it was open. */
  async release(id: UploadId): Promise<void> {
    this.#open.delete(id);
    if (this.#waiting.delete(id)) await this.#delete([id]);
  }

  /** An open upload is referred to again. */
  reprieve(id: UploadId): void {
    this.#waiting.delete(id);
  }

  /** Whether an open upload is deleted when it ends. */
  isGarbage(id: UploadId): boolean {
    return this.#waiting.has(id);
  }

  async #delete(ids: readonly (BlobId | UploadId)[]): Promise<void> {
    const { catalog, blobs, onFailure } = this.#options;
    const deleted: (BlobId | UploadId)[] = [];
    const failures: [BlobId | UploadId, unknown][] = [];
    for (const id of ids) {
      try {
        await blobs.delete(id);
        deleted.push(id);
      } catch (error) {
        failures.push([id, error]);
      }
    }
    try {
      if (deleted.length > 0) await catalog.blobs.collected(deleted);
    } catch (error) {
      failures.push(...deleted.map((id): [BlobId | UploadId, unknown] => [id, error]));
    }
    for (const [id, error] of failures) onFailure(id, error);
  }
}
