/**
 * The headers of protocol 3. A request has 23 bytes: client id 16, version 1, code 2, payload size 4. A response has
 * 7: version 1, code 2, payload size 4. (docs/protocol-3.md, "Headers".)
 *
 * @module
 */
import { ByteReader, type ByteWriter } from "./cursor.ts";
import type { Bytes } from "./bytes.ts";

/** The version in the headers of protocol 3. */
export const VERSION = 3;
/** Bytes of a client id. */
export const CLIENT_ID_SIZE = 16;
/** Bytes of a request's header. */
export const REQUEST_HEADER_SIZE = 23;
/** Bytes of a response's header. */
export const RESPONSE_HEADER_SIZE = 7;
/** The largest payload that the header's field can count, in bytes. */
export const MAX_PAYLOAD_SIZE = 0xffff_ffff;

/** The header of a response. */
export interface ResponseHeader {
  /** 3; some peers send an older one. */
  readonly version: number;
  /** Which response it is, by the edition's table. */
  readonly code: number;
  /** Bytes that follow the header. */
  readonly payloadSize: number;
}

/** The header of a request. */
export interface RequestHeader extends ResponseHeader {
  /** 16 bytes; meaningless in a registration. */
  readonly clientId: Bytes;
}

/** Reads a request's header. Throws `ProtocolError` `truncated` for fewer than 23 bytes. */
export function decodeRequestHeader(bytes: Bytes): RequestHeader {
  const reader = new ByteReader(bytes);
  return { clientId: reader.bytes(CLIENT_ID_SIZE), ...readTail(reader) };
}

export function writeRequestHeader(writer: ByteWriter, header: RequestHeader): ByteWriter {
  return writeResponseHeader(writer.put(header.clientId), header);
}

/** Reads a response's header. Throws `ProtocolError` `truncated` for fewer than 7 bytes. */
export function decodeResponseHeader(bytes: Bytes): ResponseHeader {
  return readTail(new ByteReader(bytes));
}

/** A record of TLS: an alert of two bytes, by any version since SSL 3.0 (RFC 8446 5.1). */
const TLS_ALERT = { contentType: 21, majorVersion: 3, size: 2 } as const;

/** Whether what came in place of a response is a TLS alert: a TLS port answers so to all that is not TLS. */
export function isTlsAlert({ version, code, payloadSize }: ResponseHeader): boolean {
  // The record's header has five bytes: content type, two of the version, and its size, the larger half first.
  const size = (payloadSize & 0xff) << 8 | (payloadSize >>> 8 & 0xff);
  return version === TLS_ALERT.contentType && (code & 0xff) === TLS_ALERT.majorVersion &&
    size === TLS_ALERT.size;
}

export function writeResponseHeader(writer: ByteWriter, header: ResponseHeader): ByteWriter {
  return writer.u8(header.version).u16(header.code).u32(header.payloadSize);
}

function readTail(reader: ByteReader): ResponseHeader {
  return { version: reader.u8(), code: reader.u16(), payloadSize: reader.u32() };
}
