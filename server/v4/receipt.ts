/**
 * One file on its way in by protocol 4: chunk → checksum and digest → staging file. Hashing and writing overlap with
 * what comes from the socket.
 *
 * @module
 */
import { type Bytes, equalBytes, release } from "../../protocol/mod.ts";
import { ChunkSums, type Sums } from "../../protocol/v4/chunk_sums.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import type { StagedBlob } from "../store/blob_store.ts";

export class Receipt {
  readonly request: MessageOf<"put">;
  readonly blob: StagedBlob;
  readonly sums: ChunkSums;
  /** What is being written. */
  #writing: Promise<void> = Promise.resolve();

  constructor(request: MessageOf<"put">, blob: StagedBlob) {
    this.request = request;
    this.blob = blob;
    this.sums = new ChunkSums(request.size);
  }

  /**
   * Takes a chunk, which is empty afterwards; it is written while the next one comes. Throws `ProtocolError` `bad-frame`
   * for one that does not fit, and what has failed since the last call.
   */
  async take({ offset, bytes }: MessageOf<"data">): Promise<void> {
    this.sums.add(offset, bytes);
    await this.#writing;
    this.#writing = this.#write(bytes);
    // It is awaited with the next one; until then its failure is not to count as unhandled.
    this.#writing.catch(() => undefined);
  }

  /** Checksum and digest of all of it, when it is written. */
  async end(): Promise<Sums> {
    await this.#writing;
    return this.sums.sums();
  }

  /** Drops what was received; resolves when nothing is under way any more. */
  async discard(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.blob.discard();
  }

  async #write(chunk: Bytes): Promise<void> {
    await this.blob.write(chunk);
    release(chunk);
  }
}

export function sameSums(a: Sums, b: Sums): boolean {
  return a.cksum === b.cksum && equalBytes(a.digest, b.digest);
}
