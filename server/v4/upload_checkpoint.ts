/**
 * What is durably held of one upload while it comes, and when it is broken off.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import type { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { V4Context } from "./context.ts";
import type { StagedBlob } from "../blobs/blob_store.ts";
import type { ConnectedPrincipal } from "./request_context.ts";

/** The disk takes what has come after so many bytes each, so that the sync at the end has little left to do. */
const WRITE_BACK_SIZE = 64 * 1024 * 1024;
/**
 * What is held of a file that arrives is recorded when it has grown by so much of itself, but not before it has by a
 * write-back: a server that is killed holds all but the last part, and what that costs stays in proportion.
 */
const RECORDED_PART = 1 / 8;

export interface UploadCheckpointOptions {
  readonly context: Pick<V4Context, "partialUploads" | "log">;
  readonly owner: ConnectedPrincipal;
  readonly request: MessageOf<"put">;
  readonly blob: StagedBlob;
  readonly sums: ChunkDigests;
  /** Whether a row tells of what `sums` have from before. */
  readonly isRecorded: boolean;
  /** Whether it is the upload of its name to be gone on with. */
  readonly isCurrent: () => boolean;
}

export class UploadCheckpoint {
  readonly #options: UploadCheckpointOptions;
  #isRecorded: boolean;
  /** How many bytes the disk has taken, and a row tells of. */
  #writtenBack: number;
  #recordedSize: number;
  #writingBack: Promise<void> | undefined;

  constructor(options: UploadCheckpointOptions) {
    const { isRecorded, sums } = options;
    this.#options = options;
    this.#isRecorded = isRecorded;
    this.#writtenBack = this.#recordedSize = isRecorded ? sums.contiguousBytes : 0;
  }

  /** Whether a row tells of it. */
  get isRecorded(): boolean {
    return this.#isRecorded;
  }

  /** Has the disk take what has come, now and then, and records it as held. */
  writeBack(): void {
    const { blob, sums, isCurrent } = this.#options;
    const { contiguousBytes } = sums;
    if (this.#writingBack !== undefined || contiguousBytes - this.#writtenBack < WRITE_BACK_SIZE) {
      return;
    }
    const grown = contiguousBytes - this.#recordedSize;
    const isDue = grown >= Math.max(WRITE_BACK_SIZE, contiguousBytes * RECORDED_PART);
    const encoded = isDue ? sums.encode() : undefined;
    const work = async () => {
      await blob.sync();
      this.#writtenBack = contiguousBytes;
      if (encoded !== undefined && isCurrent()) await this.#record(contiguousBytes, encoded);
    };
    this.#writingBack = work()
      // Nothing depends on it: the sync at the end tells of a disk that fails.
      .catch((error) => this.warn(error))
      .finally(() => this.#writingBack = undefined);
  }

  /** Resolves when nothing is written back any more. */
  async settle(): Promise<void> {
    await this.#writingBack;
  }

  /** Leaves what has come to be gone on with, if it is worth while; returns whether it is held. */
  async keep(): Promise<boolean> {
    await this.#writingBack;
    const { context, request, blob, sums, isCurrent } = this.#options;
    const { contiguousBytes } = sums;
    if (!isCurrent() || contiguousBytes < CHUNK_SIZE) return false;
    const encoded = sums.encode();
    await blob.leave(contiguousBytes);
    if (!isCurrent()) return false;
    await this.#record(contiguousBytes, encoded);
    context.log.info("Holds {held} of {size} bytes of {file} of {client}", {
      event: "file.held",
      ...{ ...this.#named(), held: contiguousBytes, size: request.size },
    });
    return true;
  }

  /** Forgets what is recorded of it; what another upload has under its name stays. */
  async drop(): Promise<void> {
    const { context, owner, request, blob } = this.#options;
    if (!this.#isRecorded) return;
    this.#isRecorded = false;
    await context.partialUploads.drop(owner.clientId, request.name, blob.path);
  }

  /** Logs that it could not be held. */
  warn(error: unknown): void {
    this.#options.context.log.warn("Could not hold what came of {file} of {client}: {reason}", {
      event: "file.not-held",
      ...{ ...this.#named(), reason: printable(String(error)) },
    });
  }

  async #record(held: number, sums: Bytes): Promise<void> {
    const { context, owner: { clientId }, request: { name, size, mtime }, blob } = this.#options;
    this.#isRecorded = true;
    // What can't be recorded is not tried again before it has grown.
    this.#recordedSize = held;
    await context.partialUploads.save({ clientId, name, size, mtime, path: blob.path, held, sums });
  }

  #named() {
    const { owner: { address, clientId }, request: { name } } = this.#options;
    return { file: printable(name), client: toHex(clientId), address };
  }
}
