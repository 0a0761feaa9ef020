/**
 * The content of one upload as far as it was received: staged, with the digests of its chunks.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { release } from "../../protocol/memory.ts";
import { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { MAX_PACKED_SIZE } from "../../protocol/v4/pack.ts";
import { BlobNotFound, type UploadId } from "../blobs/blob_store.ts";
import type { StagedUpload } from "../uploads/staging_area.ts";
import type { V4Context } from "./context.ts";
import { checkTarget } from "./check_put.ts";
import { ContentMismatch } from "./request_error.ts";

type ContentRequest = Pick<MessageOf<"put">, "entry" | "size">;

/** It must be released by {@link ReceivedContent.end}. */
export class ReceivedContent {
  readonly staged: StagedUpload;
  readonly digests: ChunkDigests;
  /** Whether the server computes the digest itself. The digests of larger contents are those of the client. */
  readonly isHashed: boolean;
  readonly #isLink: boolean;
  readonly #context: Pick<V4Context, "garbage">;
  /** The content of a link. */
  #target: Bytes | undefined;

  private constructor(
    context: Pick<V4Context, "garbage">,
    { entry, size }: ContentRequest,
    staged: StagedUpload,
    digests: ChunkDigests,
  ) {
    this.#context = context;
    this.isHashed = size !== undefined && size <= MAX_PACKED_SIZE;
    this.#isLink = entry === "link";
    this.staged = staged;
    this.digests = digests;
  }

  /** Begins an empty upload. Throws `LimitError`. */
  static async create(
    context: Pick<V4Context, "staging" | "garbage" | "store">,
    accountId: Bytes,
    put: ContentRequest,
  ): Promise<ReceivedContent> {
    const { staging, garbage } = context;
    const { size } = put;
    const staged = size === undefined
      ? await staging.createGrowing(accountId)
      : await staging.createInline(accountId, size);
    garbage.hold(staged.writer.uploadId);
    return new ReceivedContent(context, put, staged, new ChunkDigests(size, maxAhead(context)));
  }

  /**
   * Reopens the partial upload of the name; `undefined` if it is of another file, missing or damaged. Throws
   * `LimitError`.
   */
  static async resume(
    context: Pick<
      V4Context,
      "staging" | "garbage" | "store" | "partialUploads" | "openUploads"
    >,
    accountId: Bytes,
    put: Pick<MessageOf<"put">, "name" | "entry" | "size" | "mtime">,
  ): Promise<ReceivedContent | undefined> {
    const { staging, garbage, partialUploads, openUploads } = context;
    const partial = await partialUploads.find(accountId, put.name);
    if (partial === undefined) return undefined;
    const { id, size, mtime, durableBytes, sums } = partial;
    // Two uploads must never write to the same file.
    if (size !== put.size || mtime !== put.mtime || openUploads.isOpen(id)) return undefined;
    // A new partial upload can discard the row in the meantime.
    garbage.hold(id);
    try {
      const digests = ChunkDigests.decode(size, sums, durableBytes, maxAhead(context));
      const staged = await staging.reopen(accountId, id, durableBytes, size);
      return new ReceivedContent(context, put, staged, digests);
    } catch (error) {
      await garbage.release(id);
      if (error instanceof BlobNotFound || error instanceof RangeError) return undefined;
      throw error;
    }
  }

  get uploadId(): UploadId {
    return this.staged.writer.uploadId;
  }

  /**
   * Writes a chunk and detaches its buffer. Rejects if the write fails. Throws `ProtocolError` `bad-frame` for a chunk
   * that does not fit, and `ContentMismatch` for one that does not have the sums that came with it: the checksum, and in
   * a small content also the digest.
   */
  write({ offset, bytes, cksum, digest }: MessageOf<"chunk">): Promise<void> {
    const found = this.digests.addReceived(offset, bytes, { cksum, digest }, this.isHashed);
    if (found !== undefined) throw new ContentMismatch(found);
    if (this.#isLink) this.#target = bytes.slice();
    return this.staged.write(offset, bytes).then(() => release(bytes));
  }

  /** Throws `RequestError` `bad-entry` if it is not that of a link. */
  check(): void {
    if (this.#target !== undefined) checkTarget(this.#target);
  }

  /** Resolves when the upload is deleted, if it has become garbage. */
  async end(): Promise<void> {
    this.staged.release();
    await this.#context.garbage.release(this.uploadId);
  }
}

/** Without random access in the store, chunks must come in order. */
function maxAhead({ store }: Pick<V4Context, "store">): number | undefined {
  return store.blobs.randomAccess ? undefined : 0;
}
