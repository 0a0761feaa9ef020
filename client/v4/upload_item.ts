/**
 * Files that are to be put, and what is known of each from one connection to the next.
 *
 * @module
 */
import { basename } from "node:path";
import type { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { SourceFile } from "../local/source_file.ts";
import type { WorkQueue } from "./work_queue.ts";

export class UploadItem {
  /** Its name on the server. */
  readonly name: string;
  #file: SourceFile;
  /** What was found of it so far: kept while it is on its way, so that nothing is read twice for being hashed. */
  sums: ChunkDigests | undefined;
  /** Counted from 1, of those that the server has compared. */
  attempt = 1;
  /** Whether the server is to forget what it holds of it. */
  isFresh = false;
  /** Whether it was anybody's turn. */
  isBegun = false;
  /** Whether the server has got something of it that can be gone on with. */
  isPartSent = false;
  /** Whether the server was told to store it and has not answered. */
  isUnknown = false;

  constructor(file: SourceFile, name: string = basename(file.path)) {
    this.#file = file;
    this.name = name;
  }

  get file(): SourceFile {
    return this.#file;
  }

  /** Another attempt, of which nothing that was found or sent before is believed. */
  beginAnew(): void {
    this.attempt++;
    this.isFresh = true;
    this.isPartSent = false;
    this.isUnknown = false;
    this.sums = undefined;
  }

  /**
   * Looks at the file again, after the network has ended an attempt: one that was changed meanwhile is sent as it is
   * now. Throws `StorageError`.
   */
  async lookAgain(): Promise<void> {
    const now = await SourceFile.inspect(this.#file.path);
    if (now.isSameAs(this.#file)) return;
    this.#file = now;
    this.sums = undefined;
  }
}

export type UploadItems = WorkQueue<UploadItem>;
