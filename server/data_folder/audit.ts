/**
 * Whether catalog and files agree.
 *
 * @module
 */
import type { Abortable } from "../../protocol/abort.ts";
import { type Bytes, concatBytes, equalBytes } from "../../protocol/bytes.ts";
import { IntegrityError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { inSlices } from "../../protocol/v4/slices.ts";
import { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import {
  CHUNK_SIZE,
  chunkSize,
  DIGEST_SIZE,
  digestingTree,
} from "../../protocol/v4/merkle_tree.ts";
import { breath } from "../breath.ts";
import type { BlobStore } from "../blobs/blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Damage, StoredFile } from "../catalog/files.ts";
import type { Store } from "./data_folder.ts";

/** Files that are looked up at once. */
const PAGE = 1000;

export type Finding =
  /** In the catalog, but not on the disk. */
  | { readonly kind: "missing"; readonly file: StoredFile; readonly damage: "missing" }
  /** On the disk, but not as it was stored; `what` says how. One that can't be read may yet be sound: it has no `damage`. */
  | {
    readonly kind: "changed";
    readonly file: StoredFile;
    readonly damage: Damage | undefined;
    readonly what: string;
  }
  /** On the disk, but not in the catalog. */
  | { readonly kind: "stray"; readonly path: string };

/** A file that the catalog has as damaged, and that is as it was stored. */
export interface SoundBlob {
  readonly kind: "sound";
  readonly file: StoredFile;
}

export interface AuditOptions extends Abortable {
  /**
   * Reads every file and compares its checksum. Without, only existence, kind and size are compared; a file whose
   * content was found damaged before stays so.
   */
  readonly contents: boolean;
}

/**
 * Goes through catalog and files and yields where they differ. The store may be in use: what is replaced, removed or
 * added meanwhile is no difference.
 */
export async function* audit(
  store: Store,
  { contents, signal }: AuditOptions,
): AsyncGenerator<Finding | SoundBlob, void, void> {
  let after: string | undefined;
  for (;;) {
    const page = await store.catalog.files.scan(after, PAGE);
    for (const file of page) {
      if (signal?.aborted) return;
      const finding = await inspect(store, file, { contents, signal });
      if (signal?.aborted) return;
      // What was replaced or removed meanwhile left the catalog before its blob went.
      if (finding !== undefined && await store.catalog.blobs.owner(file.path) === "file") {
        yield finding;
      }
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.path;
  }
  for await (const path of store.blobs.list()) {
    if (signal?.aborted) return;
    // A blob's path is in the catalog before the blob is there, and until it is gone.
    if (await store.catalog.blobs.owner(path) !== undefined) continue;
    if (await store.blobs.has(path)) yield { kind: "stray", path };
  }
}

async function inspect(
  { blobs, catalog }: Store,
  file: StoredFile,
  { contents, signal }: AuditOptions,
): Promise<Finding | SoundBlob | undefined> {
  const missing = { kind: "missing", file, damage: "missing" } as const;
  const changed = (how: { readonly damage: Damage | undefined; readonly what: string }) =>
    ({ kind: "changed", file, ...how }) as const;
  const size = await blobs.size(file.path);
  if (size === undefined) {
    if (!(await blobs.has(file.path))) return missing;
    return changed({ damage: "missing", what: "it is no plain file" });
  }
  if (size !== file.size) return changed(otherSize(size, file.size));
  const sound = file.damage === undefined ? undefined : { kind: "sound", file } as const;
  if (!contents) {
    if (file.damage !== "content") return sound;
    return changed(otherContent("its content was found to be damaged before"));
  }
  try {
    const comparison = compared(blobs, file);
    for (;;) {
      const { done, value } = await comparison.next();
      if (signal?.aborted) return undefined;
      if (!done) continue;
      const how = value ?? await inspectChunks(catalog, file);
      return how === undefined ? sound : changed(how);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return missing;
    return changed({
      damage: undefined,
      what: `it can't be read: ${printable(String(error))}`,
    });
  }
}

/** Says where the digests of the chunks, with which a file is given back, are not those of the file. */
async function inspectChunks(
  catalog: Catalog,
  { path, tree }: StoredFile,
): Promise<BlobDifference | undefined> {
  if (tree === undefined) return undefined;
  const chunks = await allChunks(catalog, path);
  const isSound = chunks.length % DIGEST_SIZE === 0 &&
    equalBytes(await inSlices(digestingTree(chunks), breath), tree.digest);
  if (isSound) return undefined;
  return otherContent("the digests of its chunks in the catalog are not those of the file");
}

async function allChunks(catalog: Catalog, path: string): Promise<Bytes> {
  const pages: Bytes[] = [];
  for (let at = 0;;) {
    const page = await catalog.files.chunkDigests(path, at);
    if (page === undefined || page.length === 0) return concatBytes(...pages);
    pages.push(page);
    at += page.length;
  }
}

/** How a blob is not as it was stored. */
interface BlobDifference {
  readonly damage: Damage;
  readonly what: string;
}

function otherContent(what: string): BlobDifference {
  return { damage: "content", what };
}

function otherSize(found: number, expected: number): BlobDifference {
  return { damage: "size", what: `its size is ${found}, the catalog has ${expected}` };
}

/**
 * Passes a blob on while it is summed up, and says how it differs from what was stored, if it does. No more of it is read
 * than was stored.
 */
async function* compared(
  blobs: Pick<BlobStore, "read" | "size">,
  { path, size, crc, tree }: StoredFile,
): AsyncGenerator<Bytes, BlobDifference | undefined, void> {
  const found = await blobs.size(path) ?? size;
  if (found !== size) return otherSize(found, size);
  const sums = new ChunkDigests(size);
  let at = 0;
  for await (const chunk of blobs.read(path, { pieceSize: CHUNK_SIZE })) {
    const fits = at < size && chunk.length === chunkSize(size, at / CHUNK_SIZE);
    // Its size changes while it is read.
    if (!fits) return otherSize(at + chunk.length, size);
    sums.add(at, chunk);
    at += chunk.length;
    yield chunk;
  }
  if (at !== size) return otherSize(at, size);
  const { cksum, digest } = sums.sums();
  if (cksum !== crc) return otherContent(`its cksum is ${cksum}, the catalog has ${crc}`);
  if (tree === undefined || equalBytes(digest, tree.digest)) return undefined;
  return otherContent("its digest is not the one that the catalog has");
}

/** Passes a blob on while its size and checksums are compared. Throws `IntegrityError` `stored-file-damaged`. */
export async function* checked(
  blobs: Pick<BlobStore, "read" | "size">,
  file: StoredFile,
): AsyncGenerator<Bytes, void, void> {
  let difference: BlobDifference | undefined;
  try {
    difference = yield* compared(blobs, file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    difference = { damage: "missing", what: "it is in the catalog, but its content is missing" };
  }
  if (difference !== undefined) throw new DamagedFileError(file, difference);
}

class DamagedFileError extends IntegrityError {
  readonly damage: Damage;

  constructor({ name }: StoredFile, { damage, what }: BlobDifference) {
    super("stored-file-damaged", `${printable(name)} is not as it was stored: ${what}`, {
      hint: "Put it back from a backup, and look at the disk's health.",
    });
    this.damage = damage;
  }
}

/**
 * The damage of a file that {@link checked} has thrown an error for; `undefined` where the error has another reason. What
 * can't be written says nothing of what was read.
 */
export function damageIn(error: unknown): Damage | undefined {
  return error instanceof DamagedFileError ? error.damage : undefined;
}
