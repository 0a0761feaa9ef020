/**
 * Where the bytes of files are kept, apart from their names.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";

/** A blob that is being written and that nobody sees yet. */
export interface StagedBlob {
  /** Where it is until it is committed, relative to the data folder, with `/`. */
  readonly path: string;
  /** All of a small one, which is stored with its row: {@link StoreOptions.content}; `undefined` of one that is a file. */
  readonly content?: Bytes | undefined;
  /** Appends bytes. They may change again when the promise resolves. */
  write(bytes: Bytes): Promise<void>;
  /** Writes bytes where they belong; what is asked for meanwhile waits. They may change again when the promise resolves. */
  writeAt(offset: number, bytes: Bytes): Promise<void>;
  /** What was written before the call is durable, under the name by which it is resumed; writing goes on meanwhile. */
  sync(): Promise<void>;
  /** Ends the writing: the bytes are durable, and no descriptor is held any more. */
  seal(): Promise<void>;
  /**
   * Moves the blob to `path`, whole and durable: it is sealed before, its folder synced after. May be called once.
   */
  commit(path: string): Promise<void>;
  /** Ends the writing and leaves the first `size` bytes staged, durable, to be resumed. */
  leave(size: number): Promise<void>;
  /** Removes the blob. Does nothing after `commit` or a first `discard`. */
  discard(): Promise<void>;
}

export interface ReadOptions {
  /** Bytes to pass over. */
  readonly from?: number;
  readonly pieceSize?: number;
}

export interface BlobStore {
  /** A new empty blob. */
  stage(): Promise<StagedBlob>;
  /**
   * A blob that was left, or whose process has ended, with what is behind its first `size` bytes cut off. Throws
   * `Deno.errors.NotFound` where it is not there, or shorter.
   */
  resume(path: string, size: number): Promise<StagedBlob>;
  /** A path that no blob has yet, for one of this owner's. */
  newPath(ownerId: Bytes): string;
  /**
   * The bytes of a committed blob, in whole pieces but for the last; a piece may change when the next is asked for. Symbolic links are not
   * followed: they throw `Deno.errors.NotFound`, as what is no plain file.
   */
  read(path: string, options?: ReadOptions): AsyncGenerator<Bytes, void, void>;
  /** Removes a blob; none there is fine. */
  remove(path: string): Promise<void>;
  /**
   * What is where blobs are, in no order: paths of blobs, and of whatever else is there. Nothing below a folder that is
   * not of an owner is looked at.
   */
  list(): AsyncGenerator<string, void, void>;
  /** Bytes of a blob, committed or staged; `undefined` where there is none, or something that is no plain file. */
  size(path: string): Promise<number | undefined>;
  /** Whether anything is at a path. */
  has(path: string): Promise<boolean>;
  /**
   * Moves what is at a path to a path in `quarantine/`, durable when the promise resolves. Nothing there is fine: it may
   * have been moved before.
   */
  quarantine(path: string, to: string): Promise<void>;
  /**
   * Removes staged blobs of a process before this one, but for those whose path `isKept`. Returns how many there were.
   */
  sweep(isKept?: (path: string) => Promise<boolean>): Promise<number>;
}
