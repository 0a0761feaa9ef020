/**
 * The server's end of a conversation, without sockets: bytes go in, requests and content come out, answers go in,
 * bytes come out.
 *
 * ```
 *          push / next                              reply
 *   idle ─────────────▶ a request ───────────────────────▶ idle
 *     │                                                     ▲
 *     └─▶ a part of a file ─▶ content … ─▶ part end ────────┘  reply or proceed
 * ```
 *
 * Editions and habits of the peer are recognised from what it sends. What is known of it from before is asked for by
 * the event `identify`.
 *
 * @module
 */
import { type Edition, FIELDS, fixedSize } from "../editions/edition.ts";
import { Feed } from "../feed.ts";
import { framePadding, type Habit, type Habits, NO_HABITS, SHORT_KEY } from "../habits.ts";
import { decodeRequestHeader, REQUEST_HEADER_SIZE, type RequestHeader } from "../header.ts";
import {
  decodeRequest,
  encodeResponse,
  type Request,
  type Response,
  type SendFile,
} from "../messages.ts";
import { type Bytes, concatBytes, equalBytes } from "../wire.ts";
import { isHello } from "../v4/hello.ts";
import { PartReader } from "./part_reader.ts";
import { nearestEdition, type Reading, readingsOf, startsWithId } from "./recognise.ts";

/** What is known of how a peer speaks. */
export interface Profile {
  readonly edition: Edition;
  readonly habits: Habits;
}

/** Bytes of an AES key for a peer. */
export function aesKeySize({ edition, habits }: Profile): number {
  return habits.has("short-key") ? SHORT_KEY : edition.aesKeySize;
}

export type ServerEvent =
  /** Nothing more can be said before bytes are pushed. */
  | { readonly type: "wait" }
  /** A client says who it is: call `identify` with what is known of it. */
  | { readonly type: "identify"; readonly clientId: Bytes }
  /** Send these bytes: the rest of an answer that the peer wants longer. */
  | { readonly type: "send"; readonly bytes: Bytes }
  /** Protocol 4 is asked for, on a connection of its own: send what there is to say of it, and close. */
  | { readonly type: "hello" }
  /** A whole request: answer it with `reply`. */
  | { readonly type: "request"; readonly request: Exclude<Request, SendFile> }
  /** A part of a file begins, perhaps its only one: content events follow, and one of its end. */
  | { readonly type: "part"; readonly request: SendFile }
  /** Ciphertext of the file, as a view of the pushed bytes. */
  | { readonly type: "content"; readonly bytes: Bytes }
  /** The part has come whole: `reply`, or `proceed` where it is not to be answered. */
  | { readonly type: "partEnd"; readonly request: SendFile };

export interface Reply {
  readonly bytes: Bytes;
  /** Send the reply only if the peer sends nothing for so long; 0: send it at once. */
  readonly afterMs: number;
  /** Whether the connection is to end with it: the edition has no other way to say no. */
  readonly close: boolean;
}

type State =
  | { readonly at: "header" }
  | { readonly at: "recognise"; readonly header: RequestHeader; readonly prefix: Bytes | undefined }
  | {
    readonly at: "fixed";
    readonly header: RequestHeader;
    readonly reading: Reading;
    readonly prefix: Bytes;
  }
  | { readonly at: "part"; readonly part: PartReader }
  | { readonly at: "answer"; readonly afterMs: number };

const HEADER: State = { at: "header" };
const NOTHING: Bytes = new Uint8Array(0);

export class ServerSession {
  readonly #served: readonly Edition[];
  readonly #feed = new Feed();
  #state: State = HEADER;
  #edition: Edition | undefined;
  #habits: Habits = NO_HABITS;
  #identified: Bytes | undefined;
  /** Zeros that may still fill up the message before. */
  #padding = 0;
  /** Zeros that would have filled up the answer before. */
  #unpadded = 0;

  /** Where several of the `served` editions fit, the first is taken. */
  constructor(served: readonly Edition[]) {
    this.#served = served;
  }

  /** How many pushed bytes wait to be looked at. */
  get available(): number {
    return this.#feed.available;
  }

  /** Whether the peer may leave now without breaking off a message. */
  get betweenMessages(): boolean {
    return this.#state.at === "header" && this.#feed.available === 0;
  }

  /** Whether a file's content is what comes next. */
  get inContent(): boolean {
    return this.#state.at === "part";
  }

  /** How the peer speaks, as far as it is known by now; `undefined` before its first request. */
  get profile(): Profile | undefined {
    return this.#edition && { edition: this.#edition, habits: this.#habits };
  }

  /** Takes bytes that came from the peer, in pieces of any size. Only after `next` has said `wait`. */
  push(bytes: Bytes): void {
    this.#feed.push(bytes);
  }

