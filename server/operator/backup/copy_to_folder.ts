/**
 * Creates a data folder from other stores. The catalog gets its name last. Without it, a folder is not a data folder.
 *
 * @module
 */
import { dirname, join } from "node:path";
import type { Abortable } from "../../../protocol/abort.ts";
import { FILES } from "../../blobs/disk/paths.ts";
import { CATALOG, TLS_FILE } from "../../data_folder/data_folder.ts";
import { createOwnFolder, type FileSystem, namesIn, syncFolder } from "../../fs/file_system.ts";
import type { CopySource } from "./copy_source.ts";
import { type CopyReport, copyStore } from "./copy_store.ts";
import { firstMissing, isEmptyFolder, refuseInside } from "./target_folder.ts";

/** The name of the catalog until it is complete. */
const PARTIAL = "partial.db";

/** Options of a copy into a folder. */
export interface FolderCopyOptions extends Abortable {
  readonly fs: FileSystem;
  /** Whether an interrupted copy keeps the contents that it has copied, and the next one continues it. */
  readonly resumes: boolean;
  /** Called before the folder becomes a data folder. */
  readonly beforeEnd?: () => Promise<void>;
}

/**
 * Copies everything into a new or empty folder. Throws `ConfigurationError` `target-not-empty`, `target-no-folder`,
 * `target-in-source`, and as `copyStore` does.
 */
export async function copyToFolder(
  source: CopySource,
  target: string,
  { fs, signal, resumes, beforeEnd }: FolderCopyOptions,
): Promise<CopyReport> {
  const continues = resumes && await isBegun(target);
  if (continues) await removeCatalog(target);
  const made = continues || await isEmptyFolder(target) ? undefined : await firstMissing(target);
  if (source.folder !== undefined) await refuseInside(source.folder, target);
  try {
    await createOwnFolder(fs, target);
    const copying = { source, target, folder: target, catalogName: PARTIAL, fs, signal };
    const { files, bytes, damaged } = await copyStore(copying);
    await source.refuseRemoved();
    await beforeEnd?.();
    await fs.rename(join(target, PARTIAL), join(target, CATALOG));
    await syncFolder(fs, target);
    return { files, bytes, damaged };
  } catch (error) {
    if (!resumes) await removeBegun(target, made);
    throw error;
  }
}

/** Whether a folder contains an interrupted copy and nothing else. */
async function isBegun(target: string): Promise<boolean> {
  const names = await namesIn(target).catch(() => undefined) ?? [];
  return names.includes(FILES) &&
    names.every((name) => name === FILES || name === TLS_FILE || name.startsWith(PARTIAL));
}

async function removeCatalog(target: string): Promise<void> {
  for (const name of await namesIn(target) ?? []) {
    if (name !== FILES) await Deno.remove(join(target, name));
  }
}

/**
 * Removes an incomplete copy as far as possible, its catalog first. The target was new or empty. Parent folders are
 * removed only if the copy created them.
 */
async function removeBegun(target: string, made: string | undefined): Promise<void> {
  try {
    const names = await Array.fromAsync(Deno.readDir(target), ({ name }) => name);
    const catalogs = names.filter((name) => name === CATALOG || name.startsWith(PARTIAL));
    for (const begun of [...catalogs, FILES, TLS_FILE]) {
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
