/**
 * Events and results of a client.
 *
 * @module
 */
import type { Address } from "../protocol/address.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { Edition, RequestKind } from "../protocol/v3/editions/edition.ts";
import type { XferError } from "../protocol/errors.ts";
import type { Retry } from "./net/retry.ts";

/** A file on this machine. */
export interface LocalFile {
  /** As given by the user, or found below such a path. */
  readonly path: string;
  /** The last component of the path. */
  readonly name: string;
  /** In bytes, when it was inspected. */
  readonly size: number;
  /** When it was last modified, in milliseconds since the epoch; 0 if the system does not say. */
  readonly mtime: number;
}

/** The result of sending one file. */
export type Outcome = Stored | Failure;

/** The server has confirmed the file: it is on its disk. */
export interface Stored {
  /** Tells results apart. */
  readonly state: "stored";
  /** What was sent. */
  readonly file: LocalFile;
  /** POSIX cksum, on which both ends agree. */
  readonly crc: number;
}

/** The file is not stored, or nobody knows. */
export interface Failure {
  /**
   * `unknown`: the server was told to store the file and did not answer; `not-tried`: an earlier error ended the run
   * before this file.
   */
  readonly state: "not-stored" | "unknown" | "not-tried";
  /** Of the file, or of a folder that cannot be read: as given by the user, or found below such a path. */
  readonly path: string;
  /** Why. */
  readonly error: XferError;
}

/** Events of both protocols. */
export type CommonEvent =
  /** How much will be transferred; what the other end already has does not count. */
  | { readonly type: "planned"; readonly files: number; readonly bytes: number }
  | { readonly type: "sending"; readonly file: LocalFile; readonly attempt: number }
  /** `sent`: bytes of the plaintext sent in this attempt. */
  | {
    readonly type: "progress";
    readonly file: LocalFile;
    readonly sent: number;
    readonly attempt: number;
  }
  | Tightened;

/** A file with a private key was readable by others. Its permissions were changed. */
export interface Tightened {
  /** Tells events apart. */
  readonly type: "tightened";
  /** Of the file. */
  readonly path: string;
}

/** Others can write to the folder with the identity. */
export interface OpenFolder {
  /** Tells events apart. */
  readonly type: "openFolder";
  /** Of the folder. */
  readonly path: string;
}

/** Events of a client of protocol 3. Client ids have 16 bytes. */
export type V3Event =
  | CommonEvent
  /** The edition that the server was found to speak. */
  | { readonly type: "detected"; readonly edition: Edition; readonly certain: boolean }
  | { readonly type: "connected"; readonly server: Address }
  | { readonly type: "request"; readonly kind: RequestKind }
  | { readonly type: "registered"; readonly clientId: Bytes }
  | { readonly type: "keyReceived"; readonly clientId: Bytes }
  /** The server does not know this identity. `copy`: where a copy of it is kept, unless it was never used. */
  | { readonly type: "denied"; readonly clientId: Bytes; readonly copy: string | undefined }
  | {
    readonly type: "compared";
    readonly file: LocalFile;
    readonly attempt: number;
    readonly ours: number;
    readonly theirs: number;
    /** Whether they differ only because the server sends zlib's CRC-32. */
    readonly zlib: boolean;
  }
  | { readonly type: "stored"; readonly file: LocalFile; readonly crc: number }
  | { readonly type: "failed" } & Failure
  /** The network failed. The file is sent again after the delay. */
  | { readonly type: "retrying" } & Retry
  | OpenFolder;

/** Events of a client of protocol 4. Client ids have 16 bytes. */
export type V4Event =
  | CommonEvent
  | {
    readonly type: "connected";
    readonly server: Address;
    /** Of the server; `undefined` if it was verified by its name and a certificate authority. */
    readonly fingerprint: string | undefined;
    /** Whether it was unknown before. It is known from now on. */
    readonly isNew: boolean;
  }
  | { readonly type: "registered"; readonly clientId: Bytes }
  /** The account of protocol 3 in the folder is one of protocol 4 now. */
  | { readonly type: "claimed"; readonly clientId: Bytes }
  /** The server's operator has renamed the account. */
  | { readonly type: "renamed"; readonly from: string; readonly to: string }
  /** Local files are read to compare them with those on the server: `done` of `total` bytes. */
  | { readonly type: "comparing"; readonly done: number; readonly total: number }
  /** An interrupted upload resumes at `offset`. */
  | { readonly type: "resumed"; readonly file: LocalFile; readonly offset: number }
  /** The download of a file begins; again after a network failure, or when the file was replaced on the server. */
  | {
    readonly type: "getting";
    readonly name: string;
    /** Bytes to download. */
    readonly size: number;
    /** Bytes of these that an earlier attempt has downloaded. */
    readonly done: number;
    readonly attempt: number;
  }
  /** `done` of `size` bytes are downloaded and verified. */
  | {
    readonly type: "received";
    readonly name: string;
    readonly size: number;
    readonly done: number;
    readonly attempt: number;
  }
  /** An interrupted download resumes: `bytes` of `size` are here. */
  | {
    readonly type: "found-part";
    readonly name: string;
    readonly bytes: number;
    readonly size: number;
  }
  /** The server keeps the uploaded part of a file. A later run resumes. */
  | { readonly type: "left-part"; readonly file: LocalFile; readonly name: string }
  /** The partial download is kept at `path`. A later run resumes. */
  | { readonly type: "kept-part"; readonly name: string; readonly path: string };
