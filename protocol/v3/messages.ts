/**
 * Requests and responses as values, encoded and decoded by an edition's table.
 *
 * Text fields keep their bytes on the wire (255 bytes, see {@link decodeTextField}): an echoed field must include what
 * the peer put after the NUL.
 *
 * @module
 */
import {
  type Edition,
  type FieldName,
  FIELDS,
  fixedSize,
  type Layout,
  type RequestKind,
  type ResponseKind,
  type ResponseLayout,
} from "./editions/edition.ts";
import { ProtocolError } from "../errors.ts";
import { fillingOf, NO_QUIRKS, type Quirks } from "./editions/quirks.ts";
import {
  MAX_PAYLOAD_SIZE,
  REQUEST_HEADER_SIZE,
  type RequestHeader,
  RESPONSE_HEADER_SIZE,
  type ResponseHeader,
  VERSION,
  writeRequestHeader,
  writeResponseHeader,
} from "../header.ts";
import { ByteReader, ByteWriter } from "../cursor.ts";
import { type Bytes, equalBytes } from "../bytes.ts";

/** The property that every request has. */
export interface FromClient {
  /** 16 bytes. */
  readonly clientId: Bytes;
}

/** A request of a client. Names and file names are fields of 255 bytes, public keys 160 bytes of DER. */
export type Request =
  | FromClient & { readonly kind: "register"; readonly name: Bytes }
  | FromClient & { readonly kind: "reconnect"; readonly name: Bytes }
  | FromClient & { readonly kind: "publicKey"; readonly name: Bytes; readonly publicKey: Bytes }
  | FromClient & { readonly kind: "crcValid"; readonly fileName: Bytes }
  | FromClient & { readonly kind: "crcInvalid"; readonly fileName: Bytes }
  | FromClient & { readonly kind: "crcGivenUp"; readonly fileName: Bytes }
  | SendFile;

/** A file, or a packet of one. The ciphertext follows its fixed part on the wire. */
export interface SendFile extends FromClient {
  /** The kind of the request. */
  readonly kind: "sendFile";
  /** The size of the whole file's ciphertext in bytes. */
  readonly contentSize: number;
  /** The name as a field of 255 bytes. */
  readonly fileName: Bytes;
  /** The size of the plaintext in bytes. This field and the next two exist only in editions with packets. */
  readonly originalSize?: number;
  /** Counts from 1. */
  readonly packetNumber?: number;
  /** The number of packets of the file. */
  readonly totalPackets?: number;
  /**
   * The required size of the plaintext in bytes, if the size of the ciphertext was derived from it (`content_size.ts`).
   */
  readonly plaintextSize?: number;
}

/** A response of a server. A wrapped key is the AES key, encrypted with the client's RSA key: 128 bytes. */
export type Response =
  | { readonly kind: "registered"; readonly clientId: Bytes }
  | { readonly kind: "refused" }
  | { readonly kind: "keyReceived"; readonly clientId: Bytes; readonly wrappedKey: Bytes }
  | { readonly kind: "messageReceived"; readonly clientId?: Bytes }
  | { readonly kind: "reconnected"; readonly clientId: Bytes; readonly wrappedKey: Bytes }
  | { readonly kind: "denied"; readonly clientId: Bytes }
  | { readonly kind: "generalError" }
  | FileReceived;

/** The server has received a whole file. */
export interface FileReceived {
  /** The kind of the response. */
  readonly kind: "fileReceived";
  /** 16 bytes. */
  readonly clientId: Bytes;
  /** The number of ciphertext bytes received. */
  readonly contentSize: number;
  /** The field of the request, unchanged. */
  readonly fileName: Bytes;
  /** POSIX cksum of the decrypted file. */
  readonly crc: number;
}

type PayloadValues = Readonly<Partial<Record<FieldName, number | Bytes>>>;

/** Options for encoding a request. */
export interface RequestOptions {
  /** The number of content bytes after the fixed part of this message; 0 by default. */
  readonly contentLength?: number;
  /** Quirks of the server; none by default. */
  readonly quirks?: Quirks;
}

/**
 * Encodes the header and the fixed part of a request. Throws `ProtocolError`: `no-such-request` if the edition does not
 * have it, `payload-too-large` if the payload is too large for the header.
 */
export function encodeRequest(
  edition: Edition,
  request: Request,
  { contentLength = 0, quirks = NO_QUIRKS }: RequestOptions = {},
): Bytes {
  const layout = edition.requests[request.kind];
  if (layout === undefined) {
    throw new ProtocolError(
      "no-such-request",
      `cannot encode a ${request.kind} request: edition ${edition.name} has none`,
    );
  }
  const fixed = fixedSize(layout);
  const payloadSize = countedSize(request.kind, fixed, contentLength, quirks);
  if (payloadSize > MAX_PAYLOAD_SIZE) {
    throw new ProtocolError(
      "payload-too-large",
      `cannot encode a payload of ${payloadSize} bytes: the header counts at most ${MAX_PAYLOAD_SIZE}`,
    );
  }
  const size = REQUEST_HEADER_SIZE + fixed;
  const filling = layout.content === true ? 0 : fillingOf(quirks, size);
  const writer = new ByteWriter(size + filling);
  const { clientId } = request;
  writeRequestHeader(writer, { clientId, version: VERSION, code: layout.code, payloadSize });
  return writeFields(writer, layout, request as PayloadValues).bytes;
}

