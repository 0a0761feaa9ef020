/**
 * A list of files to read in the background.
 *
 * @module
 */
import type { Damage, StoredFile } from "../catalog/files.ts";

/** The result of reading a file. `gone`: it was removed or replaced meanwhile. */
export type Reading =
  | { readonly kind: "intact" | "gone" }
  | { readonly kind: "damaged"; readonly damage: Damage };

/** Files that are read one after another. A method that rejects counts as a failure. */
export interface ReadingList {
  /** The rate at which a file is read, in bytes per second. */
  readonly rate: number;
  /**
   * The next file, or the time until there may be one, in milliseconds: `Infinity` if only something new can make a
   * difference.
   */
  next(): Promise<StoredFile | number>;
  /**
   * The file was read. Returns whether that shows that the store answers. If this rejects, the file counts as not read.
   */
  finish(file: StoredFile, reading: Reading): Promise<boolean>;
  /**
   * The file could not be read, or no file was found. `isDown`: too many in a row, so that all files wait now.
   */
  fail(file: StoredFile | undefined, error: unknown, isDown: boolean): void;
  /** Another server reads the files now. */
  release(): void;
}
