/**
 * Measures what accounts have stored, in a data folder or a backup.
 *
 * @module
 */
import type { BlobId } from "../blobs/blob_store.ts";
import type { Quota, Usage } from "../catalog/accounts.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { StoredFile } from "../catalog/files.ts";
import { type StoreLocation, withReadOnly } from "../stores/with_store.ts";

/** The most files of a report. */
export const MAX_TOP = 1000;
const PAGE = 1000;

/** The usage of one account. */
export interface UserUsage {
  /** The user name. */
  readonly user: string;
  /** Its current files. They count towards the quota. */
  readonly current: Usage;
  /** Its replaced and removed versions, which do not. */
  readonly history: Usage;
  /** The bytes that its partial uploads count towards the quota. */
  readonly partialBytes: number;
  /** Its own quota. */
  readonly quota: Quota;
}

/** A large file and its owner. */
export interface LargeFile
  extends Required<Pick<StoredFile, "name" | "size" | "version" | "current">> {
  /** The user name of the owner. */
  readonly user: string;
}

/** The usage of a data folder or a backup. */
export interface StoreUsage {
  /** All accounts, the largest first, with their history. */
  readonly accounts: readonly UserUsage[];
  /** The largest files and versions of all accounts, the largest first. */
  readonly largest: readonly LargeFile[];
}

/**
 * Measures all accounts, and finds the `top` largest files, at most {@link MAX_TOP}. Throws `ConfigurationError`
 * `no-data-folder` or `no-backup`, `UsageError` `no-such-state`.
 */
export function measureUsage(
  location: StoreLocation,
  { top }: { readonly top: number },
): Promise<StoreUsage> {
  return withReadOnly(location, async ({ catalog }) => {
    const accounts = await Promise.all(
      (await catalog.accounts.list()).map(async ({ id, name: user, history, quota, usage }) => {
        const { bytes } = await catalog.files.usage(id);
        const partialBytes = Math.max(0, bytes - usage.bytes);
        return { user, current: usage, history, partialBytes, quota };
      }),
    );
    const total = ({ current, history, partialBytes }: UserUsage) =>
      current.bytes + history.bytes + partialBytes;
    accounts.sort((a, b) => total(b) - total(a));
    return { accounts, largest: await findLargest(catalog, Math.min(top, MAX_TOP)) };
  });
}

/** The `top` largest files and versions of all accounts, the largest first. Reads the whole catalog. */
export async function findLargest(catalog: Catalog, top: number): Promise<LargeFile[]> {
  if (top === 0) return [];
  let largest: StoredFile[] = [];
  let after: BlobId | undefined;
  for (;;) {
    const page = await catalog.files.scan(after, PAGE);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.content.id;
    const smallest = largest[top - 1];
    const larger = page.filter((file) =>
      file.kind !== "folder" && (smallest === undefined || bySize(file, smallest) < 0)
    );
    if (larger.length > 0) largest = [...largest, ...larger].sort(bySize).slice(0, top);
  }
  return await Promise.all(
    largest.map(async ({ accountId, name, size, version = 1, current = true }) => {
      const user = (await catalog.accounts.find({ id: accountId }))?.name ?? "";
      return { user, name, size, version, current };
    }),
  );
}

/** The largest first. Files of one size are in the order of their names and versions. */
function bySize(a: StoredFile, b: StoredFile): number {
  if (a.size !== b.size) return b.size - a.size;
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return (a.version ?? 1) - (b.version ?? 1);
}
