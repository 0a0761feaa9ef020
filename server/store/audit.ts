/**
 * Whether catalog and files agree.
 *
 * @module
 */
import { Cksum, IntegrityError, printable, type Stoppable } from "../../protocol/mod.ts";
import type { StoredFile } from "./catalog.ts";
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
  { blobs }: Store,
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
    const checksum = new Cksum();
    for await (const piece of blobs.read(file.path)) {
      if (signal?.aborted) return undefined;
      checksum.update(piece);
    }
    const crc = checksum.digest();
    return crc === file.crc
      ? undefined
      : { kind: "changed", file, what: differs("cksum", crc, file.crc) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { kind: "missing", file };
    return { kind: "changed", file, what: `it can't be read: ${printable(String(error))}` };
  }
}

function differs(what: string, found: number, expected: number): string {
  return `its ${what} is ${found}, the catalog has ${expected}`;
}

/** Passes a blob on while its size and checksum are compared. Throws `IntegrityError` `stored-file-damaged`. */
export async function* checked(
  pieces: AsyncIterable<Uint8Array<ArrayBuffer>>,
  { name, size, crc }: StoredFile,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  const checksum = new Cksum();
  for await (const piece of pieces) {
    checksum.update(piece);
    yield piece;
  }
  if (checksum.size === size && checksum.digest() === crc) return;
  throw new IntegrityError(
    "stored-file-damaged",
    `${printable(name)} is not as it was stored: ${checksum.size} bytes, cksum ` +
      `${checksum.digest()}, where the catalog has ${size} and ${crc}`,
    { hint: "Put it back from a backup, and look at the disk's health." },
  );
}
