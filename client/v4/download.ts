/**
 * A file on its way from the server: each chunk is seen to be one that was stored before it is used.
 *
 * @module
 */
import { type Bytes, equalBytes, IntegrityError, printable } from "../../protocol/mod.ts";
import { ChunkSums } from "../../protocol/v4/chunk_sums.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import {
  CHUNK_SIZE,
  chunkCount,
  chunkSize,
  DIGEST_SIZE,
  digestChunk,
  digestTree,
} from "../../protocol/v4/tree.ts";
import { type Exchange, unexpected } from "./exchange.ts";

/** A file on the server. */
export type RemoteFile = Omit<MessageOf<"file">, "kind" | "tag">;

/** Takes a chunk, which may change when the promise resolves. */
export type WriteChunk = (chunk: Bytes, offset: number, file: RemoteFile) => Promise<void>;

export interface Wanted {
  readonly name: string;
  /** 0, or without: the current one. */
  readonly version?: number | undefined;
  /** Bytes from the first up to but not the last; the chunks that hold them are handed over. */
  readonly from?: number;
  readonly to?: number;
}

/**
 * Reads a file, or of a range the chunks that hold it. Each chunk is handed over when it is seen to be the one that the
 * file's digest speaks of. Throws `IntegrityError` `not-what-was-stored`.
 */
export async function download(
  exchange: Exchange,
  { name, version = 0, from = 0, to = Number.MAX_SAFE_INTEGER }: Wanted,
  write: WriteChunk,
): Promise<RemoteFile> {
  const tag = exchange.nextTag();
  let file: RemoteFile | undefined;
  const digests = new Digests();
  let at = Math.floor(from / CHUNK_SIZE) * CHUNK_SIZE;
  let sums: ChunkSums | undefined;
  await exchange.ask({ kind: "get", tag, name, version, from, to }, async (message) => {
    if (file === undefined) {
      if (message.kind !== "file") throw unexpected(message);
      file = message;
      if (from === 0 && to >= file.size) sums = new ChunkSums(file.size);
      if (file.size === 0) digests.check(file);
      return false;
    }
    switch (message.kind) {
      case "digests":
        if (!digests.add(message.bytes, file)) throw unexpected(message);
        return false;
      case "data": {
        const { offset, bytes } = message;
        if (offset !== at || bytes.length !== chunkSize(file.size, at / CHUNK_SIZE)) {
          throw unexpected(message);
        }
        if (!digests.holds(at / CHUNK_SIZE, bytes)) throw notStored(file);
        sums?.add(at, bytes);
        await write(bytes, at, file);
        at += bytes.length;
        return false;
      }
      case "done":
        if (from < Math.min(to, file.size) && at < Math.min(to, file.size)) throw notStored(file);
        if (sums !== undefined && sums.sums().cksum !== file.cksum) throw notStored(file);
        return true;
      default:
        throw unexpected(message);
    }
  });
  return file as unknown as RemoteFile;
}

/** The digests of a file's chunks, which are believed when they make up the digest of the file. */
class Digests {
  readonly #parts: Bytes[] = [];
  #length = 0;
  #all: Bytes | undefined;

  /** Takes some; `false` where they can't be the file's. Throws `IntegrityError`. */
  add(bytes: Bytes, file: RemoteFile): boolean {
    const wanted = chunkCount(file.size) * DIGEST_SIZE;
    this.#length += bytes.length;
    if (bytes.length % DIGEST_SIZE !== 0 || this.#length > wanted) return false;
    this.#parts.push(bytes);
    if (this.#length === wanted) this.check(file);
    return true;
  }

  /** Throws `IntegrityError` where all that have come don't make up the digest of the file. */
  check(file: RemoteFile): void {
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts.splice(0)) {
      all.set(part, at);
      at += part.length;
    }
    if (!equalBytes(digestTree(all), file.digest)) throw notStored(file);
    this.#all = all;
  }

  /** Whether a chunk is the one that belongs there. */
  holds(index: number, chunk: Bytes): boolean {
    const digest = this.#all?.subarray(index * DIGEST_SIZE, (index + 1) * DIGEST_SIZE);
    return digest !== undefined && equalBytes(digestChunk(chunk), digest);
  }
}

function notStored({ name }: RemoteFile): IntegrityError {
  return new IntegrityError(
    "not-what-was-stored",
    `What the server sends of ${printable(name)} is not what was stored`,
    { hint: "Tell its operator: xfer server verify finds damaged files." },
  );
}
