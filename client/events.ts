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
  /** As named by the user, or found in a folder that the user named. */
  readonly path: string;
  /** The last component of the path. */
  readonly name: string;
  /** In bytes, when it was inspected. */
  readonly size: number;
  /** The time of its last modification, in nanoseconds since the epoch; 0 if the system does not say. */
  readonly mtime: bigint;
}

/** The result of uploading one file. */
export type Outcome = Stored | Failure;

/** The server has confirmed that the file is on its disk. */
export interface Stored {
  /** Tells results apart. */
  readonly state: "stored";
  /** The file as it was sent. */
  readonly file: LocalFile;
  /** POSIX cksum, on which both ends agree. */
  readonly crc: number;
}

/** The file is not stored, or the server did not confirm it. */
export interface Failure {
  /**
   * `unknown`: the server was asked to store the file and did not answer; `not-tried`: an earlier error ended the run
   * before this file.
   */
  readonly state: "not-stored" | "unknown" | "not-tried";
  /**
   * The path of the file, or of a folder that cannot be read: as named by the user, or found in a folder that the user
   * named.
   */
  readonly path: string;
  /** The reason. */
  readonly error: XferError;
}

/** Events of both protocols. */
export type CommonEvent =
  /** The number of files and bytes to transfer. Content that the other end already has does not count. */
  | { readonly type: "planned"; readonly files: number; readonly bytes: number }
  | { readonly type: "sending"; readonly file: LocalFile; readonly attempt: number }
  /** `sent`: plaintext bytes sent in this attempt. */
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
  /** The path of the file. */
  readonly path: string;
}

/** Others can write to the folder with the identity. */
export interface OpenFolder {
  /** Tells events apart. */
  readonly type: "openFolder";
  /** The path of the folder. */
  readonly path: string;
}

/** Events of a client over protocol 3. Client ids have 16 bytes. */
export type V3Event =
  | CommonEvent
  /** The edition of the server, as detected. */
  | { readonly type: "detected"; readonly edition: Edition; readonly certain: boolean }
  | { readonly type: "connected"; readonly server: Address }
  | { readonly type: "request"; readonly kind: RequestKind }
  | { readonly type: "registered"; readonly clientId: Bytes }
  | { readonly type: "keyReceived"; readonly clientId: Bytes }
  /**
   * The server does not know this identity. `copy`: the path of its copy; `undefined` if the identity was never used.
   */
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

/** Events of a client over protocol 4. Client ids have 16 bytes. */
export type V4Event =
  | CommonEvent
  | {
    readonly type: "connected";
    readonly server: Address;
    /** The server's fingerprint; `undefined` if the server was verified by its name and a certificate authority. */
    readonly fingerprint: string | undefined;
    /** Whether the server was unknown before. It is in `known_servers` now. */
    readonly isNew: boolean;
  }
  | { readonly type: "registered"; readonly clientId: Bytes }
  /** The account in the folder moved from protocol 3 to protocol 4. */
  | { readonly type: "claimed"; readonly clientId: Bytes }
  /** The server's operator has renamed the account. */
  | { readonly type: "renamed"; readonly from: string; readonly to: string }
  /** Local files are read, to compare them with those on the server: `done` of `total` bytes. */
  | { readonly type: "comparing"; readonly done: number; readonly total: number }
  /** `sent` bytes of a stream of unknown size were sent. */
  | { readonly type: "streaming"; readonly name: string; readonly sent: number }
  /** An interrupted upload resumes at `offset`. */
  | { readonly type: "resumed"; readonly file: LocalFile; readonly offset: number }
  /**
   * The download of a file begins. Emitted again after a network failure, or if the file was replaced on the server.
   */
  | {
    readonly type: "getting";
    readonly name: string;
    /** Bytes to download. */
    readonly size: number;
    /** Bytes that an earlier attempt has already downloaded. */
    readonly done: number;
    readonly attempt: number;
  }
  /** `done` of `size` bytes were downloaded and verified. */
  | {
    readonly type: "received";
    readonly name: string;
    readonly size: number;
    readonly done: number;
    readonly attempt: number;
  }
  /** An interrupted download resumes: `bytes` of `size` are in the partial download. */
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
