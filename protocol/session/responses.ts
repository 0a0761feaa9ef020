/**
 * The client's reading half: bytes in pieces of any size become responses.
 *
 * @module
 */
import { type Edition, FIELDS } from "../editions/edition.ts";
import { ProtocolError } from "../errors.ts";
import { Feed } from "../feed.ts";
import { framePadding, type Habits, NO_HABITS } from "../habits.ts";
import {
  decodeResponseHeader,
  isTlsAlert,
  RESPONSE_HEADER_SIZE,
  type ResponseHeader,
} from "../header.ts";
import { decodeResponse, type Response } from "../messages.ts";
import type { Bytes } from "../wire.ts";

/**
 * The largest payload that a client takes from a server, in bytes. The protocol's largest response has 279; some
 * servers send a line of text with a refusal.
 */
export const MAX_RESPONSE_PAYLOAD = 4096;

export class ResponseReader {
  readonly #edition: Edition;
  readonly #habits: Habits;
  readonly #feed = new Feed();
  #header: ResponseHeader | undefined;
  #size = 0;

  constructor(edition: Edition, habits: Habits = NO_HABITS) {
    this.#edition = edition;
    this.#habits = habits;
  }

  /** Takes bytes that came from the server. Only after `next` has returned `undefined`. */
  push(bytes: Bytes): void {
    this.#feed.push(bytes);
  }

  /** The next whole response, or `undefined` until it is here. Throws `ProtocolError` where it can't be one. */
  next(): Response | undefined {
    this.#header ??= this.#takeHeader();
    if (this.#header === undefined) return undefined;
    const header = this.#header;
    const { payloadSize } = header;
    const filling = this.#habits.has("frames")
      ? framePadding(RESPONSE_HEADER_SIZE + payloadSize)
      : 0;
    const body = this.#feed.take(payloadSize + filling);
    if (body === undefined) return undefined;
    const payload = body.subarray(0, payloadSize);
    const response = decodeResponse(this.#edition, header, payload);
    this.#header = undefined;
    this.#size = RESPONSE_HEADER_SIZE + body.length;
    return response;
  }

  /** Bytes of the response that came last, the header's included. */
  get size(): number {
    return this.#size;
  }

  /** The header of the response that is being read, or that could not be. */
  get header(): ResponseHeader | undefined {
    return this.#header;
  }

  #takeHeader(): ResponseHeader | undefined {
    const bytes = this.#feed.take(RESPONSE_HEADER_SIZE);
    if (bytes === undefined) return undefined;
    const header = decodeResponseHeader(bytes);
    if (isTlsAlert(header)) {
      throw new ProtocolError("tls-port", "The server speaks TLS here, which protocol 3 does not");
    }
    if (header.payloadSize > MAX_RESPONSE_PAYLOAD) {
      throw new ProtocolError(
        "bad-payload-size",
        `Cannot read a response with code ${header.code} and a payload of ${header.payloadSize} bytes: ` +
          `no response has more than ${MAX_RESPONSE_PAYLOAD}`,
      );
    }
    return this.#countId(header);
  }

  /** Some servers leave the id that they send out of the payload size. */
  #countId(header: ResponseHeader): ResponseHeader {
    const { registered, denied } = this.#edition.responses;
    const hasId = header.code === registered.code || header.code === denied?.code;
    const uncounted = header.payloadSize === 0 && this.#habits.has("uncounted-id");
    return hasId && uncounted ? { ...header, payloadSize: FIELDS.clientId.size } : header;
  }
}
