/**
 * Partial uploads: their durable bytes are in the blob store, and their checkpoints in the catalog. Bytes become
 * durable before their row. A row without its upload is useless.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import type { BlobStore, UploadId } from "../blobs/blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { PartialUpload } from "../catalog/partial_uploads.ts";
import type { Limits } from "../limits/limits.ts";
import type { GarbageCollector } from "../uploads/garbage_collector.ts";
import { quotaOfAll } from "../uploads/quota_reservations.ts";

/** The number of rows in one look-up. With the longest names they take 450 KiB. */
const PAGE = 50;

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
  /** Accounts that have had partial uploads since the start. The others need no query for each file. */
  readonly #owners = new Set<string>();

  constructor(options: PartialUploadsOptions) {
    this.#options = options;
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
          this.#owners.add(toHex(accountId));
          continue;
        }
        await garbage.collect(await catalog.uploads.remove(accountId, name));
        if (found !== undefined) count++;
      }
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.id;
    }
    return count +
      await blobs.sweepUploads(async (id) => await catalog.blobs.owner(id) === "upload");
  }

  async find(accountId: Bytes, name: string): Promise<PartialUpload | undefined> {
    if (!this.#owners.has(toHex(accountId))) return undefined;
    return await this.#options.catalog.uploads.find(accountId, name);
  }

  /** Records a checkpoint, which replaces the previous one of the name. Throws `CatalogRefusal`. */
  async save(partial: Omit<PartialUpload, "updatedAt">): Promise<void> {
    const { catalog, limits, clock, garbage } = this.#options;
    this.#owners.add(toHex(partial.accountId));
    const row = { ...partial, updatedAt: clock() };
    const options = { max: limits.maxPartialsPerClient, quota: quotaOfAll(limits) };
    const surplus = await catalog.uploads.save(row, options);
    garbage.keep(partial.id);
    await garbage.collect(surplus);
  }

  /** Removes the partial upload of a name; with `path` only that one. */
  async remove(accountId: Bytes, name: string, path?: UploadId): Promise<void> {
    if (!this.#owners.has(toHex(accountId))) return;
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
