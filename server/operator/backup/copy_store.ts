/**
 * Copies a catalog, as of one moment, and all contents that it refers to.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { type Abortable, throwIfAborted } from "../../../protocol/abort.ts";
import { printable } from "../../../protocol/printable.ts";
import { reasonOf, StorageError, XferError } from "../../../protocol/errors.ts";
import { FILES } from "../../blobs/disk/paths.ts";
import { DiskBlobStore } from "../../blobs/disk/disk_blob_store.ts";
import type { BlobId } from "../../blobs/blob_store.ts";
import type { Damage, StoredFile } from "../../catalog/files.ts";
import { type CatalogCopy, SqliteCatalog } from "../../catalog/sqlite/sqlite_catalog.ts";
import { TLS_FILE } from "../../data_folder/data_folder.ts";
import type { ReferencedBlobs } from "../../data_folder/referenced_blobs.ts";
import { damageIn, readChecked } from "../../data_folder/stored_content.ts";
import {
  createOwnFolder,
  type FileSystem,
  removeIfThere,
  syncFolder,
  writeAll,
} from "../../fs/file_system.ts";
import type { CopySource } from "./copy_source.ts";
import { COPIED_AT_A_TIME, eachOf } from "./each_of.ts";

/**
 * The most rounds of a copy. A busy server can replace files faster than they are copied. Each round copies only the
 * files stored since the previous one, so rounds get shorter. This number is enough unless clients replace nearly
 * everything all the time.
 */
const MAX_ROUNDS = 20;
const PAGE = 1000;
/** The suffix of a content that is being copied. */
export const PARTIAL_CONTENT = ".partial";
const NEW_FILE = { write: true, createNew: true, mode: 0o600 } as const;

/** The result of a copy. */
export interface CopyReport {
  /** The number of files and old versions. */
  readonly files: number;
  /** The bytes of these files. */
  readonly bytes: number;
  /** Damaged files, which are not in the copy. */
  readonly damaged: readonly StoredFile[];
}

/** A copy in progress. */
export interface Copying extends Abortable {
  readonly source: CopySource;
  /** The path of the folder that gets `files/`. */
  readonly target: string;
  /** The path of an existing folder for the catalog and the server's key. */
  readonly folder: string;
  /** The file name of the catalog. The catalog is not durable under this name yet. */
  readonly catalogName: string;
  readonly fs: FileSystem;
  /** The contents that an earlier copy has; none by default. */
  readonly known?: Pick<ReferencedBlobs, "has"> | undefined;
}

/** The result of a copy, compared with an earlier one. */
export interface ComparedCopyReport extends CopyReport {
  /** The number of files and old versions that the earlier copy lacks. */
  readonly newFiles: number;
  /** The bytes of these files. */
  readonly newBytes: number;
}

/**
 * Copies catalog, contents and the server's key. Contents that the target already has are not copied again. All are
 * synced, except for their names in `folder`. Throws `StorageError` `store-too-busy`.
 */
export async function copyStore(copying: Copying): Promise<ComparedCopyReport> {
  const { source, target, folder, catalogName, fs } = copying;
  await createOwnFolder(fs, join(target, FILES));
  const path = join(folder, catalogName);
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const report = await copyOnce(copying, path);
    if (report === undefined) {
      await fs.remove(path);
      continue;
    }
    await syncContents(fs, target);
    await copyIdentity(source, join(folder, TLS_FILE), fs);
    using file = await fs.open(path, { read: true, write: true });
    await file.sync();
    return report;
  }
  throw new StorageError(
    "store-too-busy",
    `files were overwritten faster than they could be copied, ${MAX_ROUNDS} times`,
    { hint: "Back up when fewer clients are active, or stop the server during the backup." },
  );
}

/** Gives failures of a copy their reason. Throws `StorageError` `cannot-copy`, `IntegrityError` `catalog-damaged`. */
export async function explainingCopy<T>(
  source: CopySource,
  target: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof XferError) throw cause;
    throw source.explainDamage(cause) ??
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