  /** Answers the event `identify`; `undefined` for a client that is not known. */
  identify(profile: Profile | undefined): void {
    if (this.#state.at !== "recognise") {
      throw new RangeError("Cannot identify: nobody was asked for");
    }
    this.#identified = this.#state.header.clientId;
    if (profile === undefined) return;
    if (this.#served.includes(profile.edition)) this.#edition = profile.edition;
    this.#habits = profile.habits;
  }

  /** Takes note of a habit that the bytes alone don't show. */
  noteHabit(habit: Habit, has: boolean): void {
    const others = [...this.#habits].filter((other) => other !== habit);
    this.#habits = new Set(has ? [...others, habit] : others);
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

  /** The bytes of an answer to what `next` returned last. */
  reply(response: Response): Reply {
    if (this.#state.at !== "answer") throw new RangeError("Cannot reply: no request is open");
    const { afterMs } = this.#state;
    this.#state = HEADER;
    return { ...this.#encode(response), afterMs };
  }

  /** Goes on without an answer to a part of a file. */
  proceed(): void {
    if (this.#state.at !== "answer") throw new RangeError("Cannot proceed: no request is open");
    this.#state = HEADER;
  }

  /** A general error, whatever the state. */
  generalError(): Reply {
    return { ...this.#encode({ kind: "generalError" }), afterMs: 0 };
  }

  #encode(response: Response): Pick<Reply, "bytes" | "close"> {
    const edition = this.#edition ?? this.#served[0];
    if (edition?.responses[response.kind] === undefined) return { bytes: NOTHING, close: true };
    const bytes = encodeResponse(edition, response, this.#habits);
    this.#unpadded = framePadding(bytes.length);
    return { bytes, close: false };
  }

  #advance(): ServerEvent | undefined {
    const state = this.#state;
    switch (state.at) {
      case "header":
        return this.#readHeader();
      case "recognise":
        return this.#recognise(state.header, state.prefix);
      case "fixed":
        return this.#readFixed(state.header, state.reading, state.prefix);
      case "part":
        return this.#readPart(state.part);
      case "answer":
        throw new RangeError("Cannot go on: the request before is not answered");
    }
  }

  #readHeader(): ServerEvent | undefined {
    if (this.#mayFillUp()) this.#passZeros();
    const bytes = this.#feed.take(REQUEST_HEADER_SIZE);
    if (bytes === undefined) return { type: "wait" };
    if (this.#padding >= bytes.length && isZero(bytes)) {
      // No request is all zeros: these fill up the message before, so its answer is to be filled up too.
      this.#padding -= bytes.length;
      this.#adopt("frames");
      return { type: "send", bytes: new Uint8Array(this.#unpadded) };
    }
    this.#padding = 0;
    if (isHello(bytes)) return { type: "hello" };
    this.#state = { at: "recognise", header: decodeRequestHeader(bytes), prefix: undefined };
    return undefined;
  }

  /** Whether zeros behind a message are known to belong to it. */
  #mayFillUp(): boolean {
    return this.#habits.has("frames") || this.#habits.has("headerless-blocks");
  }

  #passZeros(): void {
    const rest = this.#feed.rest.subarray(0, this.#padding);
    const end = rest.findIndex((byte) => byte !== 0);
    const passed = this.#feed.run(end < 0 ? rest.length : end)?.length ?? 0;
    this.#padding = end < 0 ? this.#padding - passed : 0;
  }

  #recognise(header: RequestHeader, prefix: Bytes | undefined): ServerEvent | undefined {
    // Should the request be refused, then in the words of the edition that it is most likely of.
    this.#edition ??= nearestEdition(this.#served, header.code);
    let readings = readingsOf(this.#served, header);
    const { clientId } = header;
    const registers = readings[0]?.kind === "register";
    if (!registers && !(this.#identified && equalBytes(this.#identified, clientId))) {
      return { type: "identify", clientId };
    }
    if (new Set(readings.map(startsWithId)).size > 1) {
      const begin = prefix ?? this.#feed.take(FIELDS.clientId.size);
      if (begin === undefined) return { type: "wait" };
      const hasId = equalBytes(begin, clientId);
      readings = readings.filter((reading) => startsWithId(reading) === hasId);
      prefix = begin;
    }
    const reading = readings.find(({ edition }) => edition === this.#edition) ?? readings[0];
    if (reading === undefined) throw new RangeError("Cannot recognise: no reading is left");
    this.#edition = reading.edition;
    // What frames bring along is known only with the edition.
    if (this.#habits.has("frames")) this.#adopt("frames");
    this.#state = { at: "fixed", header, reading, prefix: prefix ?? NOTHING };
    return undefined;
  }

  #readFixed(header: RequestHeader, reading: Reading, prefix: Bytes): ServerEvent | undefined {
    const { edition, kind, layout } = reading;
    const size = fixedSize(layout);
    const rest = this.#feed.take(size - prefix.length);
    if (rest === undefined) return { type: "wait" };
    const request = decodeRequest(edition, kind, header, concatBytes(prefix, rest));
    if (request.kind === "sendFile") {
      const part = new PartReader({ edition, header, request, habits: this.#habits });
      for (const habit of part.shown) this.#adopt(habit);
      this.#state = { at: "part", part };
      return { type: "part", request: part.request };
    }
    if (header.payloadSize === 0) this.#adopt("empty-crc-payload");
    this.#endMessage(REQUEST_HEADER_SIZE + size);
    this.#state = { at: "answer", afterMs: layout.answerAfterMs ?? 0 };
    return { type: "request", request };
  }

  #readPart(part: PartReader): ServerEvent {
    const content = part.next(this.#feed);
    if (content === "wait") return { type: "wait" };
    if (content !== "end") return { type: "content", bytes: content };
    this.#endMessage(part.size);
    this.#padding = Math.max(this.#padding, part.filling);
    this.#state = { at: "answer", afterMs: 0 };
    return { type: "partEnd", request: part.request };
  }

  #endMessage(size: number): void {
    this.#padding = framePadding(size);
    const rest = this.#feed.rest.subarray(0, this.#padding);
    // So many zeros are no request, so they belong to this one.
    const filledUp = rest.length === this.#padding && rest.length >= REQUEST_HEADER_SIZE;
    if (filledUp && isZero(rest)) this.#adopt("frames");
    if (this.#habits.has("frames")) this.#passZeros();
  }

  #adopt(habit: Habit): void {
    const implied = habit === "frames" ? this.#edition?.framedHabits ?? [] : [];
    this.#habits = new Set([...this.#habits, habit, ...implied]);
  }
}

function isZero(bytes: Bytes): boolean {
  return bytes.every((byte) => byte === 0);
}
