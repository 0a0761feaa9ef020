/**
 * Finds the content of a file message after its fixed part: by its payload size, or as one of the quirks says.
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

/** A run of bytes after the fixed part: content, or bytes to skip. */
interface ByteRun {
  readonly size: number;
  readonly content: boolean;
}

export interface PartMessage {
  readonly edition: Edition;
  readonly header: RequestHeader;
  /** The fixed part of the message. */
  readonly request: SendFile;
  /** The known quirks of the peer. */
  readonly quirks: Quirks;
}

/** Reads the content of one file message from an input buffer. */
export class PartReader {
  /**
   * The header to report for the part. A file in blocks counts as one part, because block numbers say nothing about the
   * file. At the end it may have one block less.
   */
  request: SendFile;
  /** The quirks that the message shows, complete at its end. */
  shown: readonly Quirk[];
  /** The number of bytes of the message so far. */
  size: number;
  /** The number of zeros that may follow; for a file in blocks, the padding of the last block. */
  filling = 0;
  readonly #edition: Edition;
  readonly #header: RequestHeader;
  /** Whether the part is the last or only packet of a file. */
  readonly #isLast: boolean;
  #runs: ByteRun[];
  /** The header without the last block, while it is unknown whether that block is ciphertext or padding. */
  #withoutLast: SendFile | undefined;
  /** The bytes of the last block so far. */
  #last: Bytes = new Uint8Array(0);
  /** The current block, and the number of bytes in the blocks after it. */
  #block: SendFile;
  #blocksLeft = 0;

  /** Throws `ProtocolError` `bad-content-size` or `bad-packet` for impossible sizes or numbers. */
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

  /** Whether the message may end when the file's content is complete, although it announces more. */
  get mayEndEarly(): boolean {
    return this.#isLast && isZero(this.#last);
  }

  /** The number of bytes that are certainly ciphertext. */
  get certainSize(): number {
    return (this.#withoutLast ?? this.request).contentSize;
  }

  /** Ends the message. The announced rest may still follow. */
  endEarly(): void {
    this.filling = this.#runs.reduce((sum, { size }) => sum + size, 0);
    this.#runs = [];
    if (this.#withoutLast === undefined) return;
    this.filling += BLOCK_SIZE - this.#last.length;
    this.#dropLast();
  }

  /** Returns content as a view of the pushed bytes, `wait` if none are left, or `end`. */
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

  /** Padding is all zeros, which a block of ciphertext never is. */
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

  /** Begins a block. `left`: the number of bytes in this block and those after it. */
  #enterBlock(block: SendFile, left: number): ByteRun[] {
    const size = Math.min(left, BLOCK_CONTENT);
    const content = Math.max(0, Math.min(size, left - BLOCK_TRAILER));
    this.#block = block;
    this.#blocksLeft = left - size;
    this.filling = BLOCK_CONTENT - size;
    return [{ size: content, content: true }, { size: size - content, content: false }];
  }
}

/** The runs of a message. `size`: the bytes up to the end of its fixed part. */
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
  // A single packet of exactly this size without padding shows nothing.
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
