/**
 * Files: the current one of each name, and the versions before it that are kept.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { BlobId, UploadId } from "../blobs/blob_store.ts";
import type { Usage } from "./accounts.ts";

/** How the blob of a file differs from what was stored: there is none, or it has another size or other bytes. */
export type Damage = "missing" | "size" | "content";

export interface StoredFile {
  readonly clientId: Bytes;
  readonly name: string;
  /** From 1 on, for each name; a file that is to be stored gets the next one. */
  readonly version?: number;
  /** Whether it is what its name stands for, not one that was replaced; so without. */
  readonly current?: boolean;
  /** Where the blob is, relative to the data folder, with `/`; or what the catalog keeps a small one under. */
  readonly path: BlobId;
  /** Bytes of the plaintext. */
  readonly size: number;
  /** POSIX cksum of the plaintext. */
  readonly crc: number;
  readonly storedAt: number;
  /** Whether client and server agreed on the checksum. */
  readonly verified: boolean;
  /** What protocol 4 keeps besides. */
  readonly tree?: FileDigest;
  /** The damage that was found in it; none in a sound file. */
  readonly damage?: Damage;
}

export interface FileDigest {
  /** When the client's file was changed last. */
  readonly mtime: number;
  /** Of the whole, 32 bytes: docs/protocol-4.md, "Files". */
  readonly digest: Bytes;
}

/** A file that is to be stored. */
export interface NewFile {
  readonly name: string;
  /** Its bytes: a damaged version that has as many is taken for one with the same content, which is not kept. */
  readonly size: number;
  /** How many of the files that it replaces, one after another, are kept. */
  readonly keep: number;
  /** Names under which uploads are open: what is held of them is not counted. */
  readonly open: readonly string[];
}

/** What a client has besides a file that is to be stored, and what goes for that. */
export interface UsageBeside extends Usage {
  readonly replaced: Usage;
}

export interface StoreOptions {
  /**
   * What its owner may have, this file included, where its operator has said nothing else; old versions count their
   * bytes.
   */
  readonly quota?: Usage;
  /** How many of the files that it replaces, one after another, are kept; 0 without. */
  readonly keep?: number;
  /** The digests of its chunks, of a file with a tree. */
  readonly chunks?: Bytes;
  /** All of a small file, which the catalog keeps. */
  readonly content?: Bytes;
  /** Where it was staged, where that was recorded as a partial upload: it is none any more. */
  readonly staged?: UploadId;
}

export interface CommitResult {
  readonly version: number;
  /** The blobs of versions that are not kept: they became garbage. */
  readonly garbage: readonly BlobId[];
}

export interface FileQuery {
  /** From 1 on; without, the current file. */
  readonly version?: number | undefined;
  /** With `all`, what it takes to send the file comes with its row. */
  readonly want?: "row" | "all";
}

export interface FoundFile extends StoredFile {
  /** With `all`: the digests of the chunks of a file with a tree; how many bytes all of them have, and the first page. */
  readonly chunks?: { readonly size: number; readonly first: Bytes };
  /** With `all`: the content, if the catalog keeps it. */
  readonly bytes?: Bytes;
}

/** A page of current files, by name. */
export interface FilePage {
  /** Names begin with it. */
  readonly prefix?: string;
  /** The last name of the page before. */
  readonly after?: string;
  readonly limit: number;
}

/** A page of versions, newest first. */
export interface VersionPage {
  /** The last version of the page before. */
  readonly before?: number;
  readonly limit: number;
}

/** A page of files with their old versions, by name and version. */
export interface AllFilesPage {
  /** The last file of the page before. */
  readonly after?: Pick<StoredFile, "name" | "version"> | undefined;
  readonly limit?: number;
}

export type RenameResult = "renamed" | "missing" | "taken";

/** Pages end early at `PAGE_BYTES`; only an empty one is the last. */
export interface Files {
  /**
   * Records a file as the current one of its name, in the next version. Drops damaged versions with the same content,
   * and the partial upload that it came from. Throws `CatalogRefusal`.
   */
  commit(file: StoredFile, options?: StoreOptions): Promise<CommitResult>;
  /** The current file of a name, or a version of it. */
  find(owner: Bytes, name: string, options?: FileQuery): Promise<FoundFile | undefined>;
  /**
   * A page of the digests of a file's chunks, one after the other, from byte `from` on; empty after the last. Returns
   * `undefined` for a file without a tree.
   */
  chunkDigests(path: BlobId, from?: number): Promise<Bytes | undefined>;
  /** The content of a small file, if the catalog keeps it. */
  content(path: BlobId): Promise<Bytes | undefined>;
  /** The size of that content in bytes, counted and not read. */
  contentSize(path: BlobId): Promise<number | undefined>;
  list(owner: Bytes, page: FilePage): Promise<StoredFile[]>;
  versions(owner: Bytes, name: string, page: VersionPage): Promise<StoredFile[]>;
  listAll(owner: Bytes, page?: AllFilesPage): Promise<StoredFile[]>;
  /** Up to `limit` files of all owners after a blob, by blob: `undefined` begins. */
  scan(after: BlobId | undefined, limit: number): Promise<StoredFile[]>;
  /** Gives a file, with its old versions, another name that is free. Throws `CatalogRefusal` `name-conflict`. */
  rename(owner: Bytes, from: string, to: string): Promise<RenameResult>;
  /**
   * Removes a file with its old versions. Returns the ids of the blobs that became garbage, or `undefined` if there is no
   * such file.
   */
  remove(owner: Bytes, name: string): Promise<BlobId[] | undefined>;
  /**
   * Removes the row of one version; its blob does not become garbage. A name that loses its current file so has none,
   * whatever older versions are kept.
   */
  forget(path: BlobId): Promise<void>;
  /** Adds the digests of protocol 4 to a file, if it is still there and has none. */
  setDigests(path: BlobId, tree: FileDigest, chunks: Bytes): Promise<void>;
  /** Records the damage of a file, or that it has none. Returns whether that is a change. */
  setDamage(path: BlobId, damage: Damage | undefined): Promise<boolean>;
  /** What an account has stored and sent in part; beside a new file, as far as that file replaces none of it. */
  usage(owner: Bytes, beside?: NewFile): Promise<UsageBeside>;
}
