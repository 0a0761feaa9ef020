/**
 * Options and results of downloads over protocol 4.
 *
 * @module
 */
import type { RefusedError, XferError } from "../../protocol/errors.ts";
import type { AttributeOptions, UnsetAttributes } from "../local/target_attributes.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { ConnectionPool, TransferOptions } from "./connection_pool.ts";
import type { ByteRange } from "./file_download.ts";
import type { RemoteFile } from "./remote_file.ts";

/** The name that stands for everything in the account. No entry can have it. */
export const EVERYTHING = ".";

/** Why an entry of the server is not downloaded, although nothing failed. */
export type GetSkipReason = "a symbolic link" | "one of xfer's own files";

/** A deletion that waits for an answer. */
export interface MirrorDeletion {
  /** The number of local files, folders and links to delete. */
  readonly entries: number;
  /** The number of those that are there now. */
  readonly total: number;
  /** The local folder. */
  readonly folder: string;
}

/** Options of downloads. */
export interface GetOptions {
  /** The server and the account. */
  readonly connect: ConnectOptions;
  /** Connections and retries. */
  readonly transfer?: TransferOptions;
  /** The number of the version of the only file; 0, the default, for the current one. */
  readonly version?: number | undefined;
  /** The bytes of the only file to download. */
  readonly range?: ByteRange | undefined;
  /** Whether to overwrite existing files and links at the targets; never folders. */
  readonly force?: boolean | undefined;
  /** In folders, patterns of entries to skip; see `FileSelection`. */
  readonly exclude?: readonly string[] | undefined;
  /** Whether to create symbolic links; default true, except on Windows. */
  readonly links?: boolean | undefined;
  /** The attributes to restore. */
  readonly attributes?: AttributeOptions | undefined;
  /** Whether to change nothing here, and only report what would happen. */
  readonly dryRun?: boolean | undefined;
  /**
   * Makes each local folder a mirror of the server's: deletes everything in it that the server does not have, once all
   * is downloaded, and nothing if anything failed. With `force`, entries of another kind are replaced before. Called
   * before the first deletion; if it throws, nothing is deleted.
   */
  readonly confirmMirror?: ((deletion: MirrorDeletion) => Promise<void>) | undefined;
  /** Called with each result, as soon as it is known. */
  readonly onOutcome?: ((outcome: GetOutcome) => void) | undefined;
  /** Called with the name of each entry that is skipped for another reason than `exclude`. */
  readonly onSkipped?: ((name: string, why: GetSkipReason) => void) | undefined;
  /** Called once, at the end, if modes or times could not be set. */
  readonly onUnset?: ((unset: UnsetAttributes) => void) | undefined;
}

/** The entries to download, and where to write them. */
export interface GetManyOptions extends GetOptions {
  /** Names on the server, or only {@link EVERYTHING}; with `recursive`, also of folders. */
  readonly names: readonly string[];
  /**
   * For one folder or everything, the folder to write to. For one file or link, the path to write to; in an existing
   * folder, or if the path ends with a slash, the entry keeps the last component of its name. For several names, the
   * folder to write to. Default: each keeps the last component of its name, in the current folder. Missing folders are
   * created.
   */
  readonly target?: string | undefined;
  /**
   * Whether `target` is the path of the only file or link, even if a folder is there.
   *
   * @internal
   */
  readonly isExact?: boolean | undefined;
  /** Whether to download folders, with everything in them. */
  readonly recursive?: boolean | undefined;
  /**
   * Whether names can be patterns: `*`, `?`, `[a-z]`, and `**` for any folders. An entry that matches keeps its path below the folder
   * before the first wildcard.
   */
  readonly patterns?: boolean | undefined;
  /**
   * Returns the error for a name that the server does not have, perhaps with a better hint.
   *
   * @internal
   */
  readonly explainMissing?:
    | ((server: ConnectionPool, name: string, error: RefusedError) => Promise<XferError>)
    | undefined;
}

/** The results of a run. That of each entry is passed to `onOutcome`. */
export interface GetSummary {
  /** The number of entries that are here as on the server, or are deleted; in a dry run, that would be. */
  readonly succeeded: number;
  /** The number of entries that are not. */
  readonly failed: number;
  /** The error that ended the run, or else the first one. */
  readonly error: XferError | undefined;
}

/**
 * The result of one entry. `there`: the target already had this content and was not written. `planned`: it would be
 * downloaded, in a dry run. `deleted`: the server does not have it; in a dry run, it would be deleted.
 */
export type GetOutcome =
  & {
    /** The name on the server. */
    readonly name: string;
    /** The local path. */
    readonly target: string;
  }
  & (
    | { readonly state: "got" | "planned"; readonly file: RemoteFile }
    | {
      readonly state: "there";
      readonly file: RemoteFile;
      /** Whether its mode or time was brought up to date. */
      readonly isUpdated: boolean;
    }
    | { readonly state: "deleted" }
    | { readonly state: "not-got" | "not-deleted"; readonly error: XferError }
  );
