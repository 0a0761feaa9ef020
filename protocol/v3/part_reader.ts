/**
 * Where the content of a message lies: behind its fixed part, as its payload size counts it, or as one of the quirks
 * has it.
 *
 * @module
 */
import { BLOCK_SIZE } from "../cipher/aes_cbc.ts";
import { type Edition, fixedSize, hasPackets } from "./editions/edition.ts";
import { ProtocolError } from "../errors.ts";
import type { InputBuffer } from "../input_buffer.ts";
import {
  BLOCK_CONTENT,
  BLOCK_TRAILER,
  FIRST_PIECE,
  framePadding,
  MAX_FILLING,
  PACKET_PAYLOADS,
  type Quirk,
  type Quirks,
} from "./editions/quirks.ts";
import { REQUEST_HEADER_SIZE, type RequestHeader } from "../header.ts";
import { decodeRequest, type SendFile } from "./messages.ts";
import { type Bytes, concatBytes, equalBytes } from "../bytes.ts";
import { type ContentSize, contentSizeOf } from "./content_size.ts";

/** A run of bytes behind the fixed part: content, or something to pass over. */
interface ByteRun {
  readonly size: number;
  readonly content: boolean;
}

export interface PartMessage {
  readonly edition: Edition;
  readonly header: RequestHeader;
  /** Its fixed part. */
  readonly request: SendFile;
  /** How the peer is known to speak. */
  readonly quirks: Quirks;
}

/** Reads the content of one file message from a input. */
export class PartReader {
  /**
   * The part as it is told: a file in blocks is one part, since what numbers the blocks says nothing of the file. At its
   * end it may have turned out to have a block less.
   */
  request: SendFile;
  /** What the message shows of its sender, at its end too. */
  shown: readonly Quirk[];
  /** Bytes of the message so far. */
  size: number;
  /** Zeros that may follow: of a file in blocks they fill up the last one. */
  filling = 0;
  readonly #edition: Edition;
  readonly #header: RequestHeader;
  /** Whether it is the last packet of a file, or all of it. */
  readonly #isLast: boolean;
  #runs: ByteRun[];
  /** The part without its last block, where it has yet to be seen whether that is one of the ciphertext. */
  #withoutLast: SendFile | undefined;
  /** What has come of it. */
  #last: Bytes = new Uint8Array(0);
  /** The block that is being read, and the bytes of those behind it. */
  #block: SendFile;
  #blocksLeft = 0;

  /** Throws `ProtocolError` `bad-content-size` or `bad-packet` where the message's sizes or numbers can't be. */
  constructor(message: PartMessage) {
    const { edition, header, request } = message;
    this.#edition = edition;
    this.#header = header;
    this.#block = request;
    this.size = REQUEST_HEADER_SIZE + fixedSize(edition.requests.sendFile);
    const inBlocks = header.payloadSize === 0;
    const found: ContentSize = inBlocks
      ? { ciphertext: request.contentSize - BLOCK_TRAILER }
      : contentSizeOf(request, countedContent(message), message.quirks);
    const { ciphertext: contentSize, odd, isLastDoubtful } = found;
    const { packetNumber, totalPackets } = request;
    this.#isLast = !inBlocks && packetNumber === totalPackets;
    if (contentSize <= 0 || contentSize % BLOCK_SIZE !== 0) {
      throw new ProtocolError(
        "bad-content-size",
        `cannot read a file of ${contentSize} bytes: the size is not a multiple of ${BLOCK_SIZE}`,
      );
    }
    if (inBlocks) {
      if (request.packetNumber !== 0) throw badBlock("the first is not number 0");
      this.request = { ...request, contentSize, packetNumber: 1, totalPackets: 1 };
      this.shown = ["headerless-blocks"];
      this.#runs = this.#enterBlock(request, request.contentSize);
    } else {
      this.request = { ...request, contentSize, ...(odd && { plaintextSize: odd.plaintext }) };
      const normal = { ...message, request: this.request };
      this.shown = odd ? [odd.quirk] : shownQuirks(normal);
      this.#runs = runsOf(normal, this.size);
      if (isLastDoubtful) {
        this.shown = [];
        this.#withoutLast = request;
        this.#runs = [{ size: request.contentSize, content: true }];
      }
    }
  }

  /** Whether it can end when the file's content is complete, whatever else it announces. */
  get mayEndEarly(): boolean {
    return this.#isLast && isZero(this.#last);
  }

