/**
 * What the server knows of clients and their files. Each method is one transaction: when its promise resolves, what
 * it did is on disk.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type {
  Account,
  AccountCatalog,
  KeyChange,
  RegisterAccount,
  SetPublicKey,
  StoredProfile,
  Usage,
} from "./accounts.ts";

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
  readonly path: string;
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

/** Why the catalog does not do what it is asked for. */
const REFUSALS = {
  "quota-bytes": "its owner may not have more bytes",
  "quota-files": "its owner may not have more files",
  "name-conflict": "its name is a folder of another file, or has a file for a folder",
  "account-disabled": "the account of its owner is disabled",
  "other-protocol": "the account of its owner has gone over to protocol 4",
} as const;

export type RefusalReason = keyof typeof REFUSALS;

export class CatalogRefusal extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(`Cannot store the file: ${REFUSALS[reason]}`);
    this.reason = reason;
  }
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
  readonly staged?: string;
}

export interface CheckpointOptions {
  /** How many uploads of a client are held. */
  readonly max: number;
  /** What their owner may have, this one included, where its operator has said nothing else. */
  readonly quota?: Usage;
}

export interface CommitResult {
  readonly version: number;
  /** The paths of what is not kept any more; they are orphans from now on. */
  readonly dropped: readonly string[];
}

/** A file, the digests of its chunks if it has a tree, and its content if the catalog keeps that. */
export interface WholeFile {
  readonly file: StoredFile;
  /** How many bytes all of them have, and the first page. */
  readonly chunks?: { readonly size: number; readonly first: Bytes };
  readonly content?: Bytes;
}

/** What is durably held of an upload that was broken off, or may be. */
export interface PartialUploadKey {
  readonly clientId: Bytes;
  readonly name: string;
  /** Of the staged file, relative to the data folder, with `/`. */
  readonly path: string;
  /** How many bytes of it, from the beginning on. */
  readonly held: number;
}

export interface PartialUpload extends PartialUploadKey {
  /** Of the whole file, as its client says. */
  readonly size: number;
  readonly mtime: number;
  /** The sums of the chunks that are held: `ChunkSums.encode`. */
  readonly sums: Bytes;
  readonly updatedAt: number;
}

/** Something that is put aside since it is not what was stored. */
export interface Repair {
  readonly path: string;
  /** Where it is moved, if there is anything to move. */
  readonly movedTo?: string | undefined;
  /** What is written down of it, a JSON object. */
  readonly record: string;
}

export type RenameResult = "renamed" | "missing" | "taken";

export interface Catalog extends AccountCatalog, AsyncDisposable {
  /** Whether the name is now registered under the id; `false` if another has it. */
  registerClient(registration: RegisterAccount): Promise<boolean>;
  /** `unknown` where the id is not the name's. */
  setPublicKey(change: SetPublicKey): Promise<KeyChange>;
  /** Forgets registrations without a key that were made before a time. */
  expireRegistrations(before: number): Promise<void>;
  findClient(id: Bytes): Promise<Account | undefined>;
  findClientByName(name: string): Promise<Account | undefined>;
  noteSeen(id: Bytes, now: number): Promise<void>;
  /** Nothing changes for an account of protocol 4. */
  setStoredProfile(id: Bytes, storedProfile: StoredProfile): Promise<void>;
  /** All clients, by name. */
  listClients(): Promise<Account[]>;

