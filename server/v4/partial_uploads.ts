/**
 * What is durably held of uploads that were broken off, so that they can be gone on with: staged files and rows of the
 * catalog. Bytes are on disk before their row is; a row whose file is missing is worth nothing.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import type { BlobStore } from "../blobs/blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { PartialUpload } from "../catalog/partial_uploads.ts";
import type { Limits } from "../limits/limits.ts";
import type { GarbageCollector } from "../uploads/garbage_collector.ts";
import { quotaOfAll } from "../uploads/quota_reservations.ts";

/** Rows that are looked at together: with the longest names they have 450 KiB. */
const PAGE = 50;

/** What it works with. */
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
  /** Clients of which something has been held since the start: to look it up for each file would take long. */
  readonly #owners = new Set<string>();

  constructor(options: PartialUploadsOptions) {
    this.#options = options;
  }

  /** Removes what is staged and not held, and forgets what is not staged any more. Returns how much was removed. */
  async sweep(): Promise<number> {
    const { catalog, blobs, garbage } = this.#options;
    let count = 0;
    let after: string | undefined;
    for (;;) {
      const page = await catalog.uploads.scan(after, PAGE);
      for (const { clientId, name, path, held } of page) {
        const size = await blobs.size(path);
        if (size !== undefined && size >= held) {
          this.#owners.add(toHex(clientId));
          continue;
        }
        await garbage.collect(await catalog.uploads.remove(clientId, name));
        if (size !== undefined) count++;
      }
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.path;
    }
    return count +
      await blobs.sweep(async (path) => await catalog.blobs.owner(path) === "upload");
  }

  async find(clientId: Bytes, name: string): Promise<PartialUpload | undefined> {
    if (!this.#owners.has(toHex(clientId))) return undefined;
    return await this.#options.catalog.uploads.find(clientId, name);
  }

  /** Records bytes that are on disk, in place of what was held under the name. Throws `CatalogRefusal`. */
  async save(partial: Omit<PartialUpload, "updatedAt">): Promise<void> {
    const { catalog, limits, clock, garbage } = this.#options;
    this.#owners.add(toHex(partial.clientId));
    const row = { ...partial, updatedAt: clock() };
    const options = { max: limits.maxPartialsPerClient, quota: quotaOfAll(limits) };
    const surplus = await catalog.uploads.save(row, options);
    garbage.reprieve(partial.path);
    await garbage.collect(surplus);
  }

  /** Drops what is held under a name; with a path only what is held there. */
  async drop(clientId: Bytes, name: string, path?: string): Promise<void> {
    if (!this.#owners.has(toHex(clientId))) return;
    const { catalog, garbage } = this.#options;
    await garbage.collect(await catalog.uploads.remove(clientId, name, path));
  }

  /** Drops what was not gone on with since before a time. */
  async expire(before: number): Promise<void> {
    const { catalog, garbage } = this.#options;
    for (;;) {
      const expired = await catalog.uploads.expire(before, PAGE);
      await garbage.collect(expired);
      if (expired.length < PAGE) return;
    }
  }
}
