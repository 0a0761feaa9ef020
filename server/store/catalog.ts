/**
 * What the server knows of clients and their files. Each method is one transaction: when its promise resolves, what
 * it did is on disk.
 *
 * @module
 */
import type { Bytes } from "../../protocol/mod.ts";

export interface Client {
  /** 16 bytes. */
  readonly id: Bytes;
  readonly name: string;
  /** SubjectPublicKeyInfo; `undefined` until the key exchange. */
  readonly publicKey: Bytes | undefined;
  /** Milliseconds since the epoch, as all times here. */
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly speech: Speech;
}

/** How a client speaks, in names: those of editions and habits that this version does not know are kept. */
export interface Speech {
  readonly edition: string;
  readonly habits: readonly string[];
}

export interface StoredFile {
  readonly clientId: Bytes;
  readonly name: string;
  /** From 1 on, for each name; a file that is to be stored gets the next one. */
  readonly version?: number;
  /** Whether it is what its name stands for, not one that was replaced; so without. */
  readonly current?: boolean;
  /** Where the blob is, relative to the data folder, with `/`. */
  readonly path: string;
  /** Bytes of the plaintext. */
  readonly size: number;
  /** POSIX cksum of the plaintext. */
  readonly crc: number;
  readonly storedAt: number;
  /** Whether client and server agreed on the checksum. */
  readonly verified: boolean;
  /** What protocol 4 keeps besides. */
  readonly tree?: Tree;
}

export interface Tree {
  /** When the client's file was changed last. */
  readonly mtime: number;
  /** Of the whole, 32 bytes: docs/protocol-4.md, "Files". */
  readonly digest: Bytes;
}

/** The edition that stands for protocol 4 with an account: it has keys of its own, and protocol 3 has no way to it. */
export const PROTOCOL_4 = "4";

export interface RegisterKey {
  readonly id: Bytes;
  readonly name: string;
  /** Ed25519, 32 bytes. */
  readonly key: Bytes;
  readonly now: number;
  /** A registration by protocol 3 without a key gives way if it was made before this time. */
  readonly expiredBefore: number;
}

/** What a client has stored, or may have. */
export interface Usage {
  readonly bytes: number;
  readonly files: number;
}

/** Why the catalog does not do what it is asked for. */
const REFUSALS = {
  "quota-bytes": "its owner may not have more bytes",
  "quota-files": "its owner may not have more files",
  "name-conflict": "its name is a folder of another file, or has a file for a folder",
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
  /** What its owner may have, this file included; old versions count their bytes. */
  readonly quota?: Usage;
  /** How many of the files that it replaces, one after another, are kept; 0 without. */
  readonly keep?: number;
  /** The digests of its chunks, of a file with a tree. */
  readonly chunks?: Bytes;
}

export interface Recorded {
  readonly version: number;
  /** The paths of what is not kept any more; they are orphans from now on. */
  readonly dropped: readonly string[];
}

export type Renamed = "renamed" | "missing" | "taken";

export interface RegisterClient {
  readonly id: Bytes;
  readonly name: string;
  readonly now: number;
  readonly speech: Speech;
  /** A registration without a key gives way if it was made before this time … */
  readonly expiredBefore: number;
  /** … or has one of these ids, by which the client has shown that it is its own. */
  readonly claimedIds: readonly Bytes[];
}

export interface SetPublicKey {
  readonly id: Bytes;
  readonly name: string;
  readonly publicKey: Bytes;
  readonly now: number;
  readonly speech: Speech;
  /** A registration made before this time no longer takes a key. */
  readonly expiredBefore: number;
  /**
   * The id that the client had before `id` was reserved for `name`, where it was. `id` may become the name's if that is
   * free, or its registration without a key has expired or is under this id.
   */
  readonly reservedFor?: Bytes | undefined;
}

export interface Catalog extends AsyncDisposable {
  /** Whether the name is now registered under the id; `false` if another has it. */
  registerClient(registration: RegisterClient): Promise<boolean>;
  /** `unknown` where the id is not the name's. */
  setPublicKey(change: SetPublicKey): Promise<"unknown" | "set" | "replaced">;
  /**
   * Registers a name by protocol 4, with its first key, and returns the id of its account: another than the one that was
   * offered where the key has the name already. `undefined` if the name is another's.
   */
  registerKey(registration: RegisterKey): Promise<Bytes | undefined>;
  /** The client, if the key is one of its own. */
  findKeyHolder(id: Bytes, key: Bytes): Promise<Client | undefined>;
  /** Forgets registrations without a key that were made before a time. */
  expireRegistrations(before: number): Promise<void>;
  findClient(id: Bytes): Promise<Client | undefined>;
  findClientByName(name: string): Promise<Client | undefined>;
  noteSeen(id: Bytes, now: number): Promise<void>;
  noteSpeech(id: Bytes, speech: Speech): Promise<void>;
  /** All clients, by name. */
  listClients(): Promise<Client[]>;

  /**
   * Lists a path as one that no file refers to, so that it is removed at the next start unless {@link storeFile}
   * takes it. Comes before a blob is moved to it.
   */
  addOrphan(path: string): Promise<void>;
  addOrphans(paths: readonly string[]): Promise<void>;
  listOrphans(): Promise<string[]>;
  removeOrphan(path: string): Promise<void>;
  /**
   * Records a file as the current one of its name, in the next version. Throws `CatalogRefusal`.
   */
  storeFile(file: StoredFile, options?: StoreOptions): Promise<Recorded>;
  /** What a client has stored, under other names than this one. */
  usage(clientId: Bytes, exceptName?: string): Promise<Usage>;
  /** The current file of a name, or, from 1 on, a version of it. */
  findFile(clientId: Bytes, name: string, version?: number): Promise<StoredFile | undefined>;
  /** The digests of a file's chunks, one behind the other, if it has a tree and still this path. */
  findChunks(file: StoredFile): Promise<Bytes | undefined>;
  /** Up to `count` current files of a client whose names begin with `prefix` and come behind `after`, by name. */
  listFilesBelow(
    clientId: Bytes,
    prefix: string,
    after: string,
    count: number,
  ): Promise<StoredFile[]>;
  /** The current file of a name, and the older ones that are kept, newest first. */
  listVersions(clientId: Bytes, name: string): Promise<StoredFile[]>;
  /** Forgets a file with its old versions. Returns their paths, which are orphans from now on. */
  dropFile(clientId: Bytes, name: string): Promise<string[]>;
  /** Gives a file, with its old versions, another name that is free. Throws `CatalogRefusal` `name-conflict`. */
  renameFile(clientId: Bytes, oldName: string, newName: string): Promise<Renamed>;
  /** A client's files, by name, old versions too. */
  listFiles(clientId: Bytes): Promise<StoredFile[]>;
  /** Up to `count` files of all clients whose path comes behind `path`, by path: `""` begins. */
  listFilesAfter(path: string, count: number): Promise<StoredFile[]>;
  /** Whether a file or the list of orphans has this path. */
  knowsPath(path: string): Promise<boolean>;
  /** Forgets a file, if it still has this path. What is at the path is not listed as an orphan. */
  removeFile(file: StoredFile): Promise<void>;
  /** Forgets a client with its files, whose paths are orphans from now on. Returns these. */
  removeClient(id: Bytes): Promise<string[]>;
  /** What the database itself finds wrong with it; empty where all is well. */
  listFaults(): Promise<string[]>;
}
