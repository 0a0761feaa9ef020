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
/** The size of a client id in bytes. */
export const CLIENT_ID_SIZE = 16;
/** The size of a request's header in bytes. */
export const REQUEST_HEADER_SIZE = 23;
/** The size of a response's header in bytes. */
export const RESPONSE_HEADER_SIZE = 7;
/** The largest payload size that a header can hold, in bytes. */
export const MAX_PAYLOAD_SIZE = 0xffff_ffff;

/** The header of a response. */
export interface ResponseHeader {
  /** 3; some peers send an older one. */
  readonly version: number;
  /** The kind of the response, by the edition's table. */
  readonly code: number;
  /** The number of bytes after the header. */
  readonly payloadSize: number;
}

/** The header of a request. */
export interface RequestHeader extends ResponseHeader {
  /** 16 bytes; without meaning in a registration. */
  readonly clientId: Bytes;
}

/** Decodes a request's header. Throws `ProtocolError` `truncated` for fewer than 23 bytes. */
export function decodeRequestHeader(bytes: Bytes): RequestHeader {
  const reader = new ByteReader(bytes);
  return { clientId: reader.bytes(CLIENT_ID_SIZE), ...readTail(reader) };
}

export function writeRequestHeader(writer: ByteWriter, header: RequestHeader): ByteWriter {
  return writeResponseHeader(writer.put(header.clientId), header);
}

/** Decodes a response's header. Throws `ProtocolError` `truncated` for fewer than 7 bytes. */
export function decodeResponseHeader(bytes: Bytes): ResponseHeader {
  return readTail(new ByteReader(bytes));
}

/** A TLS record with an alert of two bytes, in any version since SSL 3.0 (RFC 8446 5.1). */
const TLS_ALERT = { contentType: 21, majorVersion: 3, size: 2 } as const;

/** Whether a response is a TLS alert, with which a TLS port answers anything that is not TLS. */
export function isTlsAlert({ version, code, payloadSize }: ResponseHeader): boolean {
  // The record's header has five bytes: the content type, two of the version, and the size in big endian.
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
