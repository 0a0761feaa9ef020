/**
 * The checkpoints of one upload: its row in the catalog, with which the client can resume it.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { BlobWriter, UploadId } from "../blobs/blob_store.ts";
import { CheckpointPace } from "./checkpoint_pace.ts";
import type { PartialUploads } from "./partial_uploads.ts";
import type { UploadLog } from "./upload_log.ts";

export interface UploadCheckpointsOptions {
  readonly partialUploads: PartialUploads;
  readonly log: UploadLog;
  /** `size`: in bytes; `undefined` if it is not known, so that the upload cannot be resumed. */
  readonly file: {
    readonly accountId: Bytes;
    readonly name: string;
    readonly size: number | undefined;
    readonly mtime: bigint;
  };
  /** Whether the upload is the newest of its name: only that one can be resumed. */
  readonly isNewest: () => boolean;
  /** The claim to the name, if servers share the catalog. */
  readonly claim: () => Bytes | undefined;
}

export class UploadCheckpoints {
  readonly #options: UploadCheckpointsOptions;
  #pace = new CheckpointPace(0);
  /** The running checkpoint. */
  #running: Promise<void> | undefined;
  #hasRow = false;

  constructor(options: UploadCheckpointsOptions) {
    this.#options = options;
  }

  /** Whether the catalog has a checkpoint of this upload. */
  get hasRow(): boolean {
    return this.#hasRow;
  }

  /** The upload was resumed from a checkpoint. */
  continueFrom(durableBytes: number): void {
    this.#hasRow = true;
    this.#pace = new CheckpointPace(durableBytes);
  }

  /** Begins a checkpoint if it is time for one. */
  consider(writer: BlobWriter, digests: ChunkDigests): void {
    const { log, file } = this.#options;
    const { contiguousBytes } = digests;
    if (file.size === undefined || this.#running !== undefined) return;
    if (!this.#pace.isDue(contiguousBytes)) return;
    this.#running = writer.checkpoint(contiguousBytes)
      .then((durable) => this.save(writer.uploadId, digests, durable))
      // A checkpoint is optional. If the disk fails, the last sync fails too.
      .then(() => undefined, (error) => log.notKept(error))
      .finally(() => this.#running = undefined);
  }

  /** Resolves when no checkpoint is running. */
  async settle(): Promise<void> {
    await this.#running;
  }

  /**
   * Records how many bytes are durable, in whole chunks. Returns the number recorded: 0 if the upload is not resumable.
   */
  async save(id: UploadId, digests: ChunkDigests, durable: number): Promise<number> {
    const { partialUploads, file, isNewest, claim } = this.#options;
    const { size } = file;
    const durableBytes = durable === size ? size : durable - durable % CHUNK_SIZE;
    if (size === undefined || durableBytes === 0 || !isNewest()) return 0;
    this.#hasRow = true;
    const sums = digests.encode(durableBytes);
    const isSaved = await partialUploads.save({ ...file, size, id, durableBytes, sums }, claim());
    return isSaved ? durableBytes : 0;
  }

  /** Removes the row of a discarded upload. Keeps another upload's row under the same name. */
  async remove(id: UploadId | undefined): Promise<void> {
    if (!this.#hasRow) return;
    this.#hasRow = false;
    const { partialUploads, file: { accountId, name } } = this.#options;
    await partialUploads.remove(accountId, name, id);
  }
}
