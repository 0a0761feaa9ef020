/**
 * Restores versions from history.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { BlobId } from "../../../blobs/blob_store.ts";
import type { ChangedEntries, RestoreVersionOptions, RestoreVersionResult } from "../../files.ts";
import { restoredEvent } from "../../hook_events.ts";
import { nameKey } from "../../name_key.ts";
import { below, rangeAfter } from "../../name_ranges.ts";
import { checkQuota, isUnlimited, quotaOf } from "../../quotas.ts";
import { CatalogRefusal } from "../../refusal.ts";
import { kindOf, type Row } from "../../rows.ts";
import type { Transaction } from "../database.ts";
import { queueHooks } from "../operations/hooks.ts";
import { usageOf } from "../operations/usage.ts";
import { addUsage, FileChanges, writeChanges } from "./file_changes.ts";
import { trimAfter } from "./history.ts";
import { type KnownNames, lockOwner, lookUpBlocking, lookUpNames } from "./known_files.ts";
import { newestFrom } from "./lists.ts";
import { isBelow, isNamed } from "./name_conditions.ts";
import { isBelowOther, isConflict } from "./name_tree.ts";
import type { Version } from "./version.ts";

interface RestoredEntries extends ChangedEntries {
  readonly garbage: readonly BlobId[];
}

const NOTHING: RestoredEntries = { entries: 0, bytes: 0, garbage: [] };

/** Makes a version from history the current one. */
export async function restore(
  transaction: Transaction,
  owner: Bytes,
  name: string,
  options: RestoreVersionOptions,
): Promise<RestoreVersionResult | undefined> {
  const key = nameKey(name);
  const { version } = options;
  const [account, [known]] = await Promise.all([
    lockOwner(transaction, owner),
    lookUpNames(transaction, [{ owner, names: [key] }]),
  ]);
  const { newest, above, blocking } = known as KnownNames;
  const last = newest.get(key);
  const current = last?.current ? last : undefined;
  if (version !== undefined && version === current?.version) {
    return { ...NOTHING, hasSurplus: false };
  }
  const isOne = version !== undefined || current !== undefined && current.kind !== "folder";
  const isBlocking = (folder: string) => blocking.has(folder);
  const around = { isAbove: above.has(key), isBlocking };
  const restored = isOne
    ? await restoreOne(transaction, owner, last, around, options)
    : await restoreTree(transaction, owner, key, last, around, options);
  if (restored.entries === 0) return undefined;
  await queueHooks(
    ...[transaction, "restored"] as const,
    () => account === undefined ? [] : [restoredEvent(account, name, restored, options.now)],
  );
  const quota = quotaOf(options.quota, account?.quota);
  const used = await usageOf(transaction, owner);
  if (!isUnlimited(quota)) checkQuota(used, quota);
  const trimmed = await trimAfter(transaction, owner, { used, isHistoryLonger: false }, quota);
  return {
    ...restored,
    garbage: [...restored.garbage, ...trimmed.garbage],
    hasSurplus: trimmed.hasSurplus,
  };
}

type Around = Parameters<typeof isConflict>[0];

/** Restores one version of a name, by default the newest that is not current. Throws `CatalogRefusal`. */
async function restoreOne(
  transaction: Transaction,
  owner: Bytes,
  last: Version | undefined,
  around: Around,
  options: RestoreVersionOptions,
): Promise<RestoredEntries> {
  if (last === undefined) return NOTHING;
  const row = await transaction.get(
    `SELECT id, kind, size FROM files WHERE client_id = $1 AND ${isNamed("$2::text")}
     AND NOT current AND version = coalesce($3, version) ORDER BY version DESC LIMIT 1`,
    ...[owner, last.key, options.version],
  );
  if (row === undefined) return NOTHING;
  const before = last.current ? last.kind : undefined;
  if (isConflict(around, last.key, kindOf(row), before)) throw new CatalogRefusal("name-conflict");
  const changes = new FileChanges();
  const { keepHistory = false, now } = options;
  const garbage = last.current ? changes.end(last, keepHistory, now) : [];
  await writeChanges(transaction, [{ owner, changes }]);
  await makeCurrent(transaction, owner, [{ row, version: last.version + 1 }], options);
  return { entries: 1, bytes: row["size"] as number, garbage };
}

