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

/** A file is not stored since its owner would have more than he may. */
export class QuotaExceeded extends Error {
  readonly of: keyof Usage;

  constructor(of: keyof Usage) {
    super(`Cannot store the file: its owner may not have more ${of}`);
    this.of = of;
  }
}

/** A file is not stored since its name is the folder of another file, or the other way about. */
export class NameConflict extends Error {
  constructor() {
    super(
      "Cannot store the file: its name is a folder of another file, or has a file for a folder",
    );
  }
}

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
  /** Whether the name is now registered by protocol 4 under the id, with its first key; `false` if another has it. */
  registerKey(registration: RegisterKey): Promise<boolean>;
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
  listOrphans(): Promise<string[]>;
  removeOrphan(path: string): Promise<void>;
  /**
   * Records a file, in place of the client's one of the same name. Returns the path of the one replaced, which is
   * an orphan from now on. `chunks` are the digests of its chunks, of a file with a tree. Throws `QuotaExceeded`, and
   * `NameConflict` where its name is a folder of another's, or the other way about.
   */
  storeFile(file: StoredFile, quota?: Usage, chunks?: Bytes): Promise<string | undefined>;
  /** What a client has stored under other names than this one. */
  usage(clientId: Bytes, exceptName: string): Promise<Usage>;
  findFile(clientId: Bytes, name: string): Promise<StoredFile | undefined>;
  /** The digests of a file's chunks, one behind the other, if it has a tree and still this path. */
  findChunks(file: StoredFile): Promise<Bytes | undefined>;
  /** Up to `count` files of a client whose names begin with `prefix` and come behind `after`, by name. */
  listFilesBelow(
    clientId: Bytes,
    prefix: string,
    after: string,
    count: number,
  ): Promise<StoredFile[]>;
  /** Forgets a file. Returns its path, which is an orphan from now on; `undefined` where there was none. */
  dropFile(clientId: Bytes, name: string): Promise<string | undefined>;
  /** Gives a file another name that is free. Throws `NameConflict`. */
  renameFile(
    clientId: Bytes,
    oldName: string,
    newName: string,
  ): Promise<"renamed" | "missing" | "taken">;
  /** A client's files, by name. */
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
