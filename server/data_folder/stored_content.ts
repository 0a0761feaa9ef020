/**
 * The content of stored files, from the blob store or the catalog, and checks of it.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import { IntegrityError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE, chunkSize } from "../../protocol/v4/merkle_tree.ts";
import { BlobNotFound, type BlobStore } from "../blobs/blob_store.ts";
import type { Damage, Files, StoredFile } from "../catalog/files.ts";

/** The stores of contents: the catalog for small ones, the blob store for all others. */
export interface ContentStore {
  readonly catalog: { readonly files: Pick<Files, "content" | "contentSize"> };
  readonly blobs: Pick<BlobStore, "read" | "stat">;
}

/** The damage of a file's content, with a reason. */
export interface ContentDifference {
  readonly damage: Damage;
  /** The reason, for people. */
  readonly what: string;
}

/** The size of a file's content in bytes; `undefined` if the content is missing. */
export async function contentSize(
  { catalog, blobs }: ContentStore,
  { content: { kind, id } }: Pick<StoredFile, "content">,
): Promise<number | undefined> {
  return kind === "inline" ? await catalog.files.contentSize(id) : (await blobs.stat(id))?.size;
}

/** Reads the content of a file in chunks. Throws `BlobNotFound`. */
export async function* readContent(
  { catalog, blobs }: ContentStore,
  { content: { kind, id } }: Pick<StoredFile, "content">,
): AsyncGenerator<Bytes, void, void> {
  if (kind === "blob") return yield* blobs.read(id, { pieceSize: CHUNK_SIZE });
  const content = await catalog.files.content(id);
  if (content === undefined) {
    throw new BlobNotFound(`cannot read ${printable(id)}: the catalog has no such blob`);
  }
  if (content.length > 0) yield content;
}

export function otherContent(what: string): ContentDifference {
  return { damage: "content", what };
}

export function otherSize(found: number, expected: number): ContentDifference {
  return { damage: "size", what: `its size is ${found} bytes, not ${expected}` };
}

/**
 * Reads the content of a file and returns how it is damaged, if it is. Reads at most its stored size. Throws
 * `BlobNotFound`.
 */
export async function* compareContent(
  store: ContentStore,
  file: StoredFile,
): AsyncGenerator<Bytes, ContentDifference | undefined, void> {
  const { size, crc, tree } = file;
  const found = await contentSize(store, file) ?? size;
  if (found !== size) return otherSize(found, size);
  const digests = new ChunkDigests(size);
  let at = 0;
  for await (const chunk of readContent(store, file)) {
    const fits = at < size && chunk.length === chunkSize(size, at / CHUNK_SIZE);
    // The size changes while it is being read.
    if (!fits) return otherSize(at + chunk.length, size);
    digests.add(at, chunk);
    at += chunk.length;
    yield chunk;
  }
  if (at !== size) return otherSize(at, size);
  const { cksum, digest } = digests.sums();
  if (cksum !== crc) return otherContent(`its cksum is ${cksum}, not ${crc}`);
  if (tree === undefined || equalBytes(digest, tree.digest)) return undefined;
  return otherContent("its digest differs from the catalog's");
}

/** Reads the content of a file. Throws `IntegrityError` `stored-file-damaged` if it is damaged. */
export async function* readChecked(
  store: ContentStore,
  file: StoredFile,
): AsyncGenerator<Bytes, void, void> {
  let difference: ContentDifference | undefined;
  try {
    difference = yield* compareContent(store, file);
  } catch (error) {
    if (!(error instanceof BlobNotFound)) throw error;
    difference = { damage: "missing", what: "its content is missing" };
  }
  if (difference !== undefined) throw new DamagedFileError(file, difference);
}

class DamagedFileError extends IntegrityError {
  readonly damage: Damage;

  constructor({ name }: StoredFile, { damage, what }: ContentDifference) {
    super("stored-file-damaged", `${printable(name)} is damaged: ${what}`, {
      hint: "Restore the file from a backup, and check the health of the disk.",
    });
    this.damage = damage;
  }
}

/** The damage for which {@link readChecked} threw an error; `undefined` for any other error. */
export function damageIn(error: unknown): Damage | undefined {
  return error instanceof DamagedFileError ? error.damage : undefined;
}