/** Copies the state of one moment. Returns `undefined` if a file was replaced before its content was copied. */
async function copyOnce(copying: Copying, path: string): Promise<ComparedCopyReport | undefined> {
  const { source, target, fs } = copying;
  // Only its owner can read it. Closed before SQLite opens it: closing it later would end SQLite's locks.
  (await Deno.open(path, NEW_FILE)).close();
  await using catalog = await SqliteCatalog.copy(source.catalog, path);
  const blobs = new DiskBlobStore(target, fs);
  const report = await copyContents(copying, { catalog, blobs });
  if (report === undefined) return undefined;
  await catalog.moveBlobs((blob) => blobs.copyId(blob) ?? blob.id);
  await catalog.finish();
  return report;
}

interface Copy {
  readonly catalog: CatalogCopy;
  readonly blobs: DiskBlobStore;
}

async function copyContents(
  copying: Copying,
  { catalog, blobs }: Copy,
): Promise<ComparedCopyReport | undefined> {
  const { source, signal, known } = copying;
  const damaged: StoredFile[] = [];
  const sums = { files: 0, bytes: 0, newFiles: 0, newBytes: 0 };
  let stale = false;
  let after: BlobId | undefined;
  const copyOne = async (file: StoredFile): Promise<void> => {
    throwIfAborted(signal);
    const { content: { kind, id }, accountId, size } = file;
    const copyId = kind === "inline" ? id : blobs.copyId({ id, accountId });
    const damage = kind === "inline"
      ? await damageOf({ catalog, blobs }, file)
      : copyId === undefined
      ? "missing"
      : (await blobs.stat(copyId))?.size === size
      ? undefined
      : await copyBlob(copying, file, copyId);
    if (damage === undefined) {
      sums.files++;
      sums.bytes += size;
      if (copyId !== undefined && !known?.has(copyId)) {
        sums.newFiles++;
        sums.newBytes += size;
      }
      // The copy is intact, or was made before the damage.
      if (file.damage !== undefined) await catalog.files.setDamage(id, undefined);
      return;
    }
    if (await source.catalog.blobs.owner(id) !== "file") stale = true;
    else {
      damaged.push({ ...file, damage });
      await catalog.files.forget(id);
    }
  };
  const atOnce = source.folder === undefined ? COPIED_AT_A_TIME : 1;
  for (;;) {
    const page = await catalog.files.scan(after, PAGE);
    const last = page.at(-1);
    if (last === undefined) return stale ? undefined : { ...sums, damaged };
    await eachOf(page, atOnce, copyOne);
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

/** Copies a blob and returns its damage. Does not copy a damaged blob. */
async function copyBlob(
  { source, target, fs, signal }: Copying,
  file: StoredFile,
  id: BlobId,
): Promise<Damage | undefined> {
  const path = join(target, id);
  await createOwnFolder(fs, dirname(path));
  const partial = `${path}${PARTIAL_CONTENT}`;
  await removeIfThere(fs, partial);
  try {
    using output = await fs.open(partial, NEW_FILE);
    for await (const piece of readChecked(source, file)) {
      throwIfAborted(signal);
      await writeAll(output, piece);
    }
    await output.sync();
  } catch (error) {
    await removeIfThere(fs, partial);
    throwIfAborted(signal);
    return damageIn(error) ?? Promise.reject(error);
  }
  await fs.rename(partial, path);
  return undefined;
}

/** Makes the names of all contents durable. Some may be of an earlier copy that was killed. */
async function syncContents(fs: FileSystem, target: string): Promise<void> {
  const all = join(target, FILES);
  for await (const { name, isDirectory } of fs.readDir(all)) {
    if (isDirectory) await syncFolder(fs, join(all, name));
  }
  await syncFolder(fs, all);
}

/** Copies the server's identity. Without it, clients of protocol 4 would refuse the restored server. */
async function copyIdentity(source: CopySource, target: string, fs: FileSystem): Promise<void> {
  const identity = await source.readIdentity();
  if (identity === undefined) return;
  using copy = await fs.open(target, NEW_FILE);
  await writeAll(copy, identity);
  await copy.sync();
}
