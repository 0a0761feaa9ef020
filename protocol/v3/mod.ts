/**
 * Protocol 3 without sockets: messages as values and bytes, the sessions of both ends, the cipher, the checksums, the
 * published editions and the quirks of their implementations. For other implementations and for tests of one.
 * The specification is docs/protocol-3.md.
 *
 * Every number on the wire is little endian. Nothing here opens a socket or a file: bytes go in and come out.
 *
 * @example A registration as bytes
 * ```ts
 * import assert from "node:assert/strict";
 * import { edition2023c, encodeRequest, encodeTextField } from "@xfer/xfer/protocol/v3";
 *
 * const bytes = encodeRequest(edition2023c, {
 *   kind: "register",
 *   clientId: new Uint8Array(16),
 *   name: encodeTextField("Alice", 255)!,
 * });
 * assert(bytes.length === 23 + 255);
 * ```
 *
 * @module
 */
export type { Bytes } from "../bytes.ts";
export { CbcDecryptor, CbcEncryptor, ciphertextSize, importAesKey } from "../cipher/aes_cbc.ts";
export {
  generatePrivateKey,
  PUBLIC_KEY_SIZE,
  publicKeyOf,
  unwrapKey,
  wrapKey,
  WRAPPED_KEY_SIZE,
} from "../cipher/rsa.ts";
export { Cksum, cksum } from "../crc/cksum.ts";
export { ZlibCrc } from "../crc/zlib.ts";
export {
  type ErrorCategory,
  type ErrorDetails,
  IntegrityError,
  NetworkError,
  ProtocolError,
  RefusedError,
  UnconfirmedError,
  XferError,
} from "../errors.ts";
export { nameFault } from "../file_name.ts";
export {
  CLIENT_ID_SIZE,
  decodeRequestHeader,
  decodeResponseHeader,
  REQUEST_HEADER_SIZE,
  type RequestHeader,
  RESPONSE_HEADER_SIZE,
  type ResponseHeader,
} from "../header.ts";
export {
  type Edition,
  type FieldName,
  FIELDS,
  fixedSize,
  hasPackets,
  type Layout,
  type RequestKind,
  type RequestLayout,
  type ResponseKind,
  type ResponseLayout,
} from "./editions/edition.ts";
export {
  DEFAULT_EDITION,
  DEFAULT_SERVED,
  edition2022,
  edition2023a,
  edition2023c,
  edition2024,
  edition2024early,
  EDITIONS,
  findEdition,
} from "./editions/mod.ts";
export { isQuirk, NO_QUIRKS, type Quirk, QUIRKS, type Quirks } from "./editions/quirks.ts";
export { upload } from "./client_session.ts";
export { maxFileSize, type OutgoingFile, type Part, partsOf, trailerSize } from "./file_parts.ts";
export {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type FileReceived,
  type FromClient,
  type Request,
  type RequestOptions,
  type Response,
  type SendFile,
} from "./messages.ts";
export { inPieces, PiecesDecryptor, PiecesEncryptor } from "./pieces_cipher.ts";
export { type ClientKey, reconnect, register, type Registration } from "./registration.ts";
export { ResponseReader } from "./response_reader.ts";
export {
  aesKeySize,
  type Profile,
  type Reply,
  type ServerEvent,
  ServerSession,
} from "./server_session.ts";
export type { SessionSteps, Step, StepResult } from "./session_steps.ts";
export { storedName } from "./stored_name.ts";
export { decodeTextField, encodeTextField } from "./text_field.ts";
