/**
 * Rounds of the background check. In each round, a server reads every stored file once. The progress is stored, so that
 * another start of the server, or another server, continues where the last one was.
 *
 * @module
 */
import type { BlobId } from "../blobs/blob_store.ts";

/** A round and its progress. Times are in milliseconds since the epoch. */
export interface CheckRound {
  /** A later round has a higher number. */
  readonly id: number;
  /** When it began. */
  readonly startedAt: number;
  /** When all files were read; without it, the round is in progress. */
  readonly endedAt?: number;
  /** Whether an operator has requested the round, which is then not spread over the interval. */
  readonly isRequested: boolean;
  /** The last blob of the files that were read, in the order of `Files.scan`. */
  readonly after?: BlobId;
  /** The number of files that were read. */
  readonly files: number;
  /** Their bytes. */
  readonly bytes: number;
  /** The number of damaged files among them. */
  readonly damaged: number;
  /** The number of files that could not be read. */
  readonly unreadable: number;
}

/** The rounds of a catalog: at most the last complete one, and one in progress. Each method is one transaction. */
export interface CheckRounds {
  /** Begins a round. A round in progress is discarded. */
  begin(startedAt: number, isRequested: boolean): Promise<CheckRound>;
  /**
   * Records the progress of a round, or its end. Returns `false` if the round was discarded, because another one has begun.
   * The end of a round discards those before.
   */
  save(round: CheckRound): Promise<boolean>;
  /** The rounds, newest first. */
  list(): Promise<CheckRound[]>;
}
