/**
 * Files: the current version of each name, and old versions.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
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

/** A version of a file. Times are in milliseconds since the epoch. */
export interface StoredFile {
  /** Its owner, 16 bytes. */
  readonly accountId: Bytes;
  /** Its name, a relative path with `/`. */
  readonly name: string;
  /** Counts from 1 per name. Omitted when storing: the catalog assigns it. */
  readonly version?: number;
  /** Whether it is the current version of its name; `true` by default. */
  readonly current?: boolean;
  /** The place of its content. */
  readonly content: StoredContent;
  /** In bytes. */
  readonly size: number;
  /** POSIX cksum. */
  readonly crc: number;
  /** The time when it was stored. */
  readonly storedAt: number;
  /** Whether client and server agreed on the checksum. */
  readonly verified: boolean;
  /** The digest of protocol 4. Files of protocol 3 have none until they are first requested. */
  readonly tree?: FileDigest;
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
  /** The modification time of the client's file, in milliseconds since the epoch. */
  readonly mtime: number;
  /** The root of the Merkle tree over its chunks, 32 bytes: docs/protocol-4.md, "Files". */
  readonly digest: Bytes;
}

/** A file that will be stored. */
export interface NewFile {
  /** The name of the file. */
  readonly name: string;
  /** The size in bytes. A damaged version of this size is counted as one with the same content, which is not kept. */
  readonly size: number;
  /** The number of old versions to keep. */
  readonly keep: number;
  /** Names with an open upload, whose partial uploads do not count. */
  readonly open: readonly string[];
}

/** The usage of an account beside a new file. */
export interface UsageBeside extends Usage {
  /** The usage that the new file replaces. */
  readonly replaced: Usage;
}

/** Options of a commit. */
export interface CommitOptions {
  /** The quota of an account without its own, including this file. Old versions count with their bytes. */
  readonly quota?: Usage;
  /** The number of old versions to keep; 0 by default. */
  readonly keep?: number;
  /** The digests of its chunks, concatenated, for a file with a digest. */
  readonly chunks?: Bytes;
  /** The upload, if it was recorded as a partial upload. That record is removed. */
  readonly staged?: UploadId;
}

/** A committed file. */
export interface CommitResult {
  /** Its version. */
  readonly version: number;
  /** The blobs of discarded versions, which became garbage. */
  readonly garbage: readonly BlobId[];
}

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

/** A page of current files, by name. */
export interface FilePage {
  /** The prefix of the names. */
  readonly prefix?: string;
  /** The last name of the previous page. */
  readonly after?: string;
  /** The most files. */
  readonly limit: number;
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

/** The result of renaming a file. */
export type RenameResult = "renamed" | "missing" | "taken";

/**
 * The files of a catalog. Each method is one transaction. A page can be shorter than its limit; only an empty page is
 * the last.
 */
export interface Files {
  /**
   * Records a file as the current version of its name. Discards damaged versions with the same content, and the partial
   * upload of the file. Throws `CatalogRefusal`.
   */
  commit(file: CommittedFile, options?: CommitOptions): Promise<CommitResult>;
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
  /** A page of the versions of a file, newest first. */
  versions(owner: Bytes, name: string, page: VersionPage): Promise<StoredFile[]>;
  /** A page of the files and old versions of an account, by name and version. */
  listAll(owner: Bytes, page?: AllFilesPage): Promise<StoredFile[]>;
  /** At most `limit` files of all accounts after a blob, by blob. `undefined` begins. */
  scan(after: BlobId | undefined, limit: number): Promise<StoredFile[]>;
  /** Renames a file with its old versions; `taken` if the new name exists. Throws `CatalogRefusal` `name-conflict`. */
  rename(owner: Bytes, from: string, to: string): Promise<RenameResult>;
  /**
   * Removes a file with its old versions. Returns the ids of the blobs that became garbage, or `undefined` if the file
   * does not exist.
   */
  remove(owner: Bytes, name: string): Promise<BlobId[] | undefined>;
  /**
   * Deletes the row of one version. Its blob does not become garbage. A name that loses its current version has none
   * afterwards, even if old versions remain.
   */
  forget(id: BlobId): Promise<void>;
  /** Adds the digests of protocol 4 to a file, if it still exists and has none. */
  setDigests(id: BlobId, tree: FileDigest, chunks: Bytes): Promise<void>;
  /** Sets or clears the damage of a file. Returns whether that is a change. */
  setDamage(id: BlobId, damage: Damage | undefined): Promise<boolean>;
  /** The usage of an account, including partial uploads. With `beside`, without what that file would replace. */
  usage(owner: Bytes, beside?: NewFile): Promise<UsageBeside>;
}
