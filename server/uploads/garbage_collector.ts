/**
 * Deletes blobs without references. A transaction that removes the last reference to a blob lists it as garbage and
 * returns its id. The caller passes the id to the collector, which deletes the blob and removes it from the list. While
 * the server runs, the collector touches no other blobs, so another process never deletes a blob that a commit has
 * reserved.
 *
 * @module
 */
import { UnavailableError } from "../../protocol/errors.ts";
import type { BlobReferences } from "../catalog/blob_references.ts";
import type { BlobId, BlobStore, UploadId } from "../blobs/blob_store.ts";
import type { OpenUploadRows } from "../catalog/shared_catalog.ts";

/** The most blobs that are removed from the list in one transaction. */
const TOGETHER = 100;

export interface GarbageCollectorOptions {
  readonly catalog: { readonly blobs: Pick<BlobReferences, "garbage" | "collected"> };
  readonly blobs: Pick<BlobStore, "delete">;
  /** Uploads that servers are writing, if several share the catalog. */
  readonly openUploads?: OpenUploadRows | undefined;
  /** Called for a blob that could not be deleted. It stays listed, and the next start tries again. */
  readonly onFailure: (id: BlobId | UploadId, error: unknown) => void;
}

export class GarbageCollector {
  readonly #options: GarbageCollectorOptions;
  /** Open uploads. */
  readonly #open = new Set<BlobId | UploadId>();
  /** Ends of open uploads that other servers do not know of yet. */
  readonly #ending = new Map<UploadId, Promise<void>>();
  /** Open uploads that are garbage. They are deleted when they end. */
  readonly #waiting = new Set<BlobId | UploadId>();

  #collecting: Promise<void> | undefined;
  /** Whether something was listed since the collection began. */
  #isWanted = false;
  #isClosed = false;

  constructor(options: GarbageCollectorOptions) {
    this.#options = options;
  }

  /** Deletes garbage. Open uploads are deleted when they end. If the blob store does not answer, the rest stays listed. */
  async collect(ids: readonly (BlobId | UploadId)[]): Promise<void> {
    await this.#collect(ids);
  }

  /** Returns whether the blob store has answered. */
  async #collect(ids: readonly (BlobId | UploadId)[]): Promise<boolean> {
    for (let at = 0; at < ids.length; at += TOGETHER) {
      const closed: (BlobId | UploadId)[] = [];
      for (const id of ids.slice(at, at + TOGETHER)) {
        if (this.#open.has(id)) this.#waiting.add(id);
        else closed.push(id);
      }
      if (!(await this.#delete(closed))) return false;
    }
    return true;
  }

  /**
   * Deletes all listed garbage except reserved blobs, in the background. Used after changes with more garbage than they
   * return. A failure stays listed, like that of a single blob.
   */
  collectListed(): void {
    this.#isWanted = true;
    this.#collecting ??= this.#collectWanted().finally(() => this.#collecting = undefined);
  }

  /** Ends {@link collectListed} after the blobs that it is deleting now. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#collecting;
    await Promise.all(this.#ending.values());
  }

  /** Whether only what is most necessary should be deleted, since the server is stopping. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  async #collectWanted(): Promise<void> {
    while (this.#isWanted) {
      this.#isWanted = false;
      // If the catalog fails, the next start tries again.
      await this.#collectPages("unreserved").catch(() => undefined);
    }
  }

  /**
   * Deletes all listed garbage, and returns the number of blobs. Called before this server reserves anything, or if servers
   * that share a catalog know what others have reserved.
   */
  async collectAll(): Promise<number> {
    return await this.#collectPages("all");
  }

  async #collectPages(which: "all" | "unreserved"): Promise<number> {
    let count = 0;
    let after: BlobId | UploadId | undefined;
    for (;;) {
      const ids = await this.#options.catalog.blobs.garbage(after, TOGETHER, which);
      if (ids.length === 0 || this.#isClosed) return count;
      if (!(await this.#collect(ids))) return count;
      count += ids.length;
      after = ids.at(-1);
    }
  }

  /** Keeps an open upload until {@link release}. */
  hold(id: UploadId): void {
    this.#open.add(id);
  }

  /** Resolves when an ended upload is deleted, if it became garbage while it was open. */
  async release(id: UploadId): Promise<void> {
    this.#open.delete(id);
    if (this.#waiting.delete(id)) await this.#delete([id]);
  }

  /** An open upload has a reference again. */
  keep(id: UploadId): void {
    this.#waiting.delete(id);
  }

  /** Whether an open upload will be deleted when it ends. */
  isGarbage(id: UploadId): boolean {
    return this.#waiting.has(id);
  }

  /** Tells other servers that an upload is being written here. */
  async own(id: UploadId): Promise<void> {
    const { openUploads } = this.#options;
    if (openUploads === undefined) return;
    // The upload can be continued as soon as it has ended.
    await this.#ending.get(id);
    await openUploads.begin(id);
  }

  /** Tells other servers that it no longer is, in the background. Deletes it if one of them has made it garbage. */
  disown(id: UploadId): void {
    const { openUploads } = this.#options;
    if (openUploads === undefined) return;
    const end = async () => {
      // If the catalog does not answer, the upload seems to be open until the lease of this server ends.
      const isGarbage = await openUploads.end(id).catch(() => false);
      this.#ending.delete(id);
      if (isGarbage) await this.collect([id]);
    };
    this.#ending.set(id, end());
  }

  /** Returns whether the blob store has answered. */
  async #delete(listed: readonly (BlobId | UploadId)[]): Promise<boolean> {
    const { catalog, blobs, onFailure } = this.#options;
    const deleted: (BlobId | UploadId)[] = [];
    const failures: [BlobId | UploadId, unknown][] = [];
    let isAway = false;
    for (const id of await this.#condemned(listed)) {
      try {
        await blobs.delete(id);
        deleted.push(id);
      } catch (error) {
        failures.push([id, error]);
        isAway = error instanceof UnavailableError;
        // Each further one would wait as long, and with it a client, or the end of the server.
        if (isAway) break;
      }
    }
    try {
      if (deleted.length > 0) await catalog.blobs.collected(deleted);
    } catch (error) {
      failures.push(...deleted.map((id): [BlobId | UploadId, unknown] => [id, error]));
    }
    for (const [id, error] of failures) onFailure(id, error);
    return !isAway;
  }

  /** Those that no server is writing, and none can refer to. The server that writes one deletes it when it has ended. */
  async #condemned(
    ids: readonly (BlobId | UploadId)[],
  ): Promise<readonly (BlobId | UploadId)[]> {
    const { openUploads } = this.#options;
    if (openUploads === undefined || ids.length === 0) return ids;
    // If the catalog does not answer, the next sweep tries again.
    return await openUploads.condemn(ids).catch(() => []);
  }
}
