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
import { BLOCK_SIZE } from "../cipher/aes_cbc.ts";
import { type Edition, FIELDS, fixedSize, hasPackets } from "../editions/edition.ts";
import { ProtocolError } from "../errors.ts";
import { Feed } from "../feed.ts";
import {
  BLOCK_CONTENT,
  BLOCK_TRAILER,
  FIRST_PIECE,
  framePadding,
  type Habit,
  type Habits,
  NO_HABITS,
  PACKET_PAYLOADS,
  SHORT_KEY,
} from "../habits.ts";
import { decodeRequestHeader, REQUEST_HEADER_SIZE, type RequestHeader } from "../header.ts";
import {
  decodeRequest,
  encodeResponse,
  type Request,
  type Response,
  type SendFile,
} from "../messages.ts";
import { type Bytes, concatBytes, equalBytes } from "../wire.ts";
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

/** A stretch of a message behind its fixed part: content, or something to pass over. */
interface Stretch {
  readonly size: number;
  readonly content: boolean;
}

/** A block of a file whose message has no payload size. */
interface Block {
  readonly header: RequestHeader;
  readonly fields: SendFile;
  /** Content of the blocks behind this one, in bytes, the checksum at its end included. */
  readonly left: number;
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
  | {
    readonly at: "stretches";
    readonly request: SendFile;
    readonly stretches: readonly Stretch[];
    /** The block that this is, where there are blocks and further ones are to come. */
    readonly block?: Block | undefined;
  }
  | { readonly at: "block"; readonly request: SendFile; readonly block: Block }
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
  /** Bytes of the message that is being read. */
  #messageSize = 0;
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
      case "stretches":
        return this.#readStretch(state.request, state.stretches, state.block);
      case "block":
        return this.#readBlock(state.request, state.block);
      case "answer":
        throw new RangeError("Cannot go on: the request before is not answered");
    }
  }

  #take(size: number): Bytes | undefined {
    const bytes = this.#feed.take(size);
    if (bytes !== undefined) this.#messageSize += size;
    return bytes;
  }

  #readHeader(): ServerEvent | undefined {
    if (this.#habits.has("frames")) this.#passZeros();
    this.#messageSize = 0;
    const bytes = this.#take(REQUEST_HEADER_SIZE);
    if (bytes === undefined) return { type: "wait" };
    if (this.#padding >= bytes.length && isZero(bytes)) {
      // No request is all zeros: these fill up the message before, so its answer is to be filled up too.
      this.#padding -= bytes.length;
      this.#adopt("frames");
      return { type: "send", bytes: new Uint8Array(this.#unpadded) };
    }
    this.#padding = 0;
    this.#state = { at: "recognise", header: decodeRequestHeader(bytes), prefix: undefined };
    return undefined;
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
      const begin = prefix ?? this.#take(FIELDS.clientId.size);
      if (begin === undefined) return { type: "wait" };
      const hasId = equalBytes(begin, clientId);
      readings = readings.filter((reading) => startsWithId(reading) === hasId);
      prefix = begin;
    }
    const reading = readings.find(({ edition }) => edition === this.#edition) ?? readings[0];
    if (reading === undefined) throw new RangeError("Cannot recognise: no reading is left");
    this.#edition = reading.edition;
    this.#state = { at: "fixed", header, reading, prefix: prefix ?? NOTHING };
    return undefined;
  }

  #readFixed(header: RequestHeader, reading: Reading, prefix: Bytes): ServerEvent | undefined {
    const { edition, kind, layout } = reading;
    const size = fixedSize(layout);
    const rest = this.#take(size - prefix.length);
    if (rest === undefined) return { type: "wait" };
    const request = decodeRequest(edition, kind, header, concatBytes(prefix, rest));
    if (request.kind === "sendFile") return this.#beginPart(header, edition, request, size);
    if (header.payloadSize === 0) this.#adopt("empty-crc-payload");
    this.#endMessage();
    this.#state = { at: "answer", afterMs: layout.answerAfterMs ?? 0 };
    return { type: "request", request };
  }

  #beginPart(
    header: RequestHeader,
    edition: Edition,
    request: SendFile,
    fixed: number,
  ): ServerEvent {
    if (header.payloadSize === 0) return this.#beginBlocks(header, request);
    const { contentSize } = request;
    if (contentSize === 0 || contentSize % BLOCK_SIZE !== 0) throw noCiphertext(contentSize);
    const counted = header.payloadSize - fixed;
    const stretches = this.#stretches(edition, request, counted);
    if (stretches === undefined) {
      throw new ProtocolError(
        "bad-content-size",
        `Cannot read a file of ${contentSize} bytes: its message counts ${counted}`,
      );
    }
    for (const [habit, payload] of Object.entries(PACKET_PAYLOADS) as [Habit, number][]) {
      const surplus = contentSize < counted || (request.totalPackets ?? 1) > 1;
      if (hasPackets(edition) && surplus && header.payloadSize === payload) this.#adopt(habit);
    }
    this.#state = { at: "stretches", request, stretches };
    return { type: "part", request };
  }

  /** Where the content of a part lies, or `undefined` where its sizes contradict each other. */
  #stretches(edition: Edition, request: SendFile, counted: number): Stretch[] | undefined {
    const { contentSize, totalPackets = 1 } = request;
    if (counted === 0 && totalPackets === 1) {
      this.#adopt("uncounted-content");
      return [{ size: contentSize, content: true }];
    }
    if (hasPackets(edition)) {
      return counted === 0 ? undefined : [{ size: counted, content: true }];
    }
    if (counted === contentSize) return [{ size: counted, content: true }];
    const framed = this.#habits.has("frames") && edition.framedHabits.includes("pieces");
    if (!framed || counted !== FIRST_PIECE + BLOCK_SIZE || contentSize < counted) return undefined;
    return [
      { size: counted, content: true },
      { size: framePadding(this.#messageSize + counted), content: false },
      { size: contentSize - counted, content: true },
    ];
  }

  #readStretch(
    request: SendFile,
    stretches: readonly Stretch[],
    block?: Block,
  ): ServerEvent | undefined {
    const [stretch, ...others] = stretches;
    if (stretch === undefined) {
      if (block !== undefined && block.left > 0) {
        this.#state = { at: "block", request, block };
        return undefined;
      }
      this.#endMessage();
      this.#state = { at: "answer", afterMs: 0 };
      return { type: "partEnd", request };
    }
    const bytes = stretch.size > 0 ? this.#feed.run(stretch.size) : NOTHING;
    if (bytes === undefined) return { type: "wait" };
    this.#messageSize += bytes.length;
    const size = stretch.size - bytes.length;
    const left = size > 0 ? [{ ...stretch, size }, ...others] : others;
    this.#state = { at: "stretches", request, stretches: left, block };
    return stretch.content && bytes.length > 0 ? { type: "content", bytes } : undefined;
  }

  /** A file in blocks is told as one part: what numbers and ends them says nothing about the file. */
  #beginBlocks(header: RequestHeader, fields: SendFile): ServerEvent {
    const ciphertext = fields.contentSize - BLOCK_TRAILER;
    if (ciphertext <= 0 || ciphertext % BLOCK_SIZE !== 0) throw noCiphertext(ciphertext);
    if (fields.packetNumber !== 0) {
      throw new ProtocolError("bad-packet", "Cannot read blocks that are not numbered from 0");
    }
    this.#adopt("headerless-blocks");
    const request = { ...fields, contentSize: ciphertext, packetNumber: 1, totalPackets: 1 };
    this.#enterBlock(request, { header, fields, left: fields.contentSize });
    return { type: "part", request };
  }

  #readBlock(request: SendFile, { header, fields: before, left }: Block): ServerEvent | undefined {
    const edition = this.#edition ?? this.#served[0];
    if (edition === undefined) throw new RangeError("Cannot read a block: no edition is served");
    const bytes = this.#take(fixedSize(edition.requests.sendFile));
    if (bytes === undefined) return { type: "wait" };
    const fields = decodeRequest(edition, "sendFile", header, bytes) as SendFile;
    const follows = fields.packetNumber === (before.packetNumber ?? 0) + 1 &&
      fields.contentSize === before.contentSize && equalBytes(fields.fileName, before.fileName);
    if (!follows) {
      throw new ProtocolError(
        "bad-packet",
        "Cannot read a block that does not follow the one before",
      );
    }
    this.#enterBlock(request, { header, fields, left });
    return undefined;
  }

  /** Plans the content of a block of which `left` bytes, this block's included, are still to come. */
  #enterBlock(request: SendFile, { header, fields, left }: Block): void {
    const size = Math.min(left, BLOCK_CONTENT);
    const content = Math.max(0, Math.min(size, left - BLOCK_TRAILER));
    const stretches = [{ size: content, content: true }, { size: size - content, content: false }];
    const block = { header, fields, left: left - size };
    this.#state = { at: "stretches", request, stretches, block };
  }

  #endMessage(): void {
    this.#padding = framePadding(this.#messageSize);
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

function noCiphertext(size: number): ProtocolError {
  return new ProtocolError(
    "bad-content-size",
    `Cannot read a file of ${size} bytes: ciphertext comes in blocks of ${BLOCK_SIZE}`,
  );
}
