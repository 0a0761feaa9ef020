/**
 * Blobs on the disk and small ones in the catalog as one store.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { BlobStore, ReadOptions } from "../blobs/blob_store.ts";
import { MAX_INLINE } from "../blobs/inline.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { isInline } from "../catalog/inline_paths.ts";

/** Blobs on the disk and in the catalog as one store. */
export function withInline(
  disk: BlobStore,
  catalog: { readonly files: Pick<Catalog["files"], "content" | "contentSize"> },
): BlobStore {
  /** Writes a blob to a file of its own, and returns the path of that. */
  const writeOut = async (path: string) => {
    const content = await catalog.files.content(path);
    if (content === undefined) throw missing(path);
    const staged = await disk.stage();
    await staged.write(content);
    await staged.leave(content.length);
    return staged.path;
  };
  return {
    stage: () => disk.stage(),
    resume: (path, size) => disk.resume(path, size),
    newPath: (ownerId) => disk.newPath(ownerId),
    read: (path, options) =>
      isInline(path) ? readInline(catalog, path, options) : disk.read(path, options),
    remove: (path) => isInline(path) ? Promise.resolve() : disk.remove(path),
    list: () => disk.list(),
    size: (path) => isInline(path) ? catalog.files.contentSize(path) : disk.size(path),
    has: async (path) =>
      isInline(path) ? await catalog.files.contentSize(path) !== undefined : await disk.has(path),
    quarantine: async (path, to) =>
      await disk.quarantine(isInline(path) ? await writeOut(path) : path, to),
    sweep: (isKept) => disk.sweep(isKept),
  };
}

async function* readInline(
  catalog: { readonly files: Pick<Catalog["files"], "content"> },
  path: string,
  { from = 0, pieceSize = MAX_INLINE }: ReadOptions = {},
): AsyncGenerator<Bytes, void, void> {
  const content = await catalog.files.content(path);
  if (content === undefined) throw missing(path);
  for (let at = from; at < content.length; at += pieceSize) {
    yield content.subarray(at, at + pieceSize);
  }
}

function missing(path: string): Error {
  return new Deno.errors.NotFound(`Cannot read ${path}: the catalog has no such blob`);
}
