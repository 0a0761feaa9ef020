/**
 * Partial uploads: what of a broken upload is durable, so that it can be resumed.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { UploadId } from "../blobs/blob_store.ts";
import type { Usage } from "./accounts.ts";

export interface CheckpointOptions {
  /** How many uploads of a client are held. */
  readonly max: number;
  /** What their owner may have, this one included, where its operator has said nothing else. */
  readonly quota?: Usage;
}

/** What is durably held of an upload that was broken off, or may be. */
export interface PartialUploadKey {
  readonly clientId: Bytes;
  readonly name: string;
  /** Of the staged file, relative to the data folder, with `/`. */
  readonly path: UploadId;
  /** How many bytes of it, from the beginning on. */
  readonly held: number;
}

export interface PartialUpload extends PartialUploadKey {
  /** Of the whole file, as its client says. */
  readonly size: number;
  readonly mtime: number;
  /** The sums of the chunks that are held: `ChunkSums.encode`. */
  readonly sums: Bytes;
  readonly updatedAt: number;
}

export interface PartialUploadRows {
  /**
   * Records a checkpoint in place of the one of the same name; of more than `max` of an account the oldest give way.
   * Returns the ids of the uploads that became garbage. Throws `CatalogRefusal`.
   */
  save(partial: PartialUpload, options: CheckpointOptions): Promise<UploadId[]>;
  find(owner: Bytes, name: string): Promise<PartialUpload | undefined>;
  /** Removes the partial upload of a name, with `path` only that one. Returns its id, which became garbage. */
  remove(owner: Bytes, name: string, path?: UploadId): Promise<UploadId[]>;
  /**
   * Removes up to `limit` partial uploads that were last updated before a time, oldest first. Returns the ids of the
   * uploads that became garbage.
   */
  expire(before: number, limit: number): Promise<UploadId[]>;
  /** Up to `limit` partial uploads of all accounts after an upload, by upload: `undefined` begins. */
  scan(after: UploadId | undefined, limit: number): Promise<PartialUploadKey[]>;
}
