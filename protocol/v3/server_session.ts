/**
 * The server's end of a session, without sockets: bytes go in and requests and content come out;
 * answers go in and bytes come out.
 *
 * ```
 *          push / next                              reply
 *   idle ─────────────▶ a request ───────────────────────▶ idle
 *     │                                                     ▲
 *     └─▶ a part of a file ─▶ content … ─▶ part end ────────┘  reply or proceed
 * ```
 *
 * The session recognizes the peer's edition and quirks from its bytes. The event `identify` asks for the profile of an
 * earlier session.
 *
 * @module
 */
import { type Edition, FIELDS, fixedSize } from "./editions/edition.ts";
import { InputBuffer } from "../input_buffer.ts";
import { fillingOf, NO_QUIRKS, type Quirk, type Quirks, SHORT_KEY } from "./editions/quirks.ts";
import {
  decodeRequestHeader,
  REQUEST_HEADER_SIZE,
  type RequestHeader,
  RESPONSE_HEADER_SIZE,
} from "../header.ts";
import {
  decodeRequest,
  encodeResponse,
  type Request,
  requestKind,
  type Response,
  type SendFile,
} from "./messages.ts";
import { type Bytes, concatBytes, equalBytes } from "../bytes.ts";
import { isHello } from "../hello.ts";
import { PartReader } from "./part_reader.ts";
import { type EditionMatch, matchEditions, nearestEdition, startsWithId } from "./edition_match.ts";
import { type FrameQuirk, TrailingBytes } from "./trailing_bytes.ts";

/** The edition and the quirks of a peer. */
export interface Profile {
  /** The peer's edition. */
  readonly edition: Edition;
  /** The peer's deviations from its edition. */
  readonly quirks: Quirks;
}

/** The size of an AES key for a peer in bytes: 16 or 32. */
export function aesKeySize({ edition, quirks }: Profile): number {
  return quirks.has("short-key") ? SHORT_KEY : edition.aesKeySize;
}

/** An event in the bytes of a peer. */
export type ServerEvent =
  /**
   * More bytes are needed. `isComplete`: only padding of a file is missing, which some clients announce and never send; if
   * nothing comes, call `endPart`.
   */
  | { readonly type: "wait"; readonly isComplete?: true }
  /** A client has named itself: call `identify` with its profile, if it is known. */
  | { readonly type: "identify"; readonly clientId: Bytes }
  /** Send these bytes: the rest of an answer, for a peer that expects padding. */
  | { readonly type: "send"; readonly bytes: Bytes }
  /** The peer asks for protocol 4: send the answer to a hello, and close. */
  | { readonly type: "hello" }
  /** A complete request: answer it with `reply`. */
  | { readonly type: "request"; readonly request: Exclude<Request, SendFile> }
  /** A part of a file begins, perhaps the only one: `content` events follow, then `partEnd`. */
  | { readonly type: "part"; readonly request: SendFile }
  /** Ciphertext of the file: a view of the pushed bytes. */
  | { readonly type: "content"; readonly bytes: Bytes }
  /** The part is complete, perhaps smaller than announced: call `reply`, or `proceed` if it gets no answer. */
  | { readonly type: "partEnd"; readonly request: SendFile };

/** An answer to send. */
export interface Reply {
  /** The bytes to send; empty if the edition has no such answer. */
  readonly bytes: Bytes;
  /** Send the answer only if the peer sends nothing for this many milliseconds; 0: at once. */
  readonly afterMs: number;
  /** Whether to close the connection afterwards, because the edition has no other way to refuse. */
  readonly close: boolean;
}

type State =
  | { readonly at: "header" }
  | { readonly at: "recognize"; readonly header: RequestHeader; readonly prefix: Bytes | undefined }
  | {
    readonly at: "fixed";
    readonly header: RequestHeader;
    readonly match: EditionMatch;
    readonly prefix: Bytes;
  }
  | { readonly at: "part"; readonly part: PartReader }
  | { readonly at: "answer"; readonly afterMs: number };

const HEADER: State = { at: "header" };
const NOTHING: Bytes = new Uint8Array(0);
const WAIT = { type: "wait" } as const;

/**
 * The server's end of one connection: push bytes, handle the events of `next`, send the bytes of `reply`. It
 * recognizes the peer's edition and quirks from its bytes.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { DEFAULT_SERVED, edition2023c, encodeRequest, encodeTextField, ServerSession } from
 *   "@xfer/xfer/protocol/v3";
 *
 * const session = new ServerSession(DEFAULT_SERVED);
 * session.push(encodeRequest(edition2023c, {
 *   kind: "register",
 *   clientId: new Uint8Array(16),
 *   name: encodeTextField("Alice", 255)!,
 * }));
 * const event = session.next();
 * assert(event.type === "request" && event.request.kind === "register");
 * const { bytes } = session.reply({ kind: "registered", clientId: new Uint8Array(16).fill(1) });
 * assert(bytes.length === 7 + 16);
 * ```
 */
