/**
 * Files: the current one of each name, and the versions before it that are kept.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { BlobId, UploadId } from "../blobs/blob_store.ts";
import type { Usage } from "./accounts.ts";

/** How the content of a file is damaged: it is missing, or has another size or other bytes. */
export type Damage = "missing" | "size" | "content";

/** Where the content of a file is: in the catalog if it is small, else in the blob store. */
export type StoredContent =
  | { readonly kind: "inline"; readonly id: BlobId }
  | { readonly kind: "blob"; readonly id: BlobId };

/** The content of a file that is committed: a finished blob, or bytes that the catalog is to keep. */
export type NewContent =
  | { readonly kind: "inline"; readonly id: BlobId; readonly bytes: Bytes }
  | { readonly kind: "blob"; readonly id: BlobId };

/** A version of a file. Times are in milliseconds since the epoch. */
export interface StoredFile {
  /** Its owner, 16 bytes. */
  readonly accountId: Bytes;
  /** Its name, a relative path with `/`. */
  readonly name: string;
  /** From 1, for each name; a new file gets the next one. */
  readonly version?: number;
  /** Whether it is the current version of its name, and not an old one; `true` by default. */
  readonly current?: boolean;
  /** Where its content is. */
  readonly content: StoredContent;
  /** In bytes. */
  readonly size: number;
  /** POSIX cksum. */
  readonly crc: number;
  /** When it was stored. */
  readonly storedAt: number;
  /** Whether client and server agreed on the checksum. */
  readonly verified: boolean;
  /** What protocol 4 adds; missing for files of protocol 3 until protocol 4 first reads them. */
  readonly tree?: FileDigest;
  /** Damage that was found in it. */
  readonly damage?: Damage;
}

/** A file to commit; the catalog gives it its version. */
export interface CommittedFile extends Omit<StoredFile, "content"> {
  /** Its content. */
  readonly content: NewContent;
}

/** What protocol 4 knows of a file. */
export interface FileDigest {
  /** When the client's file was last modified, in milliseconds since the epoch. */
  readonly mtime: number;
  /** Root of the Merkle tree over its chunks, 32 bytes: docs/protocol-4.md, "Files". */
  readonly digest: Bytes;
}

/** A file to be stored. */
export interface NewFile {
  /** Its name. */
  readonly name: string;
  /** In bytes. A damaged version of this size counts as one with the same content, which is not kept. */
  readonly size: number;
  /** How many old versions are kept. */
  readonly keep: number;
  /** Names with an open upload, whose partial uploads do not count. */
  readonly open: readonly string[];
}

/** What an account has stored beside a new file. */
export interface UsageBeside extends Usage {
  /** What the new file replaces. */
  readonly replaced: Usage;
}

/** How to commit a file. */
export interface CommitOptions {
  /** The quota of an owner who has none of its own, this file included; old versions count their bytes. */
  readonly quota?: Usage;
  /** How many old versions are kept; 0 by default. */
  readonly keep?: number;
  /** The digests of its chunks, concatenated, for a file with a tree. */
  readonly chunks?: Bytes;
  /** Its upload, if that was recorded as a partial upload: its record is removed. */
  readonly staged?: UploadId;
}

/** A committed file. */
export interface CommitResult {
  /** Its version. */
  readonly version: number;
  /** The blobs of versions that are no longer kept: they became garbage. */
  readonly garbage: readonly BlobId[];
}

/** Which version, and how much of it. */
export interface FileQuery {
  /** From 1; the current version by default. */
  readonly version?: number | undefined;
  /** `all`: also what is needed to send the file; `row` by default. */
  readonly want?: "row" | "all";
}

/** A file, with what was asked for. */
export interface FoundFile extends StoredFile {
  /** With `all`, for a file with a tree: the bytes of all digests of its chunks, and the first page of them. */
  readonly chunks?: { readonly size: number; readonly first: Bytes };
  /** With `all`: the content, if the catalog keeps it. */
  readonly bytes?: Bytes;
}

/** A page of current files, by name. */
export interface FilePage {
  /** What the names begin with. */
  readonly prefix?: string;
  /** The last name of the page before. */
  readonly after?: string;
  /** The most files. */
  readonly limit: number;
}

/** A page of versions, newest first. */
export interface VersionPage {
  /** The last version of the page before. */
  readonly before?: number;
  /** The most versions. */
  readonly limit: number;
}

/** A page of files with their old versions, by name and version. */
export interface AllFilesPage {
  /** The last file of the page before. */
  readonly after?: Pick<StoredFile, "name" | "version"> | undefined;
  /** The most files; one page by default. */
  readonly limit?: number;
}

/** What came of renaming a file. */
export type RenameResult = "renamed" | "missing" | "taken";

/**
 * The files of a catalog. Each method is one transaction. A page may be shorter than its limit; only an empty one is
 * the last.
 */
export interface Files {
  /**
   * Records a file as the current one of its name, in the next version. Drops damaged versions with the same content,
   * and the partial upload that it came from. Throws `CatalogRefusal`.
   */
  commit(file: CommittedFile, options?: CommitOptions): Promise<CommitResult>;
  /** The current file of a name, or a version of it. */
  find(owner: Bytes, name: string, options?: FileQuery): Promise<FoundFile | undefined>;
  /**
   * A page of the digests of a file's chunks, one after the other, from byte `from` on; empty after the last. Returns
   * `undefined` for a file without a tree.
   */
  chunkDigests(id: BlobId, from?: number): Promise<Bytes | undefined>;
  /** The content of a small file, if the catalog keeps it. */
  content(id: BlobId): Promise<Bytes | undefined>;
  /** The size of that content in bytes, counted and not read. */
  contentSize(id: BlobId): Promise<number | undefined>;
  /** A page of the current files of an account, by name. */
  list(owner: Bytes, page: FilePage): Promise<StoredFile[]>;
  /** A page of the versions of a file, newest first. */
  versions(owner: Bytes, name: string, page: VersionPage): Promise<StoredFile[]>;
  /** A page of the files and old versions of an account, by name and version. */
  listAll(owner: Bytes, page?: AllFilesPage): Promise<StoredFile[]>;
  /** Up to `limit` files of all owners after a blob, by blob: `undefined` begins. */
  scan(after: BlobId | undefined, limit: number): Promise<StoredFile[]>;
  /** Renames a file with its old versions; `taken` if the new name exists. Throws `CatalogRefusal` `name-conflict`. */
  rename(owner: Bytes, from: string, to: string): Promise<RenameResult>;
  /**
   * Removes a file with its old versions. Returns the ids of the blobs that became garbage, or `undefined` if there is no
   * such file.
   */
  remove(owner: Bytes, name: string): Promise<BlobId[] | undefined>;
  /**
   * Removes the row of one version; its blob does not become garbage. A name that loses its current version has no current
   * one then, even if old versions are kept.
   */
  forget(id: BlobId): Promise<void>;
  /** Adds the digests of protocol 4 to a file, if it is still there and has none. */
  setDigests(id: BlobId, tree: FileDigest, chunks: Bytes): Promise<void>;
  /** Records the damage of a file, or that it has none. Returns whether that is a change. */
  setDamage(id: BlobId, damage: Damage | undefined): Promise<boolean>;
  /** What an account has stored and partially uploaded; with `beside`, without what that file would replace. */
  usage(owner: Bytes, beside?: NewFile): Promise<UsageBeside>;
}
