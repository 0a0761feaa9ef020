/**
 * Copies a store completely, to a backup and from one.
 *
 * A backup is a folder with `backup.db`, a catalog, and `files/`, as in a data folder. The catalog is written last.
 * Without it, a folder is neither a backup nor a data folder.
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
 * The most rounds of a backup. A busy server can replace files faster than they are copied. Each round copies only the
 * files stored since the previous one, so rounds get shorter. This number is enough unless clients replace nearly
 * everything all the time.
 */
const MAX_ROUNDS = 20;
const PAGE = 1000;
/** The prefix of incomplete catalogs. */
const PARTIAL = "partial-";

/** The result of a copy. */
export interface CopyReport {
  /** The number of files. */
  readonly files: number;
  /** The bytes of these files. */
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
  // A read-only folder can be backed up too.
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
  /** The file name of the copied catalog. */
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
        `cannot copy to ${printable(target)}: ${reasonOf(cause)}`,
        {
          hint: "Check that you can write there and that the disk has space, and try again.",
          cause,
        },
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
    `files were overwritten faster than they could be copied, ${MAX_ROUNDS} times`,
    { hint: "Back up when fewer clients are active, or stop the server during the backup." },
  );
}

/** A copy of the catalog in a file that only its owner can read. */
async function snapshotOf(catalog: Catalog, path: string): Promise<CatalogSnapshot> {
  if (!isSnapshotting(catalog)) throw new Error("the catalog cannot be copied to a file");
  // Closed before SQLite opens it: closing it later would end SQLite's locks.
  (await Deno.open(path, { create: true, write: true, mode: 0o600 })).close();
  return await catalog.snapshotTo(path);
}

/**
 * Removes an incomplete copy as far as possible, its catalog first. The target was new or empty. Parent folders are
 * removed only if the copy created them.
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
    return; // report the original error
  }
}

interface Copy {
  readonly catalog: Catalog;
  readonly blobs: DiskBlobStore;
}

/** Copies the missing blobs. Returns `undefined` if one was replaced since the catalog was copied. */
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
        // The file was repaired since the damage was found.
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

/** The damage of inline content, which was copied with the catalog. */
async function damageOf(copy: Copy, file: StoredFile): Promise<Damage | undefined> {
  try {
    for await (const _ of readChecked(copy, file)) continue;
    return undefined;
  } catch (error) {
    return damageIn(error) ?? Promise.reject(error);
  }
}

/** Copies a blob and returns its damage. Does not copy a damaged blob, or one whose id is not a blob's path. */
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

/** Copies the server's identity. Without it, clients of protocol 4 would refuse the restored server. */
async function copyIdentity(source: string, target: string): Promise<void> {
  let identity: Bytes;
  try {
    identity = await readRegularFile(join(source, TLS_FILE), MAX_TLS_FILE, Deno.lstat);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return; // the server never had protocol 4
    throw new Error(`cannot copy ${TLS_FILE}: ${reasonOf(error)}`, { cause: error });
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
