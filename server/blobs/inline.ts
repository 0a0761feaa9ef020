/**
 * Small blobs, kept in the catalog: bytes, name and row are committed together, and none of them needs a file, a sync
 * or a rename of its own.
 *
 * @module
 */
import type { Bytes } from "../../protocol/mod.ts";
import { isInline, newInlinePath } from "./disk/paths.ts";
import type { BlobStore, ReadOptions, StagedBlob } from "./blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";

/** The longest, in bytes: less than a chunk, so that it comes in one piece and is not resumed. */
export const MAX_INLINE = 256 * 1024;

/** Bytes in memory until they are committed with their row. */
export class InlineBlob implements StagedBlob {
  readonly path = newInlinePath();
  #content: Bytes | undefined;

  /** `size`: in bytes, up to {@link MAX_INLINE}. */
  constructor(size: number) {
    this.#content = new Uint8Array(size);
  }

  /** `undefined` when it is committed or discarded. */
  get content(): Bytes | undefined {
    return this.#content;
  }

  write(_: Bytes): Promise<void> {
    return Promise.reject(new Error("Cannot append: the size of a small blob is known"));
  }

  writeAt(offset: number, bytes: Bytes): Promise<void> {
    this.#content?.set(bytes, offset);
    return Promise.resolve();
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  seal(): Promise<void> {
    return Promise.resolve();
  }

  leave(_: number): Promise<void> {
    return Promise.reject(new Error("Cannot leave a small blob: it is sent again instead"));
  }

  commit(_: string): Promise<void> {
    return this.discard();
  }

  discard(): Promise<void> {
    this.#content = undefined;
    return Promise.resolve();
  }
}

/** Blobs on the disk and in the catalog as one store. */
export function withInline(
  disk: BlobStore,
  catalog: Pick<Catalog, "findContent" | "findContentSize">,
): BlobStore {
  /** Writes a blob to a file of its own, and returns the path of that. */
  const writeOut = async (path: string) => {
    const content = await catalog.findContent(path);
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
    size: (path) => isInline(path) ? catalog.findContentSize(path) : disk.size(path),
    has: async (path) =>
      isInline(path) ? await catalog.findContentSize(path) !== undefined : await disk.has(path),
    quarantine: async (path, to) =>
      await disk.quarantine(isInline(path) ? await writeOut(path) : path, to),
    sweep: (isKept) => disk.sweep(isKept),
  };
}

async function* readInline(
  catalog: Pick<Catalog, "findContent">,
  path: string,
  { from = 0, pieceSize = MAX_INLINE }: ReadOptions = {},
): AsyncGenerator<Bytes, void, void> {
  const content = await catalog.findContent(path);
  if (content === undefined) throw missing(path);
  for (let at = from; at < content.length; at += pieceSize) {
    yield content.subarray(at, at + pieceSize);
  }
}

function missing(path: string): Error {
  return new Deno.errors.NotFound(`Cannot read ${path}: the catalog has no such blob`);
}