export class ServerSession {
  readonly #served: readonly Edition[];
  readonly #input = new InputBuffer();
  #state: State = HEADER;
  #edition: Edition | undefined;
  #quirks: Quirks = NO_QUIRKS;
  #identified: Bytes | undefined;
  /** Bytes that may follow the previous message without being one. */
  readonly #trailing = new TrailingBytes(REQUEST_HEADER_SIZE);
  /** The size of the previous answer, without and with padding. */
  #answer = { size: 0, sent: 0 };
  /** The number of bytes of the file's content that have not arrived. */
  #missing = Infinity;
  /** Whether no message has arrived on this connection yet. */
  #isFirst = true;

  /** `served`: the editions to accept. If several fit what a peer sends, the first of them counts. */
  constructor(served: readonly Edition[]) {
    this.#served = served;
  }

  /** The number of pushed bytes that are not read yet. */
  get available(): number {
    return this.#input.available;
  }

  /** Whether no message is incomplete, so that the peer may close now. */
  get betweenMessages(): boolean {
    return this.#state.at === "header" && this.#input.available === 0;
  }

  /** Whether content of a file comes next. */
  get inContent(): boolean {
    return this.#state.at === "part";
  }

  /** The peer's profile, as far as it is known; `undefined` before its first request. */
  get profile(): Profile | undefined {
    return this.#edition && { edition: this.#edition, quirks: this.#quirks };
  }

  /** Adds bytes from the peer, in pieces of any size. Call it only after `next` has returned `wait`. */
  push(bytes: Bytes): void {
    this.#input.push(bytes);
  }

