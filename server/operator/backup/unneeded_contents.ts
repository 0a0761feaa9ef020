/**
 * Deletes contents of a backup that none of its states refers to.
 *
 * @module
 */
import type { BlobId } from "../../blobs/blob_store.ts";
import { isBlobPath } from "../../blobs/disk/paths.ts";
import { DiskBlobStore } from "../../blobs/disk/disk_blob_store.ts";
import { type BackupState, listStates } from "../../data_folder/backup_states.ts";
import { ReferencedBlobs } from "../../data_folder/referenced_blobs.ts";
import type { FileSystem } from "../../fs/file_system.ts";
import { PARTIAL_CONTENT } from "./copy_store.ts";

/** The most contents whose use is looked up at a time. */
const PAGE = 10_000;

/**
 * Deletes contents that no state refers to, and incomplete ones. Other files stay. Throws `IntegrityError`
 * `catalog-damaged`.
 */
export async function removeUnneeded(target: string, fs: FileSystem): Promise<void> {
  const states = (await listStates(target)).reverse();
  const blobs = new DiskBlobStore(target, fs);
  let page: BlobId[] = [];
  const removePage = async () => {
    for (const id of unneededOf(page, states)) await blobs.delete(id);
    page = [];
  };
  for await (const id of blobs.list()) {
    if (isContent(id)) page.push(id);
    if (page.length >= PAGE) await removePage();
  }
  await removePage();
}

function unneededOf(page: readonly BlobId[], states: readonly BackupState[]): readonly BlobId[] {
  let unneeded = page;
  for (const state of states) {
    if (unneeded.length === 0) break;
    using catalog = new ReferencedBlobs(state);
    unneeded = unneeded.filter((id) => !catalog.has(id));
  }
  return unneeded;
}

/** Whether a backup has created the file: a content, or a part of one. */
function isContent(id: string): boolean {
  return isBlobPath(id.endsWith(PARTIAL_CONTENT) ? id.slice(0, -PARTIAL_CONTENT.length) : id);
}
