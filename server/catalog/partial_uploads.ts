/**
 * Partial uploads: the durable parts of interrupted uploads, for resuming.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { UploadId } from "../blobs/blob_store.ts";
import type { Usage } from "./accounts.ts";

/** Bounds of a checkpoint. */
export interface CheckpointOptions {
  /** The most partial uploads of an account. */
  readonly max: number;
  /** The quota that applies if the account has none of its own. This upload counts towards it. */
  readonly quota?: Usage;
  /** The upload's claim to its name, in a catalog that servers share: see `NameClaimRows`. */
  readonly claim?: Bytes | undefined;
}

/** Another upload has the name now, so that this one can no longer be resumed. */
export class NameLost extends Error {
  constructor() {
    super("another upload has taken the name");
  }
}

/** An upload, and the size of its durable part. */
export interface PartialUploadKey {
  /** Its owner, 16 bytes. */
  readonly accountId: Bytes;
  /** The name of the file. */
  readonly name: string;
  /** The id in the blob store. */
  readonly id: UploadId;
  /** The number of bytes at its beginning that are durable. */
  readonly durableBytes: number;
}

/** A checkpoint of an upload. */
export interface PartialUpload extends PartialUploadKey {
  /** The size of the whole file in bytes, from the client. */
  readonly size: number;
  /** The modification time of the client's file, in nanoseconds since the epoch. */
  readonly mtime: bigint;
  /** The digests and checksums of the durable chunks: `ChunkDigests.encode`. */
  readonly sums: Bytes;
  /** Milliseconds since the epoch. */
  readonly updatedAt: number;
}

/** The partial uploads of a catalog. Each method is one transaction. */
export interface PartialUploadRows {
  /**
   * Records a checkpoint, which replaces the previous one of the name. If the account has more than `max`, discards the
   * oldest. Returns the ids of the uploads that became garbage. Throws `CatalogRefusal`; `NameLost` if another upload
   * has taken the claim.
   */
  save(partial: PartialUpload, options: CheckpointOptions): Promise<UploadId[]>;
  /** The partial upload of a name. */
  find(owner: Bytes, name: string): Promise<PartialUpload | undefined>;
  /** Removes the partial upload of a name; with `id`, only that one. Returns its id, which became garbage. */
  remove(owner: Bytes, name: string, id?: UploadId): Promise<UploadId[]>;
  /**
   * Removes at most `limit` partial uploads that were last updated before `before`, oldest first. Returns the ids of
   * the uploads that became garbage.
   */
  expire(before: number, limit: number): Promise<UploadId[]>;
  /** At most `limit` partial uploads of all accounts after an upload, by upload. `undefined` begins. */
  scan(after: UploadId | undefined, limit: number): Promise<PartialUploadKey[]>;
}
