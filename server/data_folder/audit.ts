/**
 * Compares the catalog with the stored contents.
 *
 * @module
 */
import type { Abortable } from "../../protocol/abort.ts";
import { type Bytes, concatBytes, equalBytes } from "../../protocol/bytes.ts";
import { reasonOf } from "../../protocol/errors.ts";
import { inSlices } from "../../protocol/v4/slices.ts";
import { DIGEST_SIZE, digestingTree } from "../../protocol/v4/merkle_tree.ts";
import { breath } from "../breath.ts";
import { type BlobId, BlobNotFound, type BlobStore, hasQuarantine } from "../blobs/blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Damage, StoredFile } from "../catalog/files.ts";
import type { Store } from "./data_folder.ts";
import { isInPart, type StorePart } from "./store_part.ts";
import { resultsOf } from "./results_of.ts";
import {
  compareContent,
  type ContentDifference,
  contentSize,
  otherContent,
  otherSize,
} from "./stored_content.ts";

/** The number of files in one look-up. */
const PAGE = 1000;

/** A difference between catalog and contents. */
export type Finding =
  /** In the catalog, but not in the blob store. */
  | { readonly kind: "missing"; readonly file: StoredFile; readonly damage: "missing" }
  /** Damaged; `what` says how. A blob that cannot be read may be intact and has no `damage`. */
  | {
    readonly kind: "changed";
    readonly file: StoredFile;
    readonly damage: Damage | undefined;
    readonly what: string;
  }
  /** In the blob store, but not in the catalog. */
  | { readonly kind: "stray"; readonly path: BlobId };

/**
 * An intact file that the catalog marks as damaged (`sound`), or whose digest is only that of the client (`confirmed`).
 */
export type IntactFile =
  | { readonly kind: "sound"; readonly file: StoredFile }
  | { readonly kind: "confirmed"; readonly file: StoredFile };

export interface AuditOptions extends Abortable {
  /**
   * Whether to read every file and compare its checksum. Otherwise only existence, kind and size are compared, and
   * files with damaged content stay marked.
   */
  readonly contents: boolean;
  /** Whether to find blobs that the catalog lacks. Default: true. */
  readonly strays?: boolean;
  /** The number of files that are read at a time. Default: 1; with more, the order of the results is any. */
  readonly atOnce?: number;
  /** The part of all files and blobs to compare; all by default. */
  readonly part?: StorePart | undefined;
}

/**
 * Yields the differences between catalog and contents. The store may be in use: files that are replaced, removed or
 * added in the meantime do not count.
 */
export async function* audit(
  store: Store,
  { contents, strays = true, signal, atOnce = 1, part }: AuditOptions,
): AsyncGenerator<Finding | IntactFile, void, void> {
  const inspectOne = async (file: StoredFile) => {
    if (signal?.aborted) return undefined;
    const finding = await inspect(store, file, { contents, signal });
    if (finding === undefined || signal?.aborted) return undefined;
    // Files that were replaced or removed in the meantime left the catalog before their blobs were deleted.
    return await store.catalog.blobs.owner(file.content.id) === "file" ? finding : undefined;
  };
  for await (const finding of resultsOf(filesOf(store.catalog, part), atOnce, inspectOne)) {
    if (signal?.aborted) return;
    if (finding !== undefined) yield finding;
  }
  if (!strays) return;
  for await (const path of store.blobs.list()) {
    if (signal?.aborted) return;
    if (!isInPart(path, part)) continue;
    // The catalog has a blob's id before the blob exists and until it is deleted.
    if (await store.catalog.blobs.owner(path) !== undefined) continue;
    if (await isOccupied(store.blobs, path)) yield { kind: "stray", path };
  }
}

/** All files of a part, including old versions. */
async function* filesOf(
  { files }: Catalog,
  part: StorePart | undefined,
): AsyncGenerator<StoredFile, void, void> {
  let after: BlobId | undefined;
  do {
    const page = await files.scan(after, PAGE);
    for (const file of page) if (isInPart(file.content.id, part)) yield file;
    after = page.at(-1)?.content.id;
  } while (after !== undefined);
}

/** Whether a blob, or anything in its place, exists. */
async function isOccupied(blobs: BlobStore, id: BlobId): Promise<boolean> {
  return hasQuarantine(blobs) ? await blobs.isOccupied(id) : await blobs.stat(id) !== undefined;
}

/** Options of {@link inspectContent}. */
export interface InspectOptions extends Abortable {
  /** Called after each chunk with its size. The next one is read when the promise resolves. */
  readonly onChunk?: (size: number) => Promise<void>;
}

/**
 * Reads the content of a file and compares it with the catalog. Returns the difference, or that the file is intact;
 * `undefined` after an abort, and for an intact file if the catalog already says that.
 */
export function inspectContent(
  store: Store,
  file: StoredFile,
  options: InspectOptions,
): Promise<Exclude<Finding, { kind: "stray" }> | IntactFile | undefined> {
  return inspect(store, file, { contents: true, ...options });
}

async function inspect(
  store: Store,
  file: StoredFile,
  { contents, signal, onChunk }: AuditOptions & InspectOptions,
): Promise<Exclude<Finding, { kind: "stray" }> | IntactFile | undefined> {
  const { catalog, blobs } = store;
  const missing = { kind: "missing", file, damage: "missing" } as const;
  const changed = (how: { readonly damage: Damage | undefined; readonly what: string }) =>
    ({ kind: "changed", file, ...how }) as const;
  const size = await contentSize(store, file);
  if (size === undefined) {
    if (!(await isOccupied(blobs, file.content.id))) return missing;
    return changed({ damage: "missing", what: "it is not a regular file" });
  }
  if (size !== file.size) return changed(otherSize(size, file.size));
  const intact = file.damage === undefined ? undefined : { kind: "sound", file } as const;
  if (!contents) {
    if (file.damage !== "content") return intact;
    return changed(otherContent("its content was found damaged earlier"));
  }
  const comparison = compareContent(store, file);
  try {
    for (;;) {
      const { done, value } = await comparison.next();
      if (!done) await onChunk?.(value.length);
      if (signal?.aborted) return undefined;
      if (!done) continue;
      const how = value ?? await inspectChunks(catalog, file);
      if (how !== undefined) return changed(how);
      const isConfirmed = file.tree === undefined || file.confirmedAt !== undefined;
      return intact ?? (isConfirmed ? undefined : { kind: "confirmed", file });
    }
  } catch (error) {
    if (error instanceof BlobNotFound) return missing;
    return changed({
      damage: undefined,
      what: `it cannot be read: ${reasonOf(error)}`,
    });
  } finally {
    // After an abort, it still has the file open.
    await comparison.return(undefined).catch(() => undefined);
  }
}

/** The difference between a file and its chunk digests in the catalog, which downloads use. */
async function inspectChunks(
  catalog: Catalog,
  { content: { id: path }, tree }: StoredFile,
): Promise<ContentDifference | undefined> {
  if (tree === undefined) return undefined;
  const chunks = await allChunks(catalog, path);
  const isIntact = chunks.length % DIGEST_SIZE === 0 &&
    equalBytes(await inSlices(digestingTree(chunks), breath), tree.digest);
  if (isIntact) return undefined;
  return otherContent("its chunk digests in the catalog do not match its content");
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
