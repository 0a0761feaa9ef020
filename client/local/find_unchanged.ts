/**
 * Finds local files whose content the server has, by size, then by digest.
 *
 * @module
 */
import { type Abortable, throwIfAborted } from "../../protocol/abort.ts";
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import { CHUNK_SIZE, digestChunk, MerkleTree } from "../../protocol/v4/merkle_tree.ts";
import type { SourceEntry } from "./source_entry.ts";

/** The number of files that are hashed at once: while one is hashed, the next are read. */
const CONCURRENT_FILES = 4;

export interface ExpectedContent {
  readonly size: number;
  readonly digest: Bytes;
}

export interface CompareOptions extends Abortable {
  /** Called with the bytes read so far, of all. */
  readonly onCompared?: (done: number, total: number) => void;
}

/**
 * Returns the candidates whose file has the expected content. A file that cannot be read counts as different. Throws
 * `InterruptedError` after an abort.
 */
export async function findSame<
  T extends { readonly file: SourceEntry; readonly known: ExpectedContent },
>(
  candidates: readonly T[],
  { onCompared, signal }: CompareOptions = {},
): Promise<Set<T>> {
  const same = new Set<T>();
  const alike = candidates.filter(({ file, known }) => file.size === known.size);
  const total = alike.reduce((sum, { known }) => sum + known.size, 0);
  let done = 0;
  const onRead = (bytes: number) => {
    throwIfAborted(signal);
    onCompared?.(done += bytes, total);
  };
  const left = alike[Symbol.iterator]();
  const work = async () => {
    const buffers = [new Uint8Array(CHUNK_SIZE), new Uint8Array(CHUNK_SIZE)] as const;
    for (let next = left.next(); next.done !== true; next = left.next()) {
      const { file, known } = next.value;
      const digest = await digestFile(file, buffers, onRead).catch(() => undefined);
      throwIfAborted(signal);
      if (digest !== undefined && equalBytes(digest, known.digest)) same.add(next.value);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_FILES }, work));
  return same;
}

async function digestFile(
  file: SourceEntry,
  buffers: readonly [Bytes, Bytes],
  onRead: (bytes: number) => void,
): Promise<Bytes> {
  using source = await file.open();
  const tree = new MerkleTree();
  for await (const chunk of source.read(buffers)) {
    tree.add(digestChunk(chunk));
    onRead(chunk.length);
  }
  if (await source.hasChanged()) throw new Error("it was changed");
  return tree.digest;
}
