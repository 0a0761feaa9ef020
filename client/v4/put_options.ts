/**
 * Options and results of uploads over protocol 4.
 *
 * @module
 */
import type { EntryKind } from "../../protocol/entry.ts";
import type { XferError } from "../../protocol/errors.ts";
import type { Failure, LocalFile, Stored } from "../events.ts";
import type { FileSelection } from "./collect_files.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { TransferOptions } from "./connection_pool.ts";
import type { FolderRemovals, PlanOptions, RemoteName } from "./put_plan.ts";

/** The paths to upload, and where. */
export interface PutOptions extends FileSelection, PlanOptions {
  /** The server and the account. */
  readonly connect: ConnectOptions;
  /** Connections and retries. */
  readonly transfer?: TransferOptions;
  /**
   * Makes the uploaded folders mirrors: what is missing here is removed on the server, where it becomes history.
   * Nothing is removed if anything could not be read or stored.
   */
  readonly mirror?: MirrorOptions | undefined;
  /**
   * Called with the result of each entry, as soon as it is known. After an error that ends the run, of the entries that
   * were not tried yet at most {@link MAX_UNTRIED} have a result.
   */
  readonly onOutcome?: (outcome: PutOutcome) => void;
  /** Whether all files are read; default false: files that have not changed since the last run are not read again. */
  readonly checksum?: boolean | undefined;
}

/** The most entries that are reported as not tried after the end of a run, because finding more takes time. */
export const MAX_UNTRIED = 10_000;

/** The numbers of results of a run, by their state. */
export interface PutSummary {
  /** Files and links that were stored. */
  readonly stored: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Folders that were stored. */
  readonly folders: number;
  /** Entries that the server already had. */
  readonly unchanged: number;
  /** Entries whose permission bits or time the server has changed. */
  readonly updated: number;
  /** Entries that were missing here, and removed on the server. */
  readonly removed: number;
  /** Results with an error. */
  readonly failed: number;
}

/** Options of mirrors. */
export interface MirrorOptions {
  /** Called for each folder before anything is sent. Rejects to end the run. */
  readonly confirm?: (removals: FolderRemovals) => Promise<void>;
  /** Called with the number of entries that were not removed, because others could not be read or stored. */
  readonly onNotRemoved?: (entries: number) => void;
}

/** The result of one entry: a file, a folder or a link; or of a folder that cannot be read. */
export type PutOutcome = PutStored | PutUnchanged | PutRemoved | PutNotRemoved | Failure;

/** The server has stored the entry. */
export interface PutStored extends Stored {
  /** Its name on the server. */
  readonly name: string;
  /** A file, a folder or a link. */
  readonly kind: EntryKind;
  /** The number of the stored version. */
  readonly version: number;
  /** The version that it replaced, if another machine of the account had stored that one. */
  readonly replacedOther: number | undefined;
}

/** The server already had the entry with this content: it was not sent. */
export interface PutUnchanged {
  /** Tells results apart. `updated`: the server has new permission bits or a new time for it. */
  readonly state: "unchanged" | "updated";
  /** The local entry. */
  readonly file: LocalFile;
  /** A file, a folder or a link. */
  readonly kind: EntryKind;
  /** Its name on the server. */
  readonly name: string;
}

/** The entry is missing here, and was removed on the server. */
export interface PutRemoved extends RemoteName {
  /** Tells results apart. */
  readonly state: "removed";
}

/** The entry is missing here, and could not be removed on the server. */
export interface PutNotRemoved extends RemoteName {
  /** Tells results apart. */
  readonly state: "not-removed";
  /** The reason. */
  readonly error: XferError;
}