/**
 * Restores the names of a folder that have no current version. Of names that exclude each other, the one that was removed
 * last is restored. Throws `CatalogRefusal` if something above the folder is not a folder.
 */
async function restoreTree(
  transaction: Transaction,
  owner: Bytes,
  key: string,
  last: Version | undefined,
  { isBlocking }: Around,
  options: RestoreVersionOptions,
): Promise<RestoredEntries> {
  if (!last?.current && isBelowOther(key, isBlocking)) throw new CatalogRefusal("name-conflict");
  let [entries, bytes] = [0, 0];
  const { since = -Infinity } = options;
  for await (const page of removedNames(transaction, owner, key)) {
    const recent = page.filter((row) => (row["ended_at"] as number) >= since);
    const rows = await withoutExcluded(transaction, owner, recent);
    const versions = rows.map((row) => ({ row, version: (row["version"] as number) + 1 }));
    await makeCurrent(transaction, owner, versions, options);
    entries += rows.length;
    bytes += rows.reduce((sum, { size }) => sum + (size as number), 0);
  }
  return { entries, bytes, garbage: [] };
}

/** The newest versions of names without a current version: of the folder itself, and of everything below it. */
async function* removedNames(
  transaction: Transaction,
  owner: Bytes,
  key: string,
): AsyncGenerator<readonly Row[]> {
  const own = await transaction.all(
    `SELECT id, name, version, current, kind, size, ended_at FROM files
     WHERE client_id = $1 AND ${isNamed("$2::text")} ORDER BY version DESC LIMIT 1`,
    ...[owner, key],
  );
  yield own.filter(isRemoved);
  const prefix = below(key).after;
  for (let last = "";;) {
    const { rows, isLast } = await newestFrom(transaction, owner, rangeAfter(prefix, last));
    yield rows.filter(isRemoved);
    if (isLast) return;
    last = rows.at(-1)?.["name"] as string;
  }
}

function isRemoved(row: Row): boolean {
  return row["current"] === false;
}

/** Files with something below that is current or was removed later. */
const ABOVE_LATER =
  `SELECT id FROM unnest($2::bigint[]) AS one (id) JOIN files AS removed USING (id)
  WHERE removed.kind <> 1 AND EXISTS (SELECT FROM files WHERE client_id = $1
    AND ${isBelow("removed.name")} AND (current OR ended_at > removed.ended_at) LIMIT 1)`;

/** Removed names, by name, without those that a current entry or, for a file, one that was removed later excludes. */
async function withoutExcluded(
  transaction: Transaction,
  owner: Bytes,
  rows: readonly Row[],
): Promise<Row[]> {
  if (rows.length === 0) return [];
  const names = rows.map(({ name }) => name as string);
  const [[blocking], found] = await Promise.all([
    lookUpBlocking(transaction, [{ owner, names }]),
    transaction.all(ABOVE_LATER, owner, rows.map(({ id }) => id)),
  ]);
  const above = new Set(found.map(({ id }) => id));
  const restored = new Set<string>();
  return rows.filter((row) => {
    const name = row["name"] as string;
    const isBlocking = (folder: string) => blocking?.has(folder) || restored.has(folder);
    if (isBelowOther(name, isBlocking)) return false;
    if (kindOf(row) === "folder") return true;
    if (above.has(row["id"])) return false;
    restored.add(name);
    return true;
  });
}

/** Makes rows of history current. */
async function makeCurrent(
  transaction: Transaction,
  owner: Bytes,
  versions: readonly { readonly row: Row; readonly version: number }[],
  { now, by }: RestoreVersionOptions,
): Promise<void> {
  if (versions.length === 0) return;
  const bytes = versions.reduce((sum, { row }) => sum + (row["size"] as number), 0);
  await Promise.all([
    transaction.run(
      `UPDATE files SET current = true, ended_at = NULL, version = one.version, stored_at = $3,
         stored_by = $4
       FROM unnest($1::bigint[], $2::bigint[]) AS one (id, version) WHERE files.id = one.id`,
      ...[versions.map(({ row }) => row["id"]), versions.map(({ version }) => version), now, by],
    ),
    addUsage(transaction, [{
      ...{ client_id: owner, files: versions.length, bytes },
      ...{ history_files: -versions.length, history_bytes: -bytes },
    }]),
  ]);
}