/** The payload size for the header. */
function countedSize(
  kind: RequestKind,
  fixed: number,
  contentLength: number,
  quirks: Quirks,
): number {
  if (isCrcRequest(kind) && quirks.has("empty-crc-payload")) return 0;
  if (kind === "sendFile" && quirks.has("headerless-blocks")) return 0;
  return kind === "sendFile" && quirks.has("uncounted-content") ? fixed : fixed + contentLength;
}

/** Whether a request says whether a checksum is correct. */
export function isCrcRequest(kind: RequestKind): boolean {
  return kind === "crcValid" || kind === "crcInvalid" || kind === "crcGivenUp";
}

/**
 * Decodes a request from its header and the fixed part of its payload. Throws `ProtocolError`: `truncated` or `surplus`
 * if `fixed` does not have the size of the layout, `wrong-client-id` if the payload has another id than the header.
 */
export function decodeRequest(
  edition: Edition,
  kind: RequestKind,
  header: RequestHeader,
  fixed: Bytes,
): Request {
  const layout = edition.requests[kind];
  if (layout === undefined) throw new RangeError(`cannot decode ${kind}: the edition has none`);
  const values = readFields(layout, fixed);
  const { clientId } = header;
  if (values.clientId instanceof Uint8Array && !equalBytes(values.clientId, clientId)) {
    throw new ProtocolError(
      "wrong-client-id",
      `cannot read a ${kind} request: its payload has another client id than its header`,
    );
  }
  return { ...values, kind, clientId } as Request;
}

/** Encodes a response. Throws `ProtocolError` `no-such-response` if the edition does not have it. */
export function encodeResponse(
  edition: Edition,
  response: Response,
  quirks: Quirks = NO_QUIRKS,
): Bytes {
  const layout = edition.responses[response.kind];
  if (layout === undefined) {
    throw new ProtocolError(
      "no-such-response",
      `cannot encode a ${response.kind} response: edition ${edition.name} has none`,
    );
  }
  const payloadSize = fixedSize(layout);
  const size = RESPONSE_HEADER_SIZE + payloadSize;
  const writer = new ByteWriter(size + fillingOf(quirks, size));
  writeResponseHeader(writer, { version: VERSION, code: layout.code, payloadSize });
  return writeFields(writer, layout, response as PayloadValues).bytes;
}

/**
 * Decodes a response from its header and payload. Throws `ProtocolError`: `unknown-code` if the edition does not have
 * it, `truncated` or `surplus` if the payload does not have the size of the layout.
 */
export function decodeResponse(edition: Edition, header: ResponseHeader, payload: Bytes): Response {
  const kind = responseKind(edition, header.code);
  const layout = edition.responses[kind];
  if (layout === undefined) throw new RangeError(`cannot decode ${kind}: the edition has none`);
  const body = layout.anyPayload ? fitted(payload, fixedSize(layout)) : payload;
  return { kind, ...readFields(layout, body) } as Response;
}

/** Returns the kind of request with this code, or `undefined` if the edition has none. */
export function requestKind(edition: Edition, code: number): RequestKind | undefined {
  return kindOf(edition.requests, code);
}

/** Returns the layout of the response with this code, or `undefined` if the edition has none. */
export function responseLayout(edition: Edition, code: number): ResponseLayout | undefined {
  const kind = kindOf(edition.responses, code);
  return kind && edition.responses[kind];
}

function responseKind(edition: Edition, code: number): ResponseKind {
  const kind = kindOf(edition.responses, code);
  if (kind === undefined) {
    throw new ProtocolError(
      "unknown-code",
      `cannot read a response with code ${code}: edition ${edition.name} has no such code`,
    );
  }
  return kind;
}

function kindOf<K extends string>(layouts: Readonly<Partial<Record<K, Layout>>>, code: number) {
  return (Object.keys(layouts) as K[]).find((kind) => layouts[kind]?.code === code);
}

function fitted(payload: Bytes, size: number): Bytes {
  const body = new Uint8Array(size);
  body.set(payload.subarray(0, size));
  return body;
}

function readFields(layout: Layout, body: Bytes): PayloadValues {
  const reader = new ByteReader(body);
  const values: Partial<Record<FieldName, number | Bytes>> = {};
  for (const field of layout.fields) {
    const { type, size } = FIELDS[field];
    values[field] = type === "bytes" ? reader.bytes(size) : readNumber(reader, size);
  }
  if (reader.remaining > 0) {
    throw new ProtocolError(
      "surplus",
      `cannot read code ${layout.code}: it has ${reader.remaining} bytes more than ${
        fixedSize(layout)
      }`,
    );
  }
  return values;
}

function writeFields(writer: ByteWriter, layout: Layout, values: PayloadValues): ByteWriter {
  for (const field of layout.fields) {
    const value = values[field];
    const { size } = FIELDS[field];
    if (typeof value === "number") writeNumber(writer, size, value);
    else if (value?.length === size) writer.put(value);
    else {throw new RangeError(
        `cannot encode code ${layout.code}: field ${field} is missing or has a wrong size`,
      );}
  }
  return writer;
}

function readNumber(reader: ByteReader, size: number): number {
  return size === 2 ? reader.u16() : reader.u32();
}

function writeNumber(writer: ByteWriter, size: number, value: number): void {
  if (size === 2) writer.u16(value);
  else writer.u32(value);
}
