/**
 * The folders of a backup's states. Each appears and disappears by one rename.
 *
 * @module
 */
import { join } from "node:path";
import { BACKUP_CATALOG, BACKUP_STATES, TLS_FILE } from "../../../protocol/server_files.ts";
import type { BackupState } from "../../data_folder/backup_states.ts";
import {
  createOwnFolder,
  type FileSystem,
  isThere,
  removeIfThere,
  syncFolder,
} from "../../fs/file_system.ts";

/** The prefix of states that are being written or deleted. */
const PARTIAL = "partial-";

/** Lets `write` fill the folder of a new state, syncs it and gives it its name. Removes it after a failure. */
export async function addState<T>(
  target: string,
  name: string,
  fs: FileSystem,
  write: (folder: string) => Promise<T>,
): Promise<T> {
  const all = join(target, BACKUP_STATES);
  const folder = join(all, `${PARTIAL}${name}`);
  try {
    await createOwnFolder(fs, folder);
    const result = await write(folder);
    await syncFolder(fs, folder);
    await fs.rename(folder, join(all, name));
    await syncFolder(fs, all);
    return result;
  } catch (error) {
    // The next backup removes it, if this fails.
    await fs.remove(folder, { recursive: true }).catch(() => undefined);
    throw error;
  }
}

/** Removes a state, but none of its contents. */
export async function removeState(
  target: string,
  { folder, name }: BackupState,
  fs: FileSystem,
): Promise<void> {
  if (folder === target) {
    await fs.remove(join(folder, BACKUP_CATALOG));
    await syncFolder(fs, folder);
    return await removeIfThere(fs, join(folder, TLS_FILE));
  }
  const all = join(target, BACKUP_STATES);
  const ending = join(all, `${PARTIAL}${name}`);
  await fs.rename(folder, ending);
  await syncFolder(fs, all);
  await fs.remove(ending, { recursive: true });
}

/** Removes states that were being written or removed when a backup was killed. */
export async function removeLeftovers(target: string, fs: FileSystem): Promise<void> {
  const all = join(target, BACKUP_STATES);
  await createOwnFolder(fs, all);
  for await (const { name } of fs.readDir(all)) {
    if (name.startsWith(PARTIAL)) await fs.remove(join(all, name), { recursive: true });
  }
  if (await isThere(fs, join(target, BACKUP_CATALOG))) return;
  await removeIfThere(fs, join(target, TLS_FILE));
}
