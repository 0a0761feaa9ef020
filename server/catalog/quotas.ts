/**
 * Quotas of accounts. Current files and partial uploads count. History does not, but is dropped to stay within the quota.
 *
 * @module
 */
import type { Quota, Usage } from "./accounts.ts";
import { MAX_HISTORY } from "./bounds.ts";
import type { UsageWithHistory } from "./files.ts";
import { CatalogRefusal, type RefusalReason } from "./refusal.ts";

const NO_QUOTA: Usage = { bytes: Infinity, files: Infinity };

/** The quota of an account: `own`, or `quota` where it has none. */
export function quotaOf(quota: Usage | undefined, own: Quota | undefined): Usage {
  return { ...NO_QUOTA, ...quota, ...own };
}

/** Throws `CatalogRefusal` if an account is over its quota. */
export function checkQuota(used: Usage, { bytes, files }: Usage): void {
  const check = (reason: "quota-bytes" | "quota-files", total: number, quota: number) => {
    if (total > quota) throw new CatalogRefusal(reason, { total, quota });
  };
  check("quota-bytes", used.bytes, bytes);
  check("quota-files", used.files, files);
}

/** Whether there is no quota. */
export function isUnlimited({ bytes, files }: Usage): boolean {
  return bytes === Infinity && files === Infinity;
}

/** Whether the history of an account is over its maximum, or over the quota together with everything else. */
export function hasSurplus({ bytes, files, history }: UsageWithHistory, quota: Usage): boolean {
  if (history.files === 0) return false;
  return history.files > MAX_HISTORY || files + history.files > quota.files ||
    bytes + history.bytes > quota.bytes;
}

/** The bytes and files that an account can still store. */
export class Room {
  #files: number;
  #bytes: number;

  /** `used`: by files. `reserved`: by uploads in progress. */
  constructor(used: Usage, reserved: Usage | undefined, quota: Usage) {
    this.#files = quota.files - used.files - (reserved?.files ?? 0);
    this.#bytes = quota.bytes - used.bytes - (reserved?.bytes ?? 0);
  }

  /** Takes the room that a file needs beside one of `replaced` bytes. Returns why there is not enough. */
  take(size: number, replaced: number | undefined): RefusalReason | undefined {
    const bytes = this.#bytes - size + (replaced ?? 0);
    const files = this.#files - (replaced === undefined ? 1 : 0);
    if (bytes < 0) return "quota-bytes";
    if (files < 0) return "quota-files";
    this.#bytes = bytes;
    this.#files = files;
    return undefined;
  }
}