  /** Answers the event `identify`: the profile of the client, or `undefined` if it is unknown. */
  identify(profile: Profile | undefined): void {
    if (this.#state.at !== "recognize") {
      throw new RangeError("cannot identify: no client is being looked up");
    }
    this.#identified = this.#state.header.clientId;
    if (profile === undefined) return;
    if (this.#served.includes(profile.edition)) this.#edition = profile.edition;
    this.#quirks = profile.quirks;
  }

  /** Records a quirk that the bytes alone do not show. */
  noteQuirk(quirk: Quirk, has: boolean): void {
    if (has) this.#adopt(quirk);
    else this.#forget([quirk]);
  }

  /**
   * Returns the next event of the pushed bytes. Throws `ProtocolError` if they break the framing. Nothing after them
   * can be read, so send `generalError` and close.
   */
  next(): ServerEvent {
    for (;;) {
      const event = this.#advance();
      if (event !== undefined) return event;
    }
  }

  /** Encodes the answer to the last event. Throws `RangeError` if no request is open. */
  reply(response: Response): Reply {
    if (this.#state.at !== "answer") throw new RangeError("cannot reply: no request is open");
    const { afterMs } = this.#state;
    this.#state = HEADER;
    return { ...this.#encode(response), afterMs };
  }

  /** Continues without an answer to a part of a file. */
  proceed(): void {
    if (this.#state.at !== "answer") throw new RangeError("cannot proceed: no request is open");
    this.#state = HEADER;
    this.#answer = { size: 0, sent: 0 };
  }

  /** Ends a part of a file whose content is complete, without the announced padding. */
  endPart(): void {
    if (this.#state.at !== "part") throw new RangeError("cannot end a part: none is open");
    this.#state.part.endEarly();
  }

  /** A general error, in any state. */
  generalError(): Reply {
    return { ...this.#encode({ kind: "generalError" }), afterMs: 0 };
  }

  #encode(response: Response): Pick<Reply, "bytes" | "close"> {
    const edition = this.#edition ?? this.#served[0];
    const layout = edition?.responses[response.kind];
    if (edition === undefined || layout === undefined) return { bytes: NOTHING, close: true };
    const bytes = encodeResponse(edition, response, this.#quirks);
    const size = RESPONSE_HEADER_SIZE + fixedSize(layout);
    this.#answer = { size, sent: bytes.length };
    return { bytes, close: false };
  }

  #advance(): ServerEvent | undefined {
    const state = this.#state;
    switch (state.at) {
      case "header":
        return this.#readHeader();
      case "recognize":
        return this.#recognize(state.header, state.prefix);
      case "fixed":
        return this.#readFixed(state.header, state.match, state.prefix);
      case "part":
        return this.#readPart(state.part);
      case "answer":
        throw new RangeError("cannot continue: the previous request is not answered");
    }
  }

  #readHeader(): ServerEvent | undefined {
    const frame = this.#trailing.pass(this.#input);
    if (frame !== undefined) return this.#fillAnswer(frame);
    const bytes = this.#input.take(REQUEST_HEADER_SIZE);
    if (bytes === undefined) return WAIT;
    if (isHello(bytes)) return { type: "hello" };
    const header = decodeRequestHeader(bytes);
    const isKnown = this.#served.some((edition) => requestKind(edition, header.code));
    if (!this.#trailing.takes(bytes, isKnown)) {
      this.#state = { at: "recognize", header, prefix: undefined };
    }
    return undefined;
  }

  /** The padding of a frame has arrived after the answer, so the answer needs its padding too. */
  #fillAnswer(frame: FrameQuirk): ServerEvent | undefined {
    this.#adopt(frame);
    const { size, sent } = this.#answer;
    const missing = size === 0 ? 0 : size + fillingOf(this.#quirks, size) - sent;
    if (missing <= 0) return undefined;
    this.#answer = { size, sent: sent + missing };
    return { type: "send", bytes: new Uint8Array(missing) };
  }

  #recognize(header: RequestHeader, prefix: Bytes | undefined): ServerEvent | undefined {
    // A refusal uses the codes of the most likely edition.
    this.#edition ??= nearestEdition(this.#served, header.code);
    let matches = matchEditions(this.#served, header);
    const { clientId } = header;
    const registers = matches[0]?.kind === "register";
    if (!registers && !(this.#identified && equalBytes(this.#identified, clientId))) {
      return { type: "identify", clientId };
    }
    if (new Set(matches.map(startsWithId)).size > 1) {
      const begin = prefix ?? this.#input.take(FIELDS.clientId.size);
      if (begin === undefined) return WAIT;
      const hasId = equalBytes(begin, clientId);
      matches = matches.filter((match) => startsWithId(match) === hasId);
      prefix = begin;
    }
    const match = matches.find(({ edition }) => edition === this.#edition) ?? matches[0];
    if (match === undefined) throw new RangeError("cannot recognize the edition: none is left");
    this.#edition = match.edition;
    // The further quirks of peers with frames depend on the edition.
    if (this.#quirks.has("frames")) {
      this.#adopt("frames");
      const isSeparate = this.#isFirst && !["register", "reconnect"].includes(match.kind);
      if (isSeparate) match.edition.separateQuirks.forEach((quirk) => this.#adopt(quirk));
    }
    this.#state = { at: "fixed", header, match, prefix: prefix ?? NOTHING };
    return undefined;
  }

  #readFixed(header: RequestHeader, match: EditionMatch, prefix: Bytes): ServerEvent | undefined {
    const { edition, kind, layout } = match;
    const size = fixedSize(layout);
    // Some clients count their extra bytes after a public key.
    const surplus = kind === "publicKey" ? header.payloadSize - size : 0;
    const rest = this.#input.take(size + surplus - prefix.length);
    if (rest === undefined) return WAIT;
    const fixed = concatBytes(prefix, rest).subarray(0, size);
    const request = decodeRequest(edition, kind, header, fixed);
    if (request.kind === "sendFile") {
      const part = new PartReader({ edition, header, request, quirks: this.#quirks });
      for (const quirk of part.shown) this.#adopt(quirk);
      if ((part.request.packetNumber ?? 1) === 1) this.#missing = part.certainSize;
      this.#state = { at: "part", part };
      return { type: "part", request: part.request };
    }
    if (header.payloadSize === 0) this.#adopt("empty-crc-payload");
    const isKey = kind === "publicKey" && surplus === 0;
    this.#endMessage(REQUEST_HEADER_SIZE + size + surplus, { isKey });
    this.#state = { at: "answer", afterMs: layout.answerAfterMs ?? 0 };
    return { type: "request", request };
  }

  #readPart(part: PartReader): ServerEvent {
    const content = part.next(this.#input);
    if (content === "wait") {
      const isComplete = part.mayEndEarly && this.#missing <= 0;
      return isComplete ? { ...WAIT, isComplete } : WAIT;
    }
    if (content !== "end") {
      this.#missing -= content.length;
      return { type: "content", bytes: content };
    }
    for (const quirk of part.shown) this.#adopt(quirk);
    this.#endMessage(part.size, { filling: part.filling });
    this.#state = { at: "answer", afterMs: 0 };
    return { type: "partEnd", request: part.request };
  }

  #endMessage(size: number, what: { readonly filling?: number; readonly isKey?: boolean }): void {
    this.#isFirst = false;
    const frame = this.#trailing.begin(this.#input, { size, quirks: this.#quirks, ...what });
    if (frame !== undefined) this.#adopt(frame);
  }

  #adopt(quirk: Quirk): void {
    const framed: Quirk[] = ["frames", ...this.#edition?.framedQuirks ?? []];
    if (quirk === "frames-2048") this.#forget(framed);
    const added = quirk === "frames" ? framed : [quirk];
    this.#quirks = new Set([...this.#quirks, ...added]);
  }

  #forget(quirks: readonly Quirk[]): void {
    this.#quirks = new Set([...this.#quirks].filter((quirk) => !quirks.includes(quirk)));
  }
}
