/**
 * Files: the current version of each name, and its history. Folders and links are files with another kind.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { EntryKind } from "../../protocol/entry.ts";
import type { BlobId, UploadId } from "../blobs/blob_store.ts";
import type { Usage } from "./accounts.ts";

/** The damage of a file's content: it is missing, or has another size or other bytes. */
export type Damage = "missing" | "size" | "content";

/** The place of a file's content: the catalog if it is small, else the blob store. */
export type StoredContent =
  | { readonly kind: "inline"; readonly id: BlobId }
  | { readonly kind: "blob"; readonly id: BlobId };

/** The content of a file to commit: a finished blob, or bytes that the catalog will store. */
export type NewContent =
  | { readonly kind: "inline"; readonly id: BlobId; readonly bytes: Bytes }
  | { readonly kind: "blob"; readonly id: BlobId };

/** Files that are known to be damaged, old versions too. */
export interface KnownDamage {
  /** The number of all. */
  readonly count: number;
  /** Some of them, by account and name. */
  readonly files: readonly StoredFile[];
}

/** A version of a file. Times are in milliseconds since the epoch. */
export interface StoredFile {
  /** Its owner, 16 bytes. */
  readonly accountId: Bytes;
  /** Its name as it was given, a relative path with `/`. Names are compared and ordered in the form of `nameKey`. */
  readonly name: string;
  /** Counts from 1 per name. Omitted when storing: the catalog assigns it. */
  readonly version?: number;
  /** Whether it is the current version of its name; `true` by default. */
  readonly current?: boolean;
  /** `file` by default. */
  readonly kind?: EntryKind;
  /** The permission bits; without them, they are unknown. */
  readonly mode?: number;
  /** The place of its content. */
  readonly content: StoredContent;
  /** In bytes. */
  readonly size: number;
  /** POSIX cksum. */
  readonly crc: number;
  /** The time when it was stored or restored. */
  readonly storedAt: number;
  /** The time when it was replaced or removed, for history. */
  readonly endedAt?: number;
  /** The key that stored it, 32 bytes, over protocol 4. */
  readonly storedBy?: Bytes;
  /** Whether client and server agreed on the checksum. */
  readonly verified: boolean;
  /** The digest of protocol 4. Files of protocol 3 have none until they are first requested. */
  readonly tree?: FileDigest;
  /** When the server last computed the digest from the content; without it, the digest is only that of the client. */
  readonly confirmedAt?: number;
  /** Damage that was found. */
  readonly damage?: Damage;
}

/** A file to commit. The catalog assigns its version. */
export interface CommittedFile extends Omit<StoredFile, "content"> {
  /** Its content. */
  readonly content: NewContent;
}

/** The digest of a file, and its modification time. */
export interface FileDigest {
  /** The modification time of the client's file, in nanoseconds since the epoch. */
  readonly mtime: bigint;
  /** The root of the Merkle tree over its chunks, 32 bytes: docs/protocol-4.md, "Files". */
  readonly digest: Bytes;
}

/** A file that will be stored. */
export interface NewFile {
  /** The name of the file. */
  readonly name: string;
  /** Names with an open upload, whose partial uploads do not count. */
  readonly open: readonly string[];
}

/** The usage of an account: what counts towards its quota, and its history, which does not. */
export interface UsageWithHistory extends Usage {
  /** The number of its replaced and removed versions, and their bytes. */
  readonly history: Usage;
}

/** The usage of an account beside a new file. */
export interface UsageBeside extends UsageWithHistory {
  /** The usage that the new file replaces. */
  readonly replaced: Usage;
}

/** Bounds of a change that adds to the usage of an account. */
export interface RoomOptions {
  /** The quota of an account without its own, including the change. History does not count. */
  readonly quota?: Usage;
  /** Whether replaced versions become history; `false` by default. */
  readonly keepHistory?: boolean;
}

/** Options of a commit. */
export interface CommitOptions extends RoomOptions {
  /** The digests of its chunks, concatenated, for a file with a digest. */
  readonly chunks?: Bytes;
  /** The upload, if it was recorded as a partial upload. That record is removed. */
  readonly staged?: UploadId;
}

/** Blobs that became garbage in a transaction. */
export interface Garbage {
  /** Their ids, at most `MAX_GARBAGE`. */
  readonly garbage: readonly BlobId[];
  /** Whether there are more, which the catalog only lists. */
  readonly isMore: boolean;
}

