/**
 * Protocol 4 without sockets: frames and messages, the order of messages, digests, checksums, signatures,
 * fingerprints and tokens. For other implementations and for tests of one. The specification is
 * docs/protocol-4.md; docs/protocol-4-vectors.json has values to compare with.
 *
 * Every number on the wire is little endian. Nothing here opens a socket or a file: bytes go in and come out.
 *
 * @example Read frames from bytes that arrive in any pieces
 * ```ts
 * import assert from "node:assert/strict";
 * import { encodeMessage, FrameReader } from "@xfer/xfer/protocol/v4";
 *
 * const frame = encodeMessage({ kind: "list", tag: 1, prefix: "photos/", scope: "below" });
 * const reader = new FrameReader("client");
 * reader.push(frame.slice(0, 4));
 * assert(reader.next() === undefined);
 * reader.push(frame.slice(4));
 * const message = reader.next();
 * assert(message?.kind === "list" && message.prefix === "photos/");
 * ```
 *
 * @module
 */
export { type Address, formatAddress, parseAddress } from "../address.ts";
export type { Bytes } from "../bytes.ts";
export { Cksum, cksum } from "../crc/cksum.ts";
export { combine } from "../crc/combine.ts";
export {
  ENTRY_KINDS,
  type EntryKind,
  entrySizeFault,
  linkTarget,
  LIST_SCOPES,
  type ListScope,
  MAX_LINK_TARGET,
  MODE_BITS,
} from "../entry.ts";
export { type ErrorCategory, type ErrorDetails, ProtocolError, XferError } from "../errors.ts";
export {
  BUSY,
  decodeHelloAnswer,
  encodeHelloAnswer,
  HELLO,
  type HelloAnswer,
  isBusy,
  isHello,
} from "../hello.ts";
export {
  clampNanoseconds,
  joinNanoseconds,
  MAX_NANOSECONDS,
  splitNanoseconds,
} from "../nanoseconds.ts";
export { decodeResponseHeader, type ResponseHeader } from "../header.ts";
export {
  NONCE_SIZE,
  prove,
  provenBytes,
  sealedBytes,
  SECRET_SIZE,
  secretIn,
  sign,
  signedBytes,
  type SignedIdentity,
  type Takeover,
  verifyProof,
  verifySignature,
} from "./authentication.ts";
export {
  ConnectionState,
  type LoginPhase,
  MAX_UNANSWERED_FETCHES,
  MAX_UNANSWERED_PACKS,
  type TagState,
} from "./connection_state.ts";
export { type ContentSums, sumsInPlace } from "./content_sums.ts";
export { ContentsReader, ContentsWriter } from "./contents.ts";
export { EntriesReader, EntriesWriter } from "./entries.ts";
export { FetchReader, FetchWriter } from "./fetch.ts";
export {
  type FileFields,
  FileRecordReader,
  FileRecordWriter,
  type FileToEncode,
} from "./file_record.ts";
export {
  certificateName,
  fingerprintOf,
  fingerprintOfKey,
  formatFingerprint,
  formatLocation,
  isSelfMade,
  type Location,
  parseFingerprint,
  parseLocation,
} from "./fingerprint.ts";
export { type FieldList, type FieldType, type FieldTypes, MAX_TIME } from "./fields.ts";
export { FrameReader } from "./frame_reader.ts";
export {
  CHUNK_SIZE,
  chunkCount,
  chunkSize,
  DIGEST_SIZE,
  digestChunk,
  digestTree,
  MerkleTree,
} from "./merkle_tree.ts";
export { MAX_PACKED_SIZE, type PackedAttributes, PackReader, PackWriter } from "./pack.ts";
export {
  MAX_RESULT_CODE,
  MAX_RESULT_MESSAGE,
  PACKED_STATUSES,
  PackedReader,
  type PackedStatus,
  PackedWriter,
} from "./packed.ts";
export { checkRecords, MAX_RECORDS, RecordReader } from "./record_reader.ts";
export { RecordWriter, type SplitTime } from "./record_writer.ts";
export { TimedRecordReader } from "./timed_record_reader.ts";
export { UpdateReader, UpdateWriter } from "./update.ts";
export {
  BULK,
  type BulkKind,
  decodeFrameHeader,
  decodeMessage,
  encodeMessage,
  type FieldValues,
  FRAME_HEADER_SIZE,
  type FrameHeader,
  MAX_BULK,
  MAX_PAYLOAD,
  type Message,
  type MessageKind,
  type MessageOf,
  MESSAGES,
} from "./messages.ts";
export {
  comparedForm,
  MAX_COMPONENT,
  MAX_PATH_DEPTH,
  MAX_PATH_NAME,
  pathNameFault,
} from "./path_name.ts";
export { canonicalName, fingerprintOfName } from "./server_name.ts";
export { formatToken, hashToken, isToken, TOKEN_SIZE } from "./token.ts";
