/**
 * Whether catalog and files agree.
 *
 * @module
 */
import {
  type Bytes,
  equalBytes,
  IntegrityError,
  printable,
  type Stoppable,
} from "../../protocol/mod.ts";
import { ChunkSums } from "../../protocol/v4/chunk_sums.ts";
import { CHUNK_SIZE, chunkSize, DIGEST_SIZE, digestTree } from "../../protocol/v4/tree.ts";
import type { BlobStore } from "./blob_store.ts";
import type { Catalog, StoredFile } from "./catalog.ts";
import type { Store } from "./data_folder.ts";

/** Files that are looked up at once. */
const PAGE = 1000;

export type Finding =
  /** In the catalog, but not on the disk. */
  | { readonly kind: "missing"; readonly file: StoredFile }
  /** On the disk, but not as it was stored; `what` says how. */
  | { readonly kind: "changed"; readonly file: StoredFile; readonly what: string }
  /** On the disk, but not in the catalog. */
  | { readonly kind: "stray"; readonly path: string };

export interface AuditOptions extends Stoppable {
  /** Reads every file and compares its checksum; without, only existence, kind and size are compared. */
  readonly contents: boolean;
}

/**
 * Goes through catalog and files and yields where they differ. The store may be in use: what is replaced, removed or
 * added meanwhile is no difference.
 */
export async function* audit(
  store: Store,
  { contents, signal }: AuditOptions,
): AsyncGenerator<Finding, void, void> {
  for (let after = "";;) {
    const page = await store.catalog.listFilesAfter(after, PAGE);
    for (const file of page) {
      if (signal?.aborted) return;
      const finding = await inspect(store, file, { contents, signal });
      if (signal?.aborted) return;
      // What was replaced or removed meanwhile left the catalog before its blob went.
      if (finding !== undefined && await store.catalog.refersTo(file.path)) yield finding;
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.path;
  }
  for await (const path of store.blobs.list()) {
    if (signal?.aborted) return;
    // A blob's path is in the catalog before the blob is there, and until it is gone.
    if (await store.catalog.knowsPath(path)) continue;
    if (await store.blobs.has(path)) yield { kind: "stray", path };
  }
}

async function inspect(
  { blobs, catalog }: Store,
  file: StoredFile,
  { contents, signal }: AuditOptions,
): Promise<Finding | undefined> {
  const size = await blobs.size(file.path);
  if (size === undefined) {
    if (!(await blobs.has(file.path))) return { kind: "missing", file };
    return { kind: "changed", file, what: "it is no plain file" };
  }
  if (size !== file.size) return { kind: "changed", file, what: differs("size", size, file.size) };
  if (!contents) return undefined;
  try {
    const comparison = compared(blobs, file);
    for (;;) {
      const { done, value } = await comparison.next();
      if (signal?.aborted) return undefined;
      if (!done) continue;
      const what = value ?? await inspectChunks(catalog, file);
      return what === undefined ? undefined : { kind: "changed", file, what };
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { kind: "missing", file };
    return { kind: "changed", file, what: `it can't be read: ${printable(String(error))}` };
  }
}

/** Says where the digests of the chunks, with which a file is given back, are not those of the file. */
async function inspectChunks(
  catalog: Catalog,
  { path, tree }: StoredFile,
): Promise<string | undefined> {
  if (tree === undefined) return undefined;
  const chunks = await catalog.findChunks(path);
  const isSound = chunks !== undefined && chunks.length % DIGEST_SIZE === 0 &&
    equalBytes(digestTree(chunks), tree.digest);
  return isSound ? undefined : "the digests of its chunks in the catalog are not those of the file";
}

function differs(what: string, found: number, expected: number): string {
  return `its ${what} is ${found}, the catalog has ${expected}`;
}

/** Passes a blob on while it is summed up, and says how it differs from what was stored, if it does. */
async function* compared(
  blobs: Pick<BlobStore, "read">,
  { path, size, crc, tree }: StoredFile,
): AsyncGenerator<Bytes, string | undefined, void> {
  const sums = new ChunkSums(size);
  let at = 0;
  for await (const chunk of blobs.read(path, { pieceSize: CHUNK_SIZE })) {
    // Of one with another size nothing else is of interest.
    const fits = at < size && chunk.length === chunkSize(size, at / CHUNK_SIZE);
    if (fits) sums.add(at, chunk);
    at += chunk.length;
    yield chunk;
  }
  if (at !== size) return differs("size", at, size);
  const { cksum, digest } = sums.sums();
  if (cksum !== crc) return differs("cksum", cksum, crc);
  if (tree === undefined || equalBytes(digest, tree.digest)) return undefined;
  return "its digest is not the one that the catalog has";
}

/**
 * Passes a blob on while its size and checksums are compared. Throws `IntegrityError` `stored-file-damaged`, and
 * `Deno.errors.NotFound` where there is none.
 */
export async function* checked(
  blobs: Pick<BlobStore, "read">,
  file: StoredFile,
): AsyncGenerator<Bytes, void, void> {
  const what = yield* compared(blobs, file);
  if (what === undefined) return;
  throw new IntegrityError(
    "stored-file-damaged",
    `${printable(file.name)} is not as it was stored: ${what}`,
    { hint: "Put it back from a backup, and look at the disk's health." },
  );
}
