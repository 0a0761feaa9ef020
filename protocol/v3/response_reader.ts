/**
 * The client's reading half: cuts bytes that arrive in pieces of any size into responses.
 *
 * @module
 */
import { type Edition, FIELDS, fixedSize } from "./editions/edition.ts";
import { ProtocolError } from "../errors.ts";
import { InputBuffer } from "../input_buffer.ts";
import { fillingOf, NO_QUIRKS, type Quirks } from "./editions/quirks.ts";
import {
  decodeResponseHeader,
  isTlsAlert,
  RESPONSE_HEADER_SIZE,
  type ResponseHeader,
} from "../header.ts";
import { decodeResponse, type Response, responseLayout } from "./messages.ts";
import type { Bytes } from "../bytes.ts";
import { TrailingBytes } from "./trailing_bytes.ts";

/**
 * The largest payload that a client accepts from a server, in bytes. The protocol's largest has 279; some servers send
 * a line of text with a refusal.
 */
const MAX_RESPONSE_PAYLOAD = 4096;

/** Reads responses from bytes that arrive in pieces of any size. */
export class ResponseReader {
  readonly #edition: Edition;
  readonly #quirks: Quirks;
  readonly #input = new InputBuffer();
  #header: ResponseHeader | undefined;
  #size = 0;
  /** Padding after answers of servers whose quirks are not known yet. */
  readonly #trailing = new TrailingBytes(RESPONSE_HEADER_SIZE);
  #isFramed = false;

  /** `quirks`: those of the server. */
  constructor(edition: Edition, quirks: Quirks = NO_QUIRKS) {
    this.#edition = edition;
    this.#quirks = quirks;
  }

  /** Adds bytes from the server. Call it only after `next` has returned `undefined`. */
  push(bytes: Bytes): void {
    this.#input.push(bytes);
  }

  /**
   * Returns the next response, or `undefined` until it is complete. Throws `ProtocolError`: `tls-port`,
   * `bad-payload-size`, and as `decodeResponse` does.
   */
  next(): Response | undefined {
    this.#header ??= this.#takeHeader();
    if (this.#header === undefined) return undefined;
    const header = this.#header;
    const { payloadSize } = header;
    const size = RESPONSE_HEADER_SIZE + payloadSize;
    const filling = fillingOf(this.#quirks, size);
    const body = this.#input.take(payloadSize + filling);
    if (body === undefined) return undefined;
    const payload = body.subarray(0, payloadSize);
    const response = decodeResponse(this.#edition, header, payload);
    this.#header = undefined;
    this.#size = size + filling;
    if (filling === 0) this.#note(this.#trailing.begin(this.#input, { size, quirks: NO_QUIRKS }));
    return response;
  }

  /** Whether the server has padded an answer with zeros. */
  get isFramed(): boolean {
    return this.#isFramed;
  }

  #note(frame: unknown): void {
    if (frame !== undefined) this.#isFramed = true;
  }

  /** The size of the last response in bytes, header included. */
  get size(): number {
    return this.#size;
  }

  /** The header of a response that is incomplete or could not be read. */
  get header(): ResponseHeader | undefined {
    return this.#header;
  }

  #takeHeader(): ResponseHeader | undefined {
    let bytes: Bytes | undefined;
    do {
      this.#note(this.#trailing.pass(this.#input));
      bytes = this.#input.take(RESPONSE_HEADER_SIZE);
      if (bytes === undefined) return undefined;
    } while (this.#trailing.takes(bytes, true));
    const header = decodeResponseHeader(bytes);
    if (isTlsAlert(header)) {
      throw new ProtocolError(
        "tls-port",
        "the server expects TLS on this port, which protocol 3 does not use",
      );
    }
    if (header.payloadSize > MAX_RESPONSE_PAYLOAD) {
      throw new ProtocolError(
        "bad-payload-size",
        `cannot read a response with code ${header.code} and a payload of ${header.payloadSize} bytes: ` +
          `no response has more than ${MAX_RESPONSE_PAYLOAD}`,
      );
    }
    return { ...header, payloadSize: this.#countedSize(header) };
  }

  /** Some servers don't count their payload in its size. A denial may have none. */
  #countedSize({ code, payloadSize }: ResponseHeader): number {
    const layout = responseLayout(this.#edition, code);
    if (payloadSize > 0 || layout === undefined) return payloadSize;
    if (layout.anyPayload !== true) return fixedSize(layout);
    const isDenial = layout === this.#edition.responses.denied;
    return isDenial && this.#quirks.has("uncounted-id") ? FIELDS.clientId.size : 0;
  }
}
