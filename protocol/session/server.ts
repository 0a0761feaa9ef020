/**
 * The server's end of a conversation, without sockets: bytes go in, requests and content come out, answers go in,
 * bytes come out.
 *
 * ```
 *            push / next                       reply
 *   idle ───────────────▶ a request ──────────────────────▶ idle
 *     │                                                       ▲
 *     └─▶ a file ─▶ content … ─▶ content end ── reply ────────┘
 * ```
 *
 * @module
 */
import { BLOCK_SIZE } from "../cipher/aes_cbc.ts";
import { type Edition, fixedSize, type RequestKind } from "../editions/edition.ts";
import { ProtocolError } from "../errors.ts";
import { Feed } from "../feed.ts";
import { decodeRequestHeader, REQUEST_HEADER_SIZE, type RequestHeader } from "../header.ts";
import {
  decodeRequest,
  encodeResponse,
  type Request,
  requestKind,
  type Response,
  type SendFile,
} from "../messages.ts";
import type { Bytes } from "../wire.ts";

export type ServerEvent =
  /** Nothing more can be said before bytes are pushed. */
  | { readonly type: "wait" }
  /** A whole request: answer it with `reply`. */
  | { readonly type: "request"; readonly request: Exclude<Request, SendFile> }
  /** A file begins: content events follow, and one of its end. */
  | { readonly type: "file"; readonly request: SendFile }
  /** Ciphertext of the file, as a view of the pushed bytes. */
  | { readonly type: "content"; readonly bytes: Bytes }
  /** The file has come whole: answer it with `reply`. */
  | { readonly type: "fileEnd"; readonly request: SendFile };

export interface Reply {
  readonly bytes: Bytes;
  /** Send the reply only if the peer sends nothing for so long; 0: send it at once. */
  readonly afterMs: number;
}

type State =
  | { readonly at: "header" }
  | { readonly at: "fixed"; readonly header: RequestHeader; readonly kind: RequestKind }
  | { readonly at: "content"; readonly request: SendFile; readonly left: number }
  | { readonly at: "answer"; readonly kind: RequestKind };

const HEADER: State = { at: "header" };

export class ServerSession {
  readonly #edition: Edition;
  readonly #feed = new Feed();
  #state: State = HEADER;

  constructor(edition: Edition) {
    this.#edition = edition;
  }

  /** How many pushed bytes wait to be looked at. */
  get available(): number {
    return this.#feed.available;
  }

  /** Whether the peer may leave now without breaking off a message. */
  get betweenMessages(): boolean {
    return this.#state.at === "header" && this.#feed.available === 0;
  }

  /** Takes bytes that came from the peer, in pieces of any size. Only after `next` has said `wait`. */
  push(bytes: Bytes): void {
    this.#feed.push(bytes);
  }

  /**
   * What the pushed bytes say next. Throws `ProtocolError` where they break the framing, so that what follows cannot
   * be told apart any more: answer with {@link generalError} and close.
   */
  next(): ServerEvent {
    for (;;) {
      const event = this.#advance();
      if (event !== undefined) return event;
    }
  }

  /** The bytes of an answer to the request that `next` returned last. */
  reply(response: Response): Reply {
    if (this.#state.at !== "answer") throw new RangeError("Cannot reply: no request is open");
    const { answerAfterMs = 0 } = this.#edition.requests[this.#state.kind];
    this.#state = HEADER;
    return { bytes: encodeResponse(this.#edition, response), afterMs: answerAfterMs };
  }

  /** The bytes of a general error, whatever the state. */
  generalError(): Bytes {
    return encodeResponse(this.#edition, { kind: "generalError" });
  }

  #advance(): ServerEvent | undefined {
    const state = this.#state;
    switch (state.at) {
      case "header": {
        const bytes = this.#feed.take(REQUEST_HEADER_SIZE);
        if (bytes === undefined) return { type: "wait" };
        const header = decodeRequestHeader(bytes);
        this.#state = { at: "fixed", header, kind: this.#recognise(header) };
        return undefined;
      }
      case "fixed": {
        const { header, kind } = state;
        const bytes = this.#feed.take(fixedSize(this.#edition.requests[kind]));
        if (bytes === undefined) return { type: "wait" };
        const request = decodeRequest(this.#edition, kind, header, bytes);
        if (request.kind !== "sendFile") {
          this.#state = { at: "answer", kind };
          return { type: "request", request };
        }
        checkContentSize(request, header.payloadSize - bytes.length);
        this.#state = { at: "content", request, left: request.contentSize };
        return { type: "file", request };
      }
      case "content": {
        const { request, left } = state;
        if (left === 0) {
          this.#state = { at: "answer", kind: request.kind };
          return { type: "fileEnd", request };
        }
        const bytes = this.#feed.run(left);
        if (bytes === undefined) return { type: "wait" };
        this.#state = { at: "content", request, left: left - bytes.length };
        return { type: "content", bytes };
      }
      case "answer":
        throw new RangeError("Cannot go on: the request before is not answered");
    }
  }

  /** The kind of request, once its header's code and payload size are ones that the edition allows. */
  #recognise({ code, payloadSize }: RequestHeader): RequestKind {
    const kind = requestKind(this.#edition, code);
    if (kind === undefined) {
      throw new ProtocolError("unknown-code", `Cannot read a request with code ${code}`);
    }
    const layout = this.#edition.requests[kind];
    const fixed = fixedSize(layout);
    if (layout.content ? payloadSize < fixed : payloadSize !== fixed) {
      throw new ProtocolError(
        "bad-payload-size",
        `Cannot read a ${kind} request with a payload of ${payloadSize} bytes: it has ${fixed}`,
      );
    }
    return kind;
  }
}

function checkContentSize({ contentSize }: SendFile, counted: number): void {
  if (contentSize !== counted) {
    throw new ProtocolError(
      "bad-content-size",
      `Cannot read a file of ${contentSize} bytes: its message counts ${counted}`,
    );
  }
  if (contentSize === 0 || contentSize % BLOCK_SIZE !== 0) {
    throw new ProtocolError(
      "bad-content-size",
      `Cannot read a file of ${contentSize} bytes: ciphertext comes in blocks of ${BLOCK_SIZE}`,
    );
  }
}