  /**
   * Lists a path as one that no file refers to, so that it is removed at the next start unless {@link commitFile}
   * takes it. Comes before a blob is moved to it.
   */
  addOrphan(path: string): Promise<void>;
  listOrphans(): Promise<string[]>;
  removeOrphan(path: string): Promise<void>;
  /**
   * Records a file as the current one of its name, in the next version. Damaged versions with the same content are
   * dropped. Throws `CatalogRefusal`.
   */
  storeFile(file: StoredFile, options?: StoreOptions): Promise<CommitResult>;
  /**
   * Records what is held of an upload, in place of what was held under its name; of more than `max` of a client the
   * oldest give way. Returns the paths that are nobody's from now on. Throws `CatalogRefusal`.
   */
  savePartial(partial: PartialUpload, options: CheckpointOptions): Promise<string[]>;
  findPartial(clientId: Bytes, name: string): Promise<PartialUpload | undefined>;
  /** Forgets what is held under a name, with a path only what is held there. Returns its path, if there was one. */
  dropPartial(clientId: Bytes, name: string, path?: string): Promise<string[]>;
  /** Up to `count` of all clients whose path comes behind `path`, by path: `""` begins. */
  listPartialsAfter(path: string, count: number): Promise<PartialUploadKey[]>;
  /** Up to `count` of all clients that were updated before a time, oldest first. */
  listPartialsBefore(time: number, count: number): Promise<PartialUploadKey[]>;
  /** Whether a staged file with this path is held. */
  knowsStaged(path: string): Promise<boolean>;
  /** What a client has stored, or sent in part. */
  usage(clientId: Bytes): Promise<Usage>;
  /** The same, as far as it is there beside a file that is to be stored. */
  usageBeside(clientId: Bytes, file: NewFile): Promise<UsageBeside>;
  /** The current file of a name, or, from 1 on, a version of it. */
  findFile(clientId: Bytes, name: string, version?: number): Promise<StoredFile | undefined>;
  /** Whether a file, in any version, has this path. */
  refersTo(path: string): Promise<boolean>;
  /**
   * The digests of the chunks of the file at a path, one behind the other, if it has a tree: a page of them from a byte on,
   * which is empty behind the last.
   */
  findChunks(path: string, from?: number): Promise<Bytes | undefined>;
  /** A file as `findFile` finds it, with what it takes to give it back. */
  findWhole(clientId: Bytes, name: string, version?: number): Promise<WholeFile | undefined>;
  /** All of the small file at a path, if the catalog keeps it. */
  findContent(path: string): Promise<Bytes | undefined>;
  /** Its bytes are counted, not read. */
  findContentSize(path: string): Promise<number | undefined>;
  /** Adds what protocol 4 keeps to the file at a path, if there still is one and it has none. */
  setTree(path: string, tree: FileDigest, chunks: Bytes): Promise<void>;
  /** Records the damage of the file at a path, or that it has none. Returns whether the catalog said otherwise before. */
  setDamage(path: string, damage: Damage | undefined): Promise<boolean>;
  /**
   * Up to `count` current files of a client whose names begin with `prefix` and come behind `after`, by name. As with all
   * pages of files, fewer come where they take more than `PAGE_BYTES`, and none where there are no more.
   */
  listFilesBelow(
    clientId: Bytes,
    prefix: string,
    after: string,
    count: number,
  ): Promise<StoredFile[]>;
  /** Up to `count` versions of a name below `before`, newest first: `Infinity` begins. */
  listVersions(
    clientId: Bytes,
    name: string,
    before: number,
    count: number,
  ): Promise<StoredFile[]>;
  /** Forgets a file with its old versions. Returns their paths, which are orphans from now on. */
  dropFile(clientId: Bytes, name: string): Promise<string[]>;
  /** Gives a file, with its old versions, another name that is free. Throws `CatalogRefusal` `name-conflict`. */
  renameFile(clientId: Bytes, oldName: string, newName: string): Promise<RenameResult>;
  /** Up to `count` files of a client behind one, by name, old versions too; the first where `after` is left out. */
  listFiles(
    clientId: Bytes,
    after?: Pick<StoredFile, "name" | "version">,
    count?: number,
  ): Promise<StoredFile[]>;
  /** Up to `count` files of all clients whose path comes behind `path`, by path: `""` begins. */
  listFilesAfter(path: string, count: number): Promise<StoredFile[]>;
  /** Whether a file or the list of orphans has this path. */
  knowsPath(path: string): Promise<boolean>;
  /**
   * Forgets the file at a path. What is there is not listed as an orphan. If the file was the current one its name has
   * none then, whatever older ones are kept.
   */
  removeFile(path: string): Promise<void>;
  /** Keeps a repair until it is ended. */
  beginRepair(repair: Repair): Promise<void>;
  /** Those that were begun and not ended. */
  listRepairs(): Promise<Repair[]>;
  /** Forgets a repair, and the file at its path as {@link removeFile} does, unless that `isBack`. */
  endRepair(path: string, options?: { readonly isBack: boolean }): Promise<void>;
  /** Forgets a client with its files and partial uploads, whose paths are orphans from now on. Returns these. */
  removeClient(id: Bytes): Promise<string[]>;
  /** What the database itself finds wrong with it; empty where all is well. */
  listFaults(): Promise<string[]>;
}
