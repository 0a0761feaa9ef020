/**
 * Partial uploads: their durable bytes are in the blob store, and their checkpoints in the catalog. Bytes become
 * durable before their row. A row without its upload is useless.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import type { BlobStore, UploadId } from "../blobs/blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { NameLost, type PartialUpload } from "../catalog/partial_uploads.ts";
import { isShared } from "../catalog/shared_catalog.ts";
import type { Limits } from "../limits/limits.ts";
import type { GarbageCollector } from "../uploads/garbage_collector.ts";
import { quotaOfAll } from "../uploads/quota_reservations.ts";

/** The number of rows in one look-up. With the longest names they take 450 KiB. */
const PAGE = 50;
/** The most uploads without an owner that are remembered between two sweeps. */
const MAX_UNOWNED = 10_000;

/** The dependencies of {@link PartialUploads}. */
export interface PartialUploadsOptions {
  readonly catalog: Catalog;
  readonly blobs: BlobStore;
  readonly limits: Limits;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly garbage: GarbageCollector;
}

export class PartialUploads {
  readonly #options: PartialUploadsOptions;
  /**
   * Accounts that have had partial uploads since the start. The others need no query for each file. `undefined` if servers
   * share the catalog.
   */
  readonly #owners: Set<string> | undefined;
  /** Uploads that nobody owned in the last sweep, if servers share the catalog. */
  #unowned = new Set<UploadId>();

  constructor(options: PartialUploadsOptions) {
    this.#options = options;
    this.#owners = isShared(options.catalog) ? undefined : new Set();
  }

  #mayHave(accountId: Bytes): boolean {
    return this.#owners === undefined || this.#owners.has(toHex(accountId));
  }

  /** Deletes uploads without a row, and rows without their upload. Returns the number of uploads deleted. */
  async sweep(): Promise<number> {
    const { catalog, blobs, garbage } = this.#options;
    let count = 0;
    let after: UploadId | undefined;
    for (;;) {
      const page = await catalog.uploads.scan(after, PAGE);
      for (const { accountId, name, id: path, durableBytes } of page) {
        const found = await blobs.stat(path);
        if (found !== undefined && found.size >= durableBytes) {
          this.#owners?.add(toHex(accountId));
          continue;
        }
        await garbage.collect(await catalog.uploads.remove(accountId, name, path));
        if (found !== undefined) count++;
      }
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.id;
    }
    return count + await this.sweepUnowned();
  }

  /**
   * Deletes uploads without an owner, and returns their number. If servers share the catalog, only those that had none in
   * the last sweep either: another server may just have begun one, and be about to say so.
   */
  async sweepUnowned(): Promise<number> {
    const { catalog, blobs } = this.#options;
    const before = this.#unowned;
    const unowned = new Set<UploadId>();
    const isOwned = async (id: UploadId) => await catalog.blobs.owner(id) === "upload";
    const count = await blobs.sweepUploads(async (id, other) => {
      if (await isOwned(id) || other !== undefined && await isOwned(other)) return true;
      if (!isShared(catalog) || before.has(id)) return false;
      if (unowned.size < MAX_UNOWNED) unowned.add(id);
      return true;
    });
    this.#unowned = unowned;
    return count;
  }

  /** Whether the next sweep will delete uploads. */
  get hasUnowned(): boolean {
    return this.#unowned.size > 0;
  }

  async find(accountId: Bytes, name: string): Promise<PartialUpload | undefined> {
    if (!this.#mayHave(accountId)) return undefined;
    return await this.#options.catalog.uploads.find(accountId, name);
  }

  /**
   * Records a checkpoint, which replaces the previous one of the name. Returns `false` if an upload at another server has
   * taken the claim to the name. Throws `CatalogRefusal`.
   */
  async save(partial: Omit<PartialUpload, "updatedAt">, claim?: Bytes): Promise<boolean> {
    const { catalog, limits, clock, garbage } = this.#options;
    this.#owners?.add(toHex(partial.accountId));
    const row = { ...partial, updatedAt: clock() };
    const options = { max: limits.maxPartialsPerClient, quota: quotaOfAll(limits), claim };
    try {
      const surplus = await catalog.uploads.save(row, options);
      garbage.keep(partial.id);
      await garbage.collect(surplus);
      return true;
    } catch (error) {
      if (error instanceof NameLost) return false;
      throw error;
    }
  }

  /** Removes the partial upload of a name; with `path` only that one. */
  async remove(accountId: Bytes, name: string, path?: UploadId): Promise<void> {
    if (!this.#mayHave(accountId)) return;
    const { catalog, garbage } = this.#options;
    await garbage.collect(await catalog.uploads.remove(accountId, name, path));
  }

  /** Removes partial uploads that were last updated before a time. */
  async expire(before: number): Promise<void> {
    const { catalog, garbage } = this.#options;
    for (;;) {
      const expired = await catalog.uploads.expire(before, PAGE);
      await garbage.collect(expired);
      if (expired.length < PAGE) return;
    }
  }
}
