/**
 * The contents of files, apart from their names: written as uploads, read as blobs.
 *
 * An upload is created, written at offsets, and either finished, after which its blob is readable, or aborted. An
 * interrupted upload is suspended and reopened later, by this process or the next.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";

/** A blob. Only the store that has made an id knows what it means; others keep and compare it. */
export type BlobId = string & { readonly __id: "blob" };
/** An upload, as long as it is neither finished nor aborted. */
export type UploadId = string & { readonly __id: "upload" };

/** A blob or an upload is missing, or shorter than it has to be. */
export class BlobNotFound extends Error {
  /** `message` says which, and why. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "BlobNotFound";
  }
}

/** Options of a new upload. */
export interface CreateOptions {
  /** The account whose file it becomes: 16 bytes. */
  readonly owner: Bytes;
  /** The number of bytes that are expected; a hint. */
  readonly size?: number;
}

/** Where to continue an upload. */
export interface ReopenOptions {
  /** The account whose file it becomes: 16 bytes. */
  readonly owner: Bytes;
  /** A number that `checkpoint` or `suspend` of this upload has returned. Later bytes are discarded. */
  readonly offset: number;
}

/** What to read of a blob. */
export interface ReadOptions {
  /** The offset of the first byte. Default: 0. */
  readonly from?: number;
  /** The size of each piece in bytes. Default: the store's choice. */
  readonly pieceSize?: number;
}

/** Every implementation passes the suite of `tests/server/blobs/`. */
export interface BlobStore {
  /**
   * Whether an upload may be written in any order. If not, each write continues where the one before it ended, and no
   * other connection can take part in an upload.
   */
  readonly randomAccess: boolean;
  /** Begins an upload. */
  create(options: CreateOptions): Promise<BlobWriter>;
  /**
   * Continues an upload that was suspended, or whose process has ended. Throws {@link BlobNotFound} if the upload is
   * missing or shorter than `offset`, or cannot be continued there.
   */
  reopen(id: UploadId, options: ReopenOptions): Promise<BlobWriter>;
  /**
   * Reads a finished blob in pieces of one size; only the last may be smaller. A piece may change as soon as the next is
   * requested. Throws {@link BlobNotFound}.
   */
  read(id: BlobId, options?: ReadOptions): AsyncGenerator<Bytes, void, void>;
  /** The size of a blob in bytes, or of what can be resumed of an upload; `undefined` if there is none. */
  stat(id: BlobId | UploadId): Promise<{ readonly size: number } | undefined>;
  /** Deletes a blob, or an upload that is not being written. Does nothing if there is none. */
  delete(id: BlobId | UploadId): Promise<void>;
  /** All blobs, in any order. Also what stands where only blobs should, under the id that it would have. */
  list(): AsyncGenerator<BlobId, void, void>;
  /** Deletes the uploads that earlier processes have left, except those to `keep`. Returns the number deleted. */
  sweepUploads(keep: (id: UploadId) => Promise<boolean>): Promise<number>;
}

/** An upload that is being written. */
export interface BlobWriter {
  /** The upload, by which it is reopened. */
  readonly uploadId: UploadId;
  /** The blob that it becomes: known from the start, so that the catalog can reserve it first. */
  readonly blobId: BlobId;
  /**
   * Writes bytes at an offset. Calls may overlap; they are done in order. The bytes may change when the promise
   * resolves. Rejects after the writing has ended.
   */
  write(offset: number, bytes: Bytes): Promise<void>;
  /**
   * Makes what was written before the call durable and resumable, while writing continues. Returns how many of the
   * first `upTo` bytes, all of which are written, are so; a store that keeps whole parts may return fewer.
   */
  checkpoint(upTo: number): Promise<number>;
  /** Ends the writing: all bytes are durable, and no descriptor is held. May be called more than once. */
  close(): Promise<void>;
  /** Ends the writing; the blob is readable, whole and durable when the promise resolves. May be called once. */
  finish(): Promise<void>;
  /**
   * Ends the writing and keeps the upload to be resumed. Returns how many of the first `upTo` bytes, all of which are
   * written, are kept; a store that keeps whole parts may return fewer.
   */
  suspend(upTo: number): Promise<number>;
  /** Ends and deletes the upload. Does nothing after `finish` or `abort`; what `finish` has failed to do stays. */
  abort(): Promise<void>;
}

/**
 * A capability: putting aside what stands where a blob belongs, whatever it is. Ids are not opaque then: operators see
 * them as places.
 */
export interface Quarantine {
  /** Whether anything stands where the blob belongs, even if it is no blob. */
  isOccupied(id: BlobId): Promise<boolean>;
  /** A new place to put something aside. */
  newQuarantinePlace(): string;
  /**
   * Moves a blob or an upload, or what stands in its place, to a place from `newQuarantinePlace`; durable when the promise
   * resolves. Does nothing if it was moved before.
   */
  quarantine(id: BlobId | UploadId, place: string): Promise<void>;
}

/** Whether a store has the capability. */
export function hasQuarantine<B extends BlobStore>(blobs: B): blobs is B & Quarantine {
  return "quarantine" in blobs;
}
