/**
 * Reads the chunks of a file and computes their digests in other threads: while a chunk is used, the next ones are
 * hashed, and another is read.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { createChunkBuffer } from "../../protocol/v4/merkle_tree.ts";
import type { OpenEntry } from "../local/source_entry.ts";

/** The number of buffers: for the chunk in use, two that are hashed, and one that is read. */
const BUFFERS = 4;

/** Buffers for one chunk each. */
export type ChunkBuffers = readonly [Bytes, Bytes, ...Bytes[]];

/** Creates the buffers for {@link digestedChunks}. */
export function createChunkBuffers(): ChunkBuffers {
  const [first, second, ...others] = Array.from({ length: BUFFERS }, createChunkBuffer);
  return [first as Bytes, second as Bytes, ...others];
}

/** The chunks to read, and the digests to which they are added. */
export interface DigestedChunksOptions {
  readonly source: Pick<OpenEntry, "read">;
  readonly buffers: ChunkBuffers;
  readonly digests: ChunkDigests;
  /** Offset of the first chunk. */
  readonly from: number;
  /** Offset after the last byte. */
  readonly to: number;
}

/**
 * Yields chunks, whose digests are known by then. A chunk is valid until the next one is requested. Throws as
 * `OpenEntry.read` does.
 */
export async function* digestedChunks(
  { source, buffers, digests, from, to }: DigestedChunksOptions,
): AsyncGenerator<Bytes, void, void> {
  const hashed: Promise<Bytes>[] = [];
  let offset = from;
  for await (const chunk of source.read(buffers, from, to)) {
    hashed.push(digest(digests, offset, chunk));
    offset += chunk.length;
    // One buffer is being read, and the caller uses another.
    if (hashed.length > buffers.length - 2) yield await (hashed.shift() as Promise<Bytes>);
  }
  for (const chunk of hashed) yield await chunk;
}

async function digest(digests: ChunkDigests, offset: number, chunk: Bytes): Promise<Bytes> {
  if (!digests.has(offset)) await digests.addBeside(offset, chunk);
  return chunk;
}