/** A committed file. */
export interface CommitResult {
  /** Its version. */
  readonly version: number;
  /** The current version that it replaced. `byOther`: whether another key of the account had stored that one. */
  readonly replaced?: { readonly version: number; readonly byOther: boolean };
  /** The blobs of discarded versions, which became garbage. */
  readonly garbage: readonly BlobId[];
  /** Whether history is over its bounds, so that `trimHistory` must follow. */
  readonly hasSurplus: boolean;
}

/** The part of a file that changes without its content. */
export interface Metadata {
  /** The permission bits; `undefined` if they are unknown. */
  readonly mode: number | undefined;
  /** The modification time, in nanoseconds since the epoch. */
  readonly mtime: bigint;
}

/** The result of changing the metadata of a version. `changed`: another version is current. */
export type MetadataResult = "updated" | "missing" | "changed";

/** The version and the parts of a file to find. */
export interface FileQuery {
  /** From 1; the current version by default. */
  readonly version?: number | undefined;
  /** `all`: also the parts that are needed to send the file; `row` by default. */
  readonly want?: "row" | "all";
}

/** A file with the requested parts. */
export interface FoundFile extends StoredFile {
  /** With `all`, for a file with a digest: the total size of its chunk digests, and their first page. */
  readonly chunks?: { readonly size: number; readonly first: Bytes };
  /** With `all`: the content, if it is stored in the catalog. */
  readonly bytes?: Bytes;
}

/** A page of files, by name. */
export interface FilePage {
  /** The prefix of the names. */
  readonly prefix?: string;
  /** The last name of the previous page. */
  readonly after?: string;
  /** The most files. */
  readonly limit: number;
}

/** A page of a list whose position is not always a name. */
export interface ListPage<T> {
  /** The files of the page. It can be empty before the last page. */
  readonly files: readonly T[];
  /** `after` of the next page; `undefined` after the last. */
  readonly next: string | undefined;
}

/** A folder without a row of its own, which exists because files are below it. */
export interface ImplicitFolder {
  /** Its name. */
  readonly name: string;
  /** A folder without a row has no version. */
  readonly version: 0;
}

/** A page of versions, newest first. */
export interface VersionPage {
  /** The last version of the previous page. */
  readonly before?: number;
  /** The most versions. */
  readonly limit: number;
}

/** A page of files with their old versions, by name and version. */
export interface AllFilesPage {
  /** The last file of the previous page. */
  readonly after?: Pick<StoredFile, "name" | "version"> | undefined;
  /** The most files; one page by default. */
  readonly limit?: number;
}

/** The number of entries that a change concerns, and their bytes. */
export interface ChangedEntries {
  /** Files, folders and links. */
  readonly entries: number;
  /** The sum of their sizes. */
  readonly bytes: number;
}

/** The result of renaming a name. `taken`: the new name exists. */
export interface RenameResult extends ChangedEntries {
  /** Without a change, `entries` and `bytes` are 0. */
  readonly outcome: "renamed" | "missing" | "taken";
}

