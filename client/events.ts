/**
 * What a client tells of its progress.
 *
 * @module
 */
import type { Address, Bytes, Edition, RequestKind, XferError } from "../protocol/mod.ts";
import type { SourceFile } from "./source_file.ts";

export type ClientEvent =
  /** What the server was found to speak. */
  | { readonly type: "detected"; readonly edition: Edition; readonly certain: boolean }
  | { readonly type: "connected"; readonly server: Address }
  | { readonly type: "request"; readonly kind: RequestKind }
  | { readonly type: "registered"; readonly clientId: Bytes }
  | { readonly type: "keyReceived"; readonly clientId: Bytes }
  /** The server does not know this identity; `copy` is where it is kept. */
  | { readonly type: "denied"; readonly clientId: Bytes; readonly copy: string }
  | { readonly type: "sending"; readonly file: SourceFile; readonly attempt: number }
  /** Bytes of the plaintext sent so far in this attempt. */
  | { readonly type: "progress"; readonly file: SourceFile; readonly sent: number }
  | {
    readonly type: "compared";
    readonly file: SourceFile;
    readonly attempt: number;
    readonly ours: number;
    readonly theirs: number;
  }
  | { readonly type: "stored"; readonly file: SourceFile; readonly crc: number }
  /** A file that is not stored; `tried` unless the run ended before it. */
  | {
    readonly type: "failed";
    readonly file: SourceFile;
    readonly error: XferError;
    readonly tried: boolean;
  };
