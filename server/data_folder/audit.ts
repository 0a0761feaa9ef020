/**
 * Whether catalog and files agree.
 *
 * @module
 */
import type { Abortable } from "../../protocol/abort.ts";
import { type Bytes, concatBytes, equalBytes } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import { inSlices } from "../../protocol/v4/slices.ts";
import { DIGEST_SIZE, digestingTree } from "../../protocol/v4/merkle_tree.ts";
import { breath } from "../breath.ts";
import { type BlobId, BlobNotFound, type BlobStore, hasQuarantine } from "../blobs/blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Damage, StoredFile } from "../catalog/files.ts";
import type { Store } from "./data_folder.ts";
import {
  compareContent,
  type ContentDifference,
  contentSize,
  otherContent,
  otherSize,
} from "./stored_content.ts";

/** Files that are looked up at once. */
const PAGE = 1000;

/** A difference between catalog and contents. */
export type Finding =
  /** In the catalog, but not in the blob store. */
  | { readonly kind: "missing"; readonly file: StoredFile; readonly damage: "missing" }
  /** Not as it was stored; `what` says how. A blob that cannot be read may be intact: it has no `damage`. */
  | {
    readonly kind: "changed";
    readonly file: StoredFile;
    readonly damage: Damage | undefined;
    readonly what: string;
  }
  /** In the blob store, but not in the catalog. */
  | { readonly kind: "stray"; readonly path: BlobId };

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
  let after: BlobId | undefined;
  for (;;) {
    const page = await store.catalog.files.scan(after, PAGE);
    for (const file of page) {
      if (signal?.aborted) return;
      const finding = await inspect(store, file, { contents, signal });
      if (signal?.aborted) return;
      // What was replaced or removed meanwhile left the catalog before its blob went.
      if (finding !== undefined && await store.catalog.blobs.owner(file.content.id) === "file") {
        yield finding;
      }
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.content.id;
  }
  for await (const path of store.blobs.list()) {
    if (signal?.aborted) return;
    // The catalog has a blob's id before the blob is there, and until it is gone.
    if (await store.catalog.blobs.owner(path) !== undefined) continue;
    if (await isOccupied(store.blobs, path)) yield { kind: "stray", path };
  }
}

/** Whether a blob is there, or something in its place. */
async function isOccupied(blobs: BlobStore, id: BlobId): Promise<boolean> {
  return hasQuarantine(blobs) ? await blobs.isOccupied(id) : await blobs.stat(id) !== undefined;
}

async function inspect(
  store: Store,
  file: StoredFile,
  { contents, signal }: AuditOptions,
): Promise<Finding | SoundBlob | undefined> {
  const { catalog, blobs } = store;
  const missing = { kind: "missing", file, damage: "missing" } as const;
  const changed = (how: { readonly damage: Damage | undefined; readonly what: string }) =>
    ({ kind: "changed", file, ...how }) as const;
  const size = await contentSize(store, file);
  if (size === undefined) {
    if (!(await isOccupied(blobs, file.content.id))) return missing;
    return changed({ damage: "missing", what: "it is no plain file" });
  }
  if (size !== file.size) return changed(otherSize(size, file.size));
  const sound = file.damage === undefined ? undefined : { kind: "sound", file } as const;
  if (!contents) {
    if (file.damage !== "content") return sound;
    return changed(otherContent("its content was found to be damaged before"));
  }
  try {
    const comparison = compareContent(store, file);
    for (;;) {
      const { done, value } = await comparison.next();
      if (signal?.aborted) return undefined;
      if (!done) continue;
      const how = value ?? await inspectChunks(catalog, file);
      return how === undefined ? sound : changed(how);
    }
  } catch (error) {
    if (error instanceof BlobNotFound) return missing;
    return changed({
      damage: undefined,
      what: `it can't be read: ${printable(String(error))}`,
    });
  }
}

/** Says where the digests of the chunks, with which a file is given back, are not those of the file. */
async function inspectChunks(
  catalog: Catalog,
  { content: { id: path }, tree }: StoredFile,
): Promise<ContentDifference | undefined> {
  if (tree === undefined) return undefined;
  const chunks = await allChunks(catalog, path);
  const isSound = chunks.length % DIGEST_SIZE === 0 &&
    equalBytes(await inSlices(digestingTree(chunks), breath), tree.digest);
  if (isSound) return undefined;
  return otherContent("the digests of its chunks in the catalog are not those of the file");
}

async function allChunks(catalog: Catalog, path: BlobId): Promise<Bytes> {
  const pages: Bytes[] = [];
  for (let at = 0;;) {
    const page = await catalog.files.chunkDigests(path, at);
    if (page === undefined || page.length === 0) return concatBytes(...pages);
    pages.push(page);
    at += page.length;
  }
}
