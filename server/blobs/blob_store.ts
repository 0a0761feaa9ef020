/**
 * The contents of files, apart from their names: written as uploads, read as blobs.
 *
 * An upload is created, written at offsets, and either finished, after which its blob is readable, or aborted. An
 * interrupted upload is suspended and reopened later, by this process or the next.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";

/** A blob. Only the store that created an id knows its meaning. Others keep and compare it. */
export type BlobId = string & { readonly __id: "blob" };
/** An upload that is neither finished nor aborted. */
export type UploadId = string & { readonly __id: "upload" };

/** A blob or an upload is missing, or is too short. */
export class BlobNotFound extends Error {
  /** `message`: the blob, and the reason. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "BlobNotFound";
  }
}

/** Options of a new upload. */
export interface CreateOptions {
  /** The account whose file it becomes: 16 bytes. */
  readonly owner: Bytes;
  /** The expected size in bytes; a hint. */
  readonly size?: number;
}

/** The point at which to continue an upload. */
export interface ReopenOptions {
  /** The account whose file it becomes: 16 bytes. */
  readonly owner: Bytes;
  /** A number that `checkpoint` or `suspend` of this upload has returned. Later bytes are discarded. */
  readonly offset: number;
}

/** The part of a blob to read. */
export interface ReadOptions {
  /** The offset of the first byte. Default: 0. */
  readonly from?: number;
  /** The offset at which the caller will stop; a hint, so that a store does not fetch more. */
  readonly to?: number;
  /** The size of each piece in bytes. Default: the store's choice. */
  readonly pieceSize?: number;
}

/** Every implementation passes the suite of `tests/server/blobs/`. */
export interface BlobStore {
  /**
   * Whether an upload can be written in any order. If not, each write continues at the end of the previous one, and no
   * other connection can take part in the upload.
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
   * Reads a finished blob in pieces of one size; only the last may be smaller. A piece may change as soon as the next
   * is requested. Throws {@link BlobNotFound}. If the blob is deleted in the meantime, the rest is read too, or that error
   * is thrown.
   */
  read(id: BlobId, options?: ReadOptions): AsyncGenerator<Bytes, void, void>;
  /** The size of a blob, or of the resumable part of an upload, in bytes; `undefined` if it does not exist. */
  stat(id: BlobId | UploadId): Promise<{ readonly size: number } | undefined>;
  /** Deletes a blob, or an upload that is not being written. Does nothing if it does not exist. */
  delete(id: BlobId | UploadId): Promise<void>;
  /** The ids of all blobs, in any order. Includes foreign files among the blobs, with the ids that they would have. */
  list(): AsyncGenerator<BlobId, void, void>;
  /**
   * Deletes the uploads of earlier processes, except those to `keep`. Returns the number deleted. `other`: another id that
   * the writer of an upload may have for it.
   */
  sweepUploads(keep: (id: UploadId, other?: UploadId) => Promise<boolean>): Promise<number>;
}

/** An upload that is being written. */
export interface BlobWriter {
  /** The upload's id, for `reopen`. */
  readonly uploadId: UploadId;
  /** The id of the blob that it becomes. It is known from the start, so that the catalog can reserve it first. */
  readonly blobId: BlobId;
  /**
   * Writes bytes at an offset. Calls can overlap and are done in order. The bytes may be changed after the promise
   * resolves. Rejects after the writing has ended.
   */
  write(offset: number, bytes: Bytes): Promise<void>;
  /**
   * Makes all earlier writes durable and resumable, while writing continues. The first `upTo` bytes must be written.
   * Returns how many of them are durable. A store that keeps whole parts may return fewer.
   */
  checkpoint(upTo: number): Promise<number>;
  /** Ends the writing: all bytes are durable, and no descriptor is open. Can be called more than once. */
  close(): Promise<void>;
  /** Ends the writing. The blob is readable, complete and durable when the promise resolves. Can be called once. */
  finish(): Promise<void>;
  /**
   * Ends the writing and keeps the upload for resuming. The first `upTo` bytes must be written. Returns how many of them
   * are kept. A store that keeps whole parts may return fewer.
   */
  suspend(upTo: number): Promise<number>;
  /** Ends and deletes the upload. Does nothing after `finish` or `abort`. A blob whose `finish` failed may remain. */
  abort(): Promise<void>;
}

/**
 * A capability: moving a blob, or a foreign file in its place, into quarantine. Operators see the ids as paths then.
 */
export interface Quarantine {
  /** Whether anything exists at a blob's place, even if it is not a blob. */
  isOccupied(id: BlobId): Promise<boolean>;
  /** A new place in the quarantine. */
  newQuarantinePlace(): string;
  /**
   * Moves a blob, or whatever is in its place, to a place from `newQuarantinePlace`. Durable when the promise resolves.
   * Does nothing if it was moved before.
   */
  quarantine(id: BlobId, place: string): Promise<void>;
  /** Writes content that no blob has to a place from `newQuarantinePlace`. Durable when the promise resolves. */
  quarantineContent(content: Bytes, place: string): Promise<void>;
  /**
   * Adds an entry, a JSON object, to the record of the quarantine, before the content is moved to `place`, if anything is.
   * Durable when the promise resolves. An entry that is added again right away is there once.
   */
  recordQuarantined(entry: string, place: string | undefined): Promise<void>;
}

/** A blob of another store, to be copied. */
export interface BlobToCopy {
  /** Its id in the other store. */
  readonly id: BlobId;
  /** The account whose file it is: 16 bytes. */
  readonly accountId: Bytes;
}

/**
 * A capability: blobs can be copied from another store. The id of a copy follows from that of the blob, so that an
 * interrupted copy of many blobs can be continued.
 */
export interface BlobCopying {
  /** The id of the copy; `undefined` if the blob's id is not one of a store of xfer. */
  copyId(blob: BlobToCopy): BlobId | undefined;
  /** Begins the upload that becomes the copy with an id from `copyId`. It replaces one that exists. */
  createCopy(id: BlobId, size: number): Promise<BlobWriter>;
}

/** Whether blobs can be copied into a store. */
export function canCopy<B extends BlobStore>(blobs: B): blobs is B & BlobCopying {
  return "createCopy" in blobs;
}

/** The ids that the stores of xfer give their blobs. */
const OWN_ID = /^(?:blobs|files\/[0-9a-f]{32})\/([0-9a-f]{32})$/;

/** The random part of an id of one of xfer's stores: 32 hexadecimal digits. */
export function randomPartOf(id: string): string | undefined {
  return OWN_ID.exec(id)?.[1];
}

/** Whether a store has the capability. */
export function hasQuarantine<B extends BlobStore>(blobs: B): blobs is B & Quarantine {
  return "quarantine" in blobs;
}
