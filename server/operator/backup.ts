/**
 * Copying a store whole, to a backup and back from it.
 *
 * A backup is a folder with `backup.db`, a catalog, and `files/`, as in a data folder. The catalog comes last: without
 * it a folder is no backup, and no data folder either.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { type Abortable, throwIfAborted } from "../../protocol/abort.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import { reasonOf, StorageError, XferError } from "../../protocol/errors.ts";
import { firstMissing, isEmptyFolder, refuseInside } from "./backup_target.ts";
import { recordFound } from "../data_folder/with_data_folder.ts";
import { damageIn, readChecked } from "../data_folder/stored_content.ts";
import { type Catalog, type CatalogSnapshot, isSnapshotting } from "../catalog/catalog.ts";
import type { Damage, StoredFile } from "../catalog/files.ts";
import {
  BACKUP_CATALOG,
  CATALOG,
  DataFolder,
  MAX_TLS_FILE,
  TLS_FILE,
} from "../data_folder/data_folder.ts";
import { FILES, isBlobPath } from "../blobs/disk/paths.ts";
import type { BlobId } from "../blobs/blob_store.ts";
import { DiskBlobStore } from "../blobs/disk/disk_blob_store.ts";
import {
  createOwnFolder,
  isThere,
  readRegularFile,
  removeIfThere,
  syncFolder,
  writeAll,
} from "../fs/file_system.ts";
import { damageOf as damagedCatalog } from "../data_folder/errors.ts";

/**
 * A server that is at work may replace files faster than they are copied. Each further round copies only what was
 * stored since the one before, so that it is shorter; this many are enough unless nearly all is replaced all the time.
 */
const MAX_ROUNDS = 20;
const PAGE = 1000;
/** How the names of catalogs begin that are not whole yet. */
const PARTIAL = "partial-";

/** What was copied. */
export interface CopyReport {
  /** How many files. */
  readonly files: number;
  /** Bytes of these files. */
  readonly bytes: number;
  /** Damaged files, which are not in the copy. */
  readonly damaged: readonly StoredFile[];
}

/**
 * Copies the catalog and all files to `target`, a new or empty folder, as they are at one moment, while the server keeps
 * running. Throws `ConfigurationError` `no-data-folder`, `target-not-empty`, `target-no-folder`,
 * `target-in-source`; `StorageError` `cannot-copy`, `store-too-busy`; `IntegrityError` `catalog-damaged`.
 */
export async function backup(
  dataFolder: string,
  target: string,
  options: Abortable = {},
): Promise<CopyReport> {
  await using source = await DataFolder.openToRead(dataFolder, Deno);
  const copying = { source, target: resolve(target), name: BACKUP_CATALOG, ...options };
  const report = await copyStore(copying);
  // A folder that can't be written can be backed up.
  await recordFound(source.path, report.damaged).catch(() => undefined);
  return report;
}

/** Options of a restore. */
export interface RestoreOptions extends Abortable {
  /**
   * Called after copying, if the backup lacks the server's identity, with the number of accounts of protocol 4: their
   * clients will refuse the restored server.
   */
  readonly onNoIdentity?: (accounts: number) => void;
}

/**
 * Creates a data folder, a new or empty folder, from a backup. Throws `ConfigurationError` `no-backup`,
 * `target-not-empty`, `target-no-folder`, `target-in-source`; `StorageError` `cannot-copy`; `IntegrityError`
 * `catalog-damaged`.
 */
export async function restore(
  backupFolder: string,
  dataFolder: string,
  { onNoIdentity, ...options }: RestoreOptions = {},
): Promise<CopyReport> {
  await using source = await DataFolder.openBackup(backupFolder, Deno);
  const target = resolve(dataFolder);
  const report = await copyStore({ source, target, name: CATALOG, ...options });
  if (onNoIdentity !== undefined && !(await isThere(Deno, join(target, TLS_FILE)))) {
    const accounts = (await source.catalog.accounts.list())
      .filter(({ protocol, keys }) => protocol === 4 && keys > 0).length;
    if (accounts > 0) onNoIdentity(accounts);
  }
  return report;
}

interface Copying extends Abortable {
  readonly source: DataFolder;
  readonly target: string;
  /** What the catalog is called there. */
  readonly name: string;
}

async function copyStore(copying: Copying): Promise<CopyReport> {
  const { source, target } = copying;
  try {
    const made = await isEmptyFolder(target) ? undefined : await firstMissing(target);
    await refuseInside(source.path, target);
    try {
      return await copyInRounds(copying);
    } catch (error) {
      await removeBegun(copying, made);
      throw error;
    }
  } catch (cause) {
    if (cause instanceof XferError) throw cause;
    throw damagedCatalog(source.place, cause) ??
      new StorageError(
        "cannot-copy",
        `Cannot copy to ${printable(target)}: ${reasonOf(cause)}`,
        { hint: "Check that you may write there and that there is room, and try again.", cause },
      );
  }
}

