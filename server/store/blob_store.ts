/**
 * Where the bytes of files are kept, apart from their names.
 *
 * @module
 */
import type { Bytes } from "../../protocol/mod.ts";

/** A blob that is being written and that nobody sees yet. */
export interface StagedBlob {
  /** Appends bytes. They may change again when the promise resolves. */
  write(bytes: Bytes): Promise<void>;
  /** Ends the writing: the bytes are durable, and no descriptor is held any more. */
  seal(): Promise<void>;
  /**
   * Moves the blob to `path`, whole and durable: it is sealed before, its folder synced after. May be called once.
   */
  commit(path: string): Promise<void>;
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
  /** A path that no blob has yet, for one of this owner's. */
  newPath(ownerId: Bytes): string;
  /**
   * The bytes of a committed blob, in whole pieces but for the last; a piece may change when the next is asked for. Symbolic links are not
   * followed: they throw `Deno.errors.NotFound`, as what is no plain file.
   */
  read(path: string, options?: ReadOptions): AsyncGenerator<Bytes, void, void>;
  /** Removes a committed blob; none there is fine. */
  remove(path: string): Promise<void>;
  /**
   * What is where blobs are, in no order: paths of blobs, and of whatever else is there. Nothing below a folder that is
   * not of an owner is looked at.
   */
  list(): AsyncGenerator<string, void, void>;
  /** Bytes of a committed blob; `undefined` where there is none, or something that is no plain file. */
  size(path: string): Promise<number | undefined>;
  /** Whether anything is at a path. */
  has(path: string): Promise<boolean>;
  /** Moves what is at a path to `quarantine/` and returns its path there; durable when the promise resolves. */
  quarantine(path: string): Promise<string>;
  /** Removes every staged blob: those of a process before this one. Returns how many there were. */
  sweep(): Promise<number>;
}