/** Options of a removal. */
export interface RemoveOptions {
  /** Whether to remove everything below the name too. */
  readonly recursive?: boolean;
  /** Whether to delete the history of the names too, also of names that have only history. */
  readonly forever?: boolean;
  /** Whether the removed versions become history; `false` by default. */
  readonly keepHistory?: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The result of a removal. `not-empty`: something is below the name. */
export interface RemoveResult extends ChangedEntries, Garbage {
  /** Without a change, `entries` and `bytes` are 0. */
  readonly outcome: "removed" | "missing" | "not-empty";
}

/** Options of a restoration. */
export interface RestoreVersionOptions extends RoomOptions {
  /** The version; by default the newest that is not current. */
  readonly version?: number;
  /** Of a folder, only what was removed at this time or later, in milliseconds since the epoch. */
  readonly since?: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The key that restores, 32 bytes. */
  readonly by?: Bytes;
}

/** The result of a restoration. */
export interface RestoreVersionResult
  extends ChangedEntries, Pick<CommitResult, "garbage" | "hasSurplus"> {}

/** History that was dropped. */
export interface DroppedHistory extends Usage {
  /** The blobs that became garbage. */
  readonly garbage: readonly BlobId[];
}

/**
 * The files of a catalog. Each method is one transaction. A page of an array can be shorter than its limit; only an empty
 * page is the last.
 */
export interface Files {
  /**
   * Records a file as the current version of its name, and what it replaces as history. A current version with the same
   * digest that is not damaged stays, and so does a folder that is a folder already: it gets the new metadata. The new
   * content takes the place of its blob, or is garbage if its content is in the catalog. Discards damaged versions with
   * the same content, the partial upload of the file, and the oldest history that is over its bounds. Throws
   * `CatalogRefusal`.
   */
  commit(file: CommittedFile, options?: CommitOptions): Promise<CommitResult>;
  /** Changes the metadata of the current version of a name, if it is `version`. */
  update(
    owner: Bytes,
    name: string,
    version: number,
    metadata: Metadata,
  ): Promise<MetadataResult>;
  /** The current file of a name, or a version of it. */
  find(owner: Bytes, name: string, options?: FileQuery): Promise<FoundFile | undefined>;
  /**
   * A page of a file's chunk digests, concatenated, from byte `from` on; empty after the last. Returns `undefined` for
   * a file without a digest.
   */
  chunkDigests(id: BlobId, from?: number): Promise<Bytes | undefined>;
  /** The content of a small file, if it is stored in the catalog. */
  content(id: BlobId): Promise<Bytes | undefined>;
  /** The size of that content in bytes, without reading it. */
  contentSize(id: BlobId): Promise<number | undefined>;
  /** A page of the current files of an account, by name. */
  list(owner: Bytes, page: FilePage): Promise<StoredFile[]>;
  /**
   * A page of one level: current files and folders whose names have nothing but a last component after the prefix, which is
   * empty or ends in `/`.
   */
  listLevel(owner: Bytes, page: FilePage): Promise<ListPage<StoredFile | ImplicitFolder>>;
  /** A page of the names without a current version: the newest version of each. */
  listRemoved(owner: Bytes, page: FilePage): Promise<ListPage<StoredFile>>;
  /** A page of the versions of a file, newest first. */
  versions(owner: Bytes, name: string, page: VersionPage): Promise<StoredFile[]>;
  /** A page of the files and the history of an account, by name and version. */
  listAll(owner: Bytes, page?: AllFilesPage): Promise<StoredFile[]>;
  /** At most `limit` files of all accounts after a blob, by blob. `undefined` begins. */
  scan(after: BlobId | undefined, limit: number): Promise<StoredFile[]>;
  /**
   * Renames an entry, and everything below it, with its history. If a new name has history, the renamed versions are
   * numbered after it. Throws `CatalogRefusal` `name-conflict`.
   */
  rename(owner: Bytes, from: string, to: string): Promise<RenameResult>;
  /** Removes an entry. */
  remove(owner: Bytes, name: string, options: RemoveOptions): Promise<RemoveResult>;
  /**
   * Makes a version from history the current one, under the next version number. Of a folder, restores everything below
   * that has no current version; of removed names that exclude each other, the one that was removed last. Returns
   * `undefined` if there is nothing to restore. Throws `CatalogRefusal`.
   */
  restore(
    owner: Bytes,
    name: string,
    options: RestoreVersionOptions,
  ): Promise<RestoreVersionResult | undefined>;
  /**
   * Drops the oldest history of an account while it is over the quota together with everything else, or over its maximum
   * number: at most `MAX_DROPPED` versions.
   */
  trimHistory(owner: Bytes, quota?: Usage): Promise<DroppedHistory>;
  /** Drops at most `limit` versions of all accounts that ended before `before`, oldest first. */
  expireHistory(before: number, limit: number): Promise<DroppedHistory>;
  /**
   * Drops versions of all accounts whose content is in the blob store, oldest first, until `bytes` are dropped or
   * `limit`.
   */
  dropOldestHistory(bytes: number, limit: number): Promise<DroppedHistory>;
  /** The history of all accounts. */
  totalHistory(): Promise<Usage>;
  /**
   * Deletes the row of one version. Its blob does not become garbage. A name that loses its current version has none
   * afterwards, even if old versions remain.
   */
  forget(id: BlobId): Promise<void>;
  /** Adds the digests of protocol 4 to a file, if it still exists and has none. */
  setDigests(id: BlobId, tree: FileDigest, chunks: Bytes): Promise<void>;
  /**
   * At most `limit` versions of all accounts whose digest is only that of the client, and that are not known to be damaged,
   * oldest first: those after a blob, or from the beginning if it no longer exists.
   */
  unconfirmed(after: BlobId | undefined, limit: number): Promise<StoredFile[]>;
  /** Records that the content of a version was read at a time, in milliseconds since the epoch, and has its digest. */
  confirm(id: BlobId, at: number): Promise<void>;
  /** Sets or clears the damage of a file. Returns whether that is a change. */
  setDamage(id: BlobId, damage: Damage | undefined): Promise<boolean>;
  /** Files of all accounts that are known to be damaged; at most `limit` of them are named. */
  damaged(limit: number): Promise<KnownDamage>;
  /** The usage of an account, including partial uploads. With `beside`, without what that file would replace. */
  usage(owner: Bytes, beside?: NewFile): Promise<UsageBeside>;
}
