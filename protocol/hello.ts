/**
 * How a client that knows the plain port finds protocol 4 (docs/protocol-4.md, "Finding the server").
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
/** Stands for a port that the client knows by the one that it has connected to. */
const NEXT_PORT = 0;
/** No answer has a larger payload, in bytes. */
const MAX_ANSWER = 16 * 1024;
/** No certificate that is told of is larger, in bytes. */
export const MAX_CERTIFICATE = MAX_ANSWER - 2;

/** Where protocol 4 is spoken, and the certificate that is shown there; nothing of it is proven yet. */
export interface HelloAnswer {
  /** On the same host; `next`: the one after the port that the client has connected to. */
  readonly port: number | "next";
  /** X.509, DER. */
  readonly certificate: Bytes;
}

/** What a client says. */
export const HELLO: Bytes = writeRequestHeader(new ByteWriter(REQUEST_HEADER_SIZE), {
  ...{ clientId: new Uint8Array(CLIENT_ID_SIZE), version: VERSION },
  ...{ code: HELLO_CODE, payloadSize: 0 },
}).bytes;

export function isHello(header: Bytes): boolean {
  return equalBytes(header, HELLO);
}

export function encodeHelloAnswer({ port, certificate }: HelloAnswer): Bytes {
  const payloadSize = 2 + certificate.length;
  const writer = new ByteWriter(RESPONSE_HEADER_SIZE + payloadSize);
  writeResponseHeader(writer, { version: VERSION, code: ANSWER_CODE, payloadSize });
  return writer.u16(port === "next" ? NEXT_PORT : port).put(certificate).bytes;
}

/** What a server says that speaks protocol 4 and has no room for another connection. */
export const BUSY: Bytes = writeResponseHeader(new ByteWriter(RESPONSE_HEADER_SIZE), {
  ...{ version: VERSION, code: BUSY_CODE, payloadSize: 0 },
}).bytes;

export function isBusy({ version, code }: ResponseHeader): boolean {
  return version === VERSION && code === BUSY_CODE;
}

/**
 * The answer in the bytes that have come so far; `undefined` while more are needed. Throws `ProtocolError`
 * `protocol-4-not-spoken` where they are anything else.
 */
export function decodeHelloAnswer(bytes: Bytes): HelloAnswer | undefined {
  if (bytes.length < RESPONSE_HEADER_SIZE) return undefined;
  const { version, code, payloadSize } = decodeResponseHeader(bytes);
  if (version !== VERSION || code !== ANSWER_CODE || payloadSize < 3 || payloadSize > MAX_ANSWER) {
    throw new ProtocolError(
      "protocol-4-not-spoken",
      "The server does not answer as one of protocol 4",
    );
  }
  if (bytes.length < RESPONSE_HEADER_SIZE + payloadSize) return undefined;
  const payload = bytes.subarray(RESPONSE_HEADER_SIZE, RESPONSE_HEADER_SIZE + payloadSize);
  const reader = new ByteReader(payload);
  const port = reader.u16();
  return { port: port === NEXT_PORT ? "next" : port, certificate: reader.rest().slice() };
}
