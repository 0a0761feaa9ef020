/**
 * The client's reading half: bytes in pieces of any size become responses.
 *
 * @module
 */
import { type Edition, FIELDS, fixedSize } from "./editions/edition.ts";
import { ProtocolError } from "../errors.ts";
import { Feed } from "../input_buffer.ts";
import { fillingOf, type Habits, NO_HABITS } from "./editions/quirks.ts";
import {
  decodeResponseHeader,
  isTlsAlert,
  RESPONSE_HEADER_SIZE,
  type ResponseHeader,
} from "../header.ts";
import { decodeResponse, type Response, responseLayout } from "./messages.ts";
import type { Bytes } from "../bytes.ts";
import { Trailing } from "./trailing_bytes.ts";

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
  /** Zeros that fill up answers of servers that are not known to do so. */
  readonly #trailing = new Trailing(RESPONSE_HEADER_SIZE);
  #isFramed = false;

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
    const size = RESPONSE_HEADER_SIZE + payloadSize;
    const filling = fillingOf(this.#habits, size);
    const body = this.#feed.take(payloadSize + filling);
    if (body === undefined) return undefined;
    const payload = body.subarray(0, payloadSize);
    const response = decodeResponse(this.#edition, header, payload);
    this.#header = undefined;
    this.#size = size + filling;
    if (filling === 0) this.#note(this.#trailing.begin(this.#feed, { size, habits: NO_HABITS }));
    return response;
  }

  /** Whether the server was seen to fill up an answer with zeros. */
  get isFramed(): boolean {
    return this.#isFramed;
  }

  #note(frame: unknown): void {
    if (frame !== undefined) this.#isFramed = true;
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
    let bytes: Bytes | undefined;
    do {
      this.#note(this.#trailing.pass(this.#feed));
      bytes = this.#feed.take(RESPONSE_HEADER_SIZE);
      if (bytes === undefined) return undefined;
    } while (this.#trailing.takes(bytes, true));
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
    return { ...header, payloadSize: this.#countedSize(header) };
  }

  /** Some servers leave what they send out of the payload size. Of a denial it may be nothing. */
  #countedSize({ code, payloadSize }: ResponseHeader): number {
    const layout = responseLayout(this.#edition, code);
    if (payloadSize > 0 || layout === undefined) return payloadSize;
    if (layout.anyPayload !== true) return fixedSize(layout);
    const isDenial = layout === this.#edition.responses.denied;
    return isDenial && this.#habits.has("uncounted-id") ? FIELDS.clientId.size : 0;
  }
}
