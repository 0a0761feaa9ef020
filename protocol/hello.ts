/**
 * The hello, with which a client that knows the plain port finds protocol 4 (docs/protocol-4.md, "Finding the server").
 *
 * @module
 */
import { ProtocolError } from "./errors.ts";
import {
  CLIENT_ID_SIZE,
  decodeResponseHeader,
  REQUEST_HEADER_SIZE,
  RESPONSE_HEADER_SIZE,
  type ResponseHeader,
  writeRequestHeader,
  writeResponseHeader,
} from "./header.ts";
import { ByteReader, ByteWriter } from "./cursor.ts";
import { type Bytes, equalBytes } from "./bytes.ts";

const VERSION = 4;
const HELLO_CODE = 0x7834;
const ANSWER_CODE = 0x7835;
const BUSY_CODE = 0x7836;
/** The port after the one that the client has connected to. */
const NEXT_PORT = 0;
/** The largest payload of an answer, in bytes. */
const MAX_ANSWER = 16 * 1024;
/** The largest certificate in an answer, in bytes. */
export const MAX_CERTIFICATE = MAX_ANSWER - 2;

/** The port for protocol 4 and the server's certificate. Neither is verified before the TLS handshake. */
export interface HelloAnswer {
  /** A port on the same host; `next`: the one after the port that the client has connected to. */
  readonly port: number | "next";
  /** X.509, DER. */
  readonly certificate: Bytes;
}

/** The hello, with which a client asks for protocol 4: the header of a request, 23 bytes. */
export const HELLO: Bytes = writeRequestHeader(new ByteWriter(REQUEST_HEADER_SIZE), {
  ...{ clientId: new Uint8Array(CLIENT_ID_SIZE), version: VERSION },
  ...{ code: HELLO_CODE, payloadSize: 0 },
}).bytes;

/** Whether the header of a request is a hello. */
export function isHello(header: Bytes): boolean {
  return equalBytes(header, HELLO);
}

/** Encodes a server's answer to a hello. */
export function encodeHelloAnswer({ port, certificate }: HelloAnswer): Bytes {
  const payloadSize = 2 + certificate.length;
  const writer = new ByteWriter(RESPONSE_HEADER_SIZE + payloadSize);
  writeResponseHeader(writer, { version: VERSION, code: ANSWER_CODE, payloadSize });
  return writer.u16(port === "next" ? NEXT_PORT : port).put(certificate).bytes;
}

/** The answer of a server of protocol 4 that has too many connections. */
export const BUSY: Bytes = writeResponseHeader(new ByteWriter(RESPONSE_HEADER_SIZE), {
  ...{ version: VERSION, code: BUSY_CODE, payloadSize: 0 },
}).bytes;

/** Whether the header of a response is {@link BUSY}. */
export function isBusy({ version, code }: ResponseHeader): boolean {
  return version === VERSION && code === BUSY_CODE;
}

/**
 * Decodes the answer from the bytes received so far. Returns `undefined` if more are needed. Throws `ProtocolError`
 * `protocol-4-not-spoken` for anything else.
 */
export function decodeHelloAnswer(bytes: Bytes): HelloAnswer | undefined {
  if (bytes.length < RESPONSE_HEADER_SIZE) return undefined;
  const { version, code, payloadSize } = decodeResponseHeader(bytes);
  if (version !== VERSION || code !== ANSWER_CODE || payloadSize < 3 || payloadSize > MAX_ANSWER) {
    throw new ProtocolError(
      "protocol-4-not-spoken",
      "the answer is not that of a server of protocol 4",
    );
  }
  if (bytes.length < RESPONSE_HEADER_SIZE + payloadSize) return undefined;
  const payload = bytes.subarray(RESPONSE_HEADER_SIZE, RESPONSE_HEADER_SIZE + payloadSize);
  const reader = new ByteReader(payload);
  const port = reader.u16();
  return { port: port === NEXT_PORT ? "next" : port, certificate: reader.rest().slice() };
}
