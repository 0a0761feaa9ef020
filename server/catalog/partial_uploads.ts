/**
 * Partial uploads: what is durable of an interrupted upload, so that it can be resumed.
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
  /** The quota of an owner who has none of its own, this upload included. */
  readonly quota?: Usage;
}

/** Which upload, and how much of it is durable. */
export interface PartialUploadKey {
  /** Its owner, 16 bytes. */
  readonly accountId: Bytes;
  /** The name of the file. */
  readonly name: string;
  /** In the blob store. */
  readonly id: UploadId;
  /** How many of its first bytes are durable. */
  readonly held: number;
}

/** A checkpoint of an upload. */
export interface PartialUpload extends PartialUploadKey {
  /** Of the whole file, in bytes, as the client says. */
  readonly size: number;
  /** When the client's file was last modified, in milliseconds since the epoch. */
  readonly mtime: number;
  /** Digests and checksums of the durable chunks: `ChunkDigests.encode`. */
  readonly sums: Bytes;
  /** Milliseconds since the epoch. */
  readonly updatedAt: number;
}

/** The partial uploads of a catalog. Each method is one transaction. */
export interface PartialUploadRows {
  /**
   * Records a checkpoint in place of the one of the same name; of more than `max` of an account the oldest give way.
   * Returns the ids of the uploads that became garbage. Throws `CatalogRefusal`.
   */
  save(partial: PartialUpload, options: CheckpointOptions): Promise<UploadId[]>;
  /** The partial upload of a name. */
  find(owner: Bytes, name: string): Promise<PartialUpload | undefined>;
  /** Removes the partial upload of a name, with `id` only that one. Returns its id, which became garbage. */
  remove(owner: Bytes, name: string, id?: UploadId): Promise<UploadId[]>;
  /**
   * Removes up to `limit` partial uploads that were last updated before a time, oldest first. Returns the ids of the
   * uploads that became garbage.
   */
  expire(before: number, limit: number): Promise<UploadId[]>;
  /** Up to `limit` partial uploads of all accounts after an upload, by upload: `undefined` begins. */
  scan(after: UploadId | undefined, limit: number): Promise<PartialUploadKey[]>;
}