  /** Bytes of ciphertext that it has in any case. */
  get certainSize(): number {
    return (this.#withoutLast ?? this.request).contentSize;
  }

  /** Ends the message: what was announced and has not come may follow it all the same. */
  endEarly(): void {
    this.filling = this.#runs.reduce((sum, { size }) => sum + size, 0);
    this.#runs = [];
    if (this.#withoutLast === undefined) return;
    this.filling += BLOCK_SIZE - this.#last.length;
    this.#dropLast();
  }

  /** Content as a view of what was fed, `wait` where none is here yet, or `end`. */
  next(input: InputBuffer): Bytes | "wait" | "end" {
    for (;;) {
      const [run, ...others] = this.#runs;
      if (run === undefined) {
        if (this.#withoutLast !== undefined) return this.#readLast(input);
        if (this.#blocksLeft === 0) return "end";
        if (!this.#readBlock(input)) return "wait";
        continue;
      }
      if (run.size === 0) {
        this.#runs = others;
        continue;
      }
      const bytes = input.run(run.size);
      if (bytes === undefined) return "wait";
      this.size += bytes.length;
      this.#runs = [{ ...run, size: run.size - bytes.length }, ...others];
      if (run.content) return bytes;
    }
  }

  /** Filling is zeros, which a block of ciphertext never is. */
  #readLast(input: InputBuffer): Bytes | "wait" | "end" {
    while (this.#last.length < BLOCK_SIZE) {
      const bytes = input.run(BLOCK_SIZE - this.#last.length);
      if (bytes === undefined) return "wait";
      this.size += bytes.length;
      this.#last = concatBytes(this.#last, bytes);
    }
    if (isZero(this.#last)) {
      this.#dropLast();
      return "end";
    }
    this.#withoutLast = undefined;
    this.shown = ["plaintext-size"];
    return this.#last;
  }

  #dropLast(): void {
    this.request = this.#withoutLast ?? this.request;
    this.#withoutLast = undefined;
  }

  #readBlock(input: InputBuffer): boolean {
    const bytes = input.take(fixedSize(this.#edition.requests.sendFile));
    if (bytes === undefined) return false;
    this.size += bytes.length;
    const before = this.#block;
    const block = decodeRequest(this.#edition, "sendFile", this.#header, bytes) as SendFile;
    const follows = block.packetNumber === (before.packetNumber ?? 0) + 1 &&
      block.contentSize === before.contentSize && equalBytes(block.fileName, before.fileName);
    if (!follows) {
      throw badBlock(`block ${block.packetNumber} follows block ${before.packetNumber}`);
    }
    this.#runs = this.#enterBlock(block, this.#blocksLeft);
    return true;
  }

  /** The content of a block of which `left` bytes, this block's included, are still to come. */
  #enterBlock(block: SendFile, left: number): ByteRun[] {
    const size = Math.min(left, BLOCK_CONTENT);
    const content = Math.max(0, Math.min(size, left - BLOCK_TRAILER));
    this.#block = block;
    this.#blocksLeft = left - size;
    this.filling = BLOCK_CONTENT - size;
    return [{ size: content, content: true }, { size: size - content, content: false }];
  }
}

/** The runs of a message of which `size` bytes, up to its fixed part's end, are read. */
function runsOf(message: PartMessage, size: number): ByteRun[] {
  const { edition, request, quirks } = message;
  const { contentSize } = request;
  const counted = countedContent(message);
  if (isUncounted(message)) return [{ size: contentSize, content: true }];
  if (counted === contentSize || (hasPackets(edition) && counted > 0)) {
    return [{ size: counted, content: true }];
  }
  const inPieces = quirks.has("frames") && edition.framedQuirks.includes("pieces") &&
    counted === FIRST_PIECE + BLOCK_SIZE && contentSize > counted;
  if (inPieces) {
    return [
      { size: counted, content: true },
      { size: framePadding(size + counted), content: false },
      { size: contentSize - counted, content: true },
    ];
  }
  const surplus = counted - contentSize;
  if (!hasPackets(edition) && surplus > 0 && surplus <= MAX_FILLING) {
    return [{ size: contentSize, content: true }, { size: surplus, content: false }];
  }
  throw new ProtocolError(
    "bad-content-size",
    `cannot read a file of ${contentSize} bytes: its message counts ${counted}`,
  );
}

function shownQuirks(message: PartMessage): Quirk[] {
  if (isUncounted(message)) return ["uncounted-content"];
  const { edition, header, request } = message;
  const { contentSize, totalPackets = 1 } = request;
  // A packet of just this size is nothing special where it is the only one and not filled up.
  const special = hasPackets(edition) &&
    (contentSize < countedContent(message) || totalPackets > 1);
  const payloads = Object.entries(PACKET_PAYLOADS) as [Quirk, number][];
  return payloads.filter(([, payload]) => special && header.payloadSize === payload)
    .map(([quirk]) => quirk);
}

function isUncounted(message: PartMessage): boolean {
  return countedContent(message) === 0 && (message.request.totalPackets ?? 1) === 1;
}

function countedContent({ edition, header }: PartMessage): number {
  return header.payloadSize - fixedSize(edition.requests.sendFile);
}

function isZero(bytes: Bytes): boolean {
  return bytes.every((byte) => byte === 0);
}

function badBlock(what: string): ProtocolError {
  return new ProtocolError("bad-packet", `cannot assemble the blocks: ${what}`);
}
