/**
 * What a client tells of its progress.
 *
 * @module
 */
import type { Address, Bytes, Edition, RequestKind, XferError } from "../protocol/mod.ts";
import type { Retry } from "./retry.ts";
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
  /** A file with the private key could be read by others, and can't any more. */
  | { readonly type: "tightened"; readonly path: string };

export type ClientEvent =
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
  /** Others can put identity files of theirs into the folder. */
  | { readonly type: "openFolder"; readonly path: string };
