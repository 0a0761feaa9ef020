/**
 * One file on its way in by protocol 4: chunk → checksum and digest → staging file. Hashing and writing overlap with
 * what comes from the socket.
 *
 * @module
 */
import { type Bytes, Cksum, equalBytes, ProtocolError, release } from "../../protocol/mod.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { CHUNK_SIZE, digestChunk, digestTree, Leaves } from "../../protocol/v4/tree.ts";
import { InOrder } from "../in_order.ts";
import type { StagedBlob } from "../store/blob_store.ts";

/** Chunks of a file that are on their way from the socket to the disk at most. */
const MAX_IN_FLIGHT = 3;

export interface Sums {
  readonly cksum: number;
  readonly digest: Bytes;
}

export class Receipt {
  readonly request: MessageOf<"put">;
  readonly blob: StagedBlob;
  readonly leaves = new Leaves();
  readonly #checksum = new Cksum();
  #received = 0;
  readonly #chunks = new InOrder();

  constructor(request: MessageOf<"put">, blob: StagedBlob) {
    this.request = request;
    this.blob = blob;
  }

  /**
   * Takes a chunk, which is empty afterwards. Throws `ProtocolError` `bad-frame` for one that is not of the size it must
   * have, and what has failed since the last call.
   */
  async take(chunk: Bytes): Promise<void> {
    const expected = Math.min(CHUNK_SIZE, this.request.size - this.#received);
    if (chunk.length !== expected || expected === 0) {
      throw new ProtocolError(
        "bad-frame",
        `Cannot take a chunk of ${chunk.length} bytes: ${expected} are expected`,
      );
    }
    this.#received += chunk.length;
    this.#chunks.add(digestChunk(chunk), async (digest) => {
      this.leaves.push(digest);
      this.#checksum.update(chunk);
      await this.blob.write(chunk);
      release(chunk);
    });
    await this.#chunks.makeRoom(MAX_IN_FLIGHT);
  }

  /** Whether all of it has come. */
  get isWhole(): boolean {
    return this.#received === this.request.size;
  }

  /** Checksum and digest of what has come, when it is written. */
  async sums(): Promise<Sums> {
    await this.#chunks.end();
    return { cksum: this.#checksum.digest(), digest: await digestTree(this.leaves.bytes) };
  }

  /** Drops what was received; resolves when nothing is under way any more. */
  async discard(): Promise<void> {
    await this.#chunks.settle();
    await this.blob.discard();
  }
}

export function sameSums(a: Sums, b: Sums): boolean {
  return a.cksum === b.cksum && equalBytes(a.digest, b.digest);
}