async function copyInRounds(copying: Copying): Promise<CopyReport> {
  const { source, target, name } = copying;
  await createOwnFolder(Deno, join(target, FILES));
  const blobs = new DiskBlobStore(target, Deno);
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const partial = join(target, `${PARTIAL}${round}.db`);
    let report: CopyReport | undefined;
    {
      await using catalog = await snapshotOf(source.catalog, partial);
      report = await copyBlobs(copying, { catalog, blobs });
      if (report !== undefined) await removeOthers({ catalog, blobs });
      await catalog.finish();
    }
    if (report !== undefined) {
      await copyIdentity(source.path, target);
      using file = await Deno.open(partial, { read: true, write: true });
      await file.sync();
      await Deno.rename(partial, join(target, name));
      await syncFolder(Deno, target);
      return report;
    }
    await Deno.remove(partial);
  }
  throw new StorageError(
    "store-too-busy",
    `Files were replaced faster than they could be copied, ${MAX_ROUNDS} times`,
    { hint: "Back up when fewer clients are at work, or stop the server meanwhile." },
  );
}

/** A copy of the catalog in a file that only its owner can read. */
async function snapshotOf(catalog: Catalog, path: string): Promise<CatalogSnapshot> {
  if (!isSnapshotting(catalog)) throw new Error("its catalog can't be copied into a file");
  // Closed before SQLite opens it: closing it later would end SQLite's locks.
  (await Deno.open(path, { create: true, write: true, mode: 0o600 })).close();
  return await catalog.snapshotTo(path);
}

/**
 * Takes away what there is of a copy that has failed, as far as that can be done: first what makes a backup of it. The
 * folder was new or empty; of those above it those go that were made for it.
 */
async function removeBegun({ target, name }: Copying, made: string | undefined): Promise<void> {
  try {
    const names = await Array.fromAsync(Deno.readDir(target), (entry) => entry.name);
    for (
      const begun of [
        name,
        FILES,
        TLS_FILE,
        ...names.filter((other) => other.startsWith(PARTIAL)),
      ]
    ) {
      if (names.includes(begun)) await Deno.remove(join(target, begun), { recursive: true });
    }
    for (let folder = target; made !== undefined; folder = dirname(folder)) {
      await Deno.remove(folder);
      if (folder === made) return;
    }
  } catch {
    return; // why the copy has failed is what is told
  }
}

interface Copy {
  readonly catalog: Catalog;
  readonly blobs: DiskBlobStore;
}

/** Copies the blobs that are not there yet; `undefined` where one was replaced since the catalog was copied. */
async function copyBlobs(
  copying: Copying,
  { catalog, blobs }: Copy,
): Promise<CopyReport | undefined> {
  const { source, signal } = copying;
  const damaged: StoredFile[] = [];
  let [files, bytes, stale] = [0, 0, false];
  let after: BlobId | undefined;
  for (;;) {
    const page = await catalog.files.scan(after, PAGE);
    for (const file of page) {
      throwIfAborted(signal);
      const damage = file.content.kind === "inline"
        ? await damageOf({ catalog, blobs }, file)
        : await blobs.isOccupied(file.content.id)
        ? undefined
        : await copyBlob(copying, file);
      if (damage === undefined) {
        files++;
        bytes += file.size;
        // What was found damaged before has been mended since.
        if (file.damage !== undefined) await catalog.files.setDamage(file.content.id, undefined);
        continue;
      }
      if (await source.catalog.blobs.owner(file.content.id) !== "file") stale = true;
      else {
        damaged.push({ ...file, damage });
        await catalog.files.forget(file.content.id);
      }
    }
    const last = page.at(-1);
    if (last === undefined) return stale ? undefined : { files, bytes, damaged };
    after = last.content.id;
  }
}

/** The damage of a blob that came with the catalog. */
async function damageOf(copy: Copy, file: StoredFile): Promise<Damage | undefined> {
  try {
    for await (const _ of readChecked(copy, file)) continue;
    return undefined;
  } catch (error) {
    return damageIn(error) ?? Promise.reject(error);
  }
}

/** Copies a blob, unless it is damaged or its path is none of a blob's; returns its damage. */
async function copyBlob(
  { source, target, signal }: Copying,
  file: StoredFile,
): Promise<Damage | undefined> {
  if (!isBlobPath(file.content.id)) return "missing";
  const path = join(target, file.content.id);
  await createOwnFolder(Deno, dirname(path));
  const begun = `${path}.partial`;
  const options = { write: true, create: true, truncate: true, mode: 0o600 };
  try {
    using output = await Deno.open(begun, options);
    for await (const piece of readChecked(source, file)) {
      throwIfAborted(signal);
      await writeAll(output, piece);
    }
    await output.sync();
  } catch (error) {
    await removeIfThere(Deno, begun);
    throwIfAborted(signal);
    return damageIn(error) ?? Promise.reject(error);
  }
  await Deno.rename(begun, path);
  await syncFolder(Deno, dirname(path));
  return undefined;
}

/** Without it what is restored would be another server to clients of protocol 4. */
async function copyIdentity(source: string, target: string): Promise<void> {
  let identity: Bytes;
  try {
    identity = await readRegularFile(join(source, TLS_FILE), MAX_TLS_FILE, Deno.lstat);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return; // protocol 4 was never spoken
    throw new Error(`${TLS_FILE} can't be copied: ${reasonOf(error)}`, { cause: error });
  }
  const options = { write: true, create: true, truncate: true, mode: 0o600 };
  using copy = await Deno.open(join(target, TLS_FILE), options);
  await writeAll(copy, identity);
  await copy.sync();
}

/** Removes copies of files that were replaced after an earlier round. */
async function removeOthers({ catalog, blobs }: Copy): Promise<void> {
  for await (const path of blobs.list()) {
    if (await catalog.blobs.owner(path) === undefined) await blobs.delete(path);
  }
}
