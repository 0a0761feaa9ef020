/**
 * What is durably held of uploads that were broken off, so that they can be gone on with: staged files and rows of the
 * catalog. Bytes are on disk before their row is; a row whose file is missing is worth nothing.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import type { BlobStore } from "../blobs/blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { PartialUpload } from "../catalog/partial_uploads.ts";
import type { Limits } from "../limits/limits.ts";
import type { Log } from "../limits/server_log.ts";
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
  readonly log: Log;
  /** A staged file that is open is not removed: an upload still writes to it, and sees to it when it ends. */
  readonly isOpen: (path: string) => boolean;
}

export class PartialUploads {
  readonly #options: PartialUploadsOptions;
  /** Clients of which something has been held since the start: to look it up for each file would take long. */
  readonly #owners = new Set<string>();
  /** Staged files of open uploads of which no row tells any more. */
  readonly #forsaken = new Set<string>();

  constructor(options: PartialUploadsOptions) {
    this.#options = options;
  }

  /** Removes what is staged and not held, and forgets what is not staged any more. Returns how much was removed. */
  async sweep(): Promise<number> {
    const { catalog, blobs } = this.#options;
    let after: string | undefined;
    for (;;) {
      const page = await catalog.uploads.scan(after, PAGE);
      for (const { clientId, name, path, held } of page) {
        if ((await blobs.size(path) ?? -1) < held) await catalog.uploads.remove(clientId, name);
        else this.#owners.add(toHex(clientId));
      }
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.path;
    }
    return await blobs.sweep(async (path) => await catalog.blobs.owner(path) === "upload");
  }

  async find(clientId: Bytes, name: string): Promise<PartialUpload | undefined> {
    if (!this.#owners.has(toHex(clientId))) return undefined;
    return await this.#options.catalog.uploads.find(clientId, name);
  }

  /** Records bytes that are on disk, in place of what was held under the name. Throws `CatalogRefusal`. */
  async save(partial: Omit<PartialUpload, "updatedAt">): Promise<void> {
    const { catalog, limits, clock } = this.#options;
    this.#owners.add(toHex(partial.clientId));
    const row = { ...partial, updatedAt: clock() };
    const options = { max: limits.maxPartialsPerClient, quota: quotaOfAll(limits) };
    const dropped = await catalog.uploads.save(row, options);
    this.#forsaken.delete(partial.path);
    await this.#remove(dropped);
  }

  /** Whether what was recorded of an open upload has been dropped since: then its staged file is nobody's but its own. */
  isUnlinked(path: string): boolean {
    return this.#forsaken.has(path);
  }

  /** Takes note that an upload writes no more to its staged file. */
  close(path: string): void {
    this.#forsaken.delete(path);
  }

  /** Drops what is held under a name; with a path only what is held there. */
  async drop(clientId: Bytes, name: string, path?: string): Promise<void> {
    if (this.#owners.has(toHex(clientId))) await this.#drop(clientId, name, path);
  }

  /** Drops what was not gone on with since before a time. */
  async expire(before: number): Promise<void> {
    const { catalog } = this.#options;
    for (;;) {
      const expired = await catalog.uploads.expire(before, PAGE);
      await this.#remove(expired);
      if (expired.length < PAGE) return;
    }
  }

  async #drop(clientId: Bytes, name: string, path?: string): Promise<void> {
    await this.#remove(await this.#options.catalog.uploads.remove(clientId, name, path));
  }

  /** What can't be removed now is at the next start. */
  async #remove(paths: readonly string[]): Promise<void> {
    const { blobs, log, isOpen } = this.#options;
    for (const path of paths) {
      if (isOpen(path)) {
        this.#forsaken.add(path);
        continue;
      }
      try {
        await blobs.remove(path);
      } catch (error) {
        log.warn("Could not remove {path}, which is held no more: {reason}", {
          event: "orphan.kept",
          ...{ path, reason: printable(String(error)) },
        });
      }
    }
  }
}
