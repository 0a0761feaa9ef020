/**
 * What a client tells of its progress.
 *
 * @module
 */
import type { Address } from "../protocol/address.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { Edition, RequestKind } from "../protocol/v3/editions/edition.ts";
import type { XferError } from "../protocol/errors.ts";
import type { Retry } from "./net/retry.ts";
import type { SourceFile } from "./local/source_file.ts";

/** What came of a file. */
export type Outcome = Stored | Failure;

/** The server has confirmed the file. */
export interface Stored {
  readonly state: "stored";
  readonly file: SourceFile;
  /** The checksum that both ends agree on. */
  readonly crc: number;
}

/** No confirmation came. */
export interface Failure {
  /**
   * `unknown` where the server was told to store the file and did not answer; `not-tried` where the run ended before
   * the file, by the error of one before it.
   */
  readonly state: "not-stored" | "unknown" | "not-tried";
  /** As given by the user, or found below such a path: of a file, or of a folder that can't be read. */
  readonly path: string;
  readonly error: XferError;
}

/** What is told by either protocol. */
export type CommonEvent =
  /** There is so much to be sent, or to be got: what the other end has already is not counted. */
  | { readonly type: "planned"; readonly files: number; readonly bytes: number }
  | { readonly type: "sending"; readonly file: SourceFile; readonly attempt: number }
  /** Bytes of the plaintext sent so far in this attempt. */
  | {
    readonly type: "progress";
    readonly file: SourceFile;
    readonly sent: number;
    readonly attempt: number;
  }
  | Tightened;

/** A file with the private key could be read by others, and can't any more. */
export interface Tightened {
  readonly type: "tightened";
  readonly path: string;
}

/** Others can put identity files of theirs into the folder. */
export interface OpenFolder {
  readonly type: "openFolder";
  readonly path: string;
}

/** What is told by protocol 3. */
export type V3Event =
  | CommonEvent
  /** What the server was found to speak. */
  | { readonly type: "detected"; readonly edition: Edition; readonly certain: boolean }
  | { readonly type: "connected"; readonly server: Address }
  | { readonly type: "request"; readonly kind: RequestKind }
  | { readonly type: "registered"; readonly clientId: Bytes }
  | { readonly type: "keyReceived"; readonly clientId: Bytes }
  /** The server does not know this identity; `copy` is where it is kept, unless it never served. */
  | { readonly type: "denied"; readonly clientId: Bytes; readonly copy: string | undefined }
  | {
    readonly type: "compared";
    readonly file: SourceFile;
    readonly attempt: number;
    readonly ours: number;
    readonly theirs: number;
    /** Whether they differ only because the server's is zlib's CRC-32 of the file. */
    readonly zlib: boolean;
  }
  | { readonly type: "stored"; readonly file: SourceFile; readonly crc: number }
  | { readonly type: "failed" } & Failure
  /** The network has failed; the file at hand is sent again after the delay. */
  | { readonly type: "retrying" } & Retry
  | OpenFolder;

/** What is told by protocol 4. */
export type V4Event =
  | CommonEvent
  | {
    readonly type: "connected";
    readonly server: Address;
    /** `undefined` where an authority vouches for the server's name. */
    readonly fingerprint: string | undefined;
    /** Whether it was not known by that before, and is from now on. */
    readonly isNew: boolean;
  }
  | { readonly type: "registered"; readonly clientId: Bytes }
  /** The account of protocol 3 is one of protocol 4 now. */
  | { readonly type: "claimed"; readonly clientId: Bytes }
  /** The server's operator has given the account another name. */
  | { readonly type: "renamed"; readonly from: string; readonly to: string }
  /** Of what is here so many bytes were compared with what the server has, or are read to be; `total` is all of it. */
  | { readonly type: "comparing"; readonly done: number; readonly total: number }
  /** The server holds a part of the file, from an upload that was broken off: it goes on from there. */
  | { readonly type: "resumed"; readonly file: SourceFile; readonly offset: number }
  /** It is known what a file is that is to be got; comes again where the network has failed, or the file was replaced. */
  | {
    readonly type: "getting";
    readonly name: string;
    /** Bytes that are wanted of it. */
    readonly size: number;
    /** Bytes of those that are here from an attempt before. */
    readonly done: number;
    readonly attempt: number;
  }
  /** So many bytes of those that are wanted are here, and what was stored. */
  | {
    readonly type: "received";
    readonly name: string;
    readonly size: number;
    readonly done: number;
    readonly attempt: number;
  }
  /** So much of a file that is to be got is here, from a run that was broken off: it goes on from there. */
  | {
    readonly type: "found-part";
    readonly name: string;
    readonly bytes: number;
    readonly size: number;
  }
  /** What the server has got of a file, it keeps: a later run goes on from there. */
  | { readonly type: "left-part"; readonly file: SourceFile; readonly name: string }
  /** What has come of a file is kept for a later run. */
  | { readonly type: "kept-part"; readonly name: string; readonly path: string };
