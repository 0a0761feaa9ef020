/**
 * Frames out of bytes that come in pieces of any size.
 *
 * @module
 */
import { InputBuffer } from "../input_buffer.ts";
import type { Bytes } from "../bytes.ts";
import {
  decodeFrameHeader,
  decodeMessage,
  FRAME_HEADER_SIZE,
  type FrameHeader,
  type Message,
} from "./messages.ts";

/** Payloads of so many bytes and more are read to where they belong; others come in one piece with what follows. */
const WORTH_FILLING = 64 * 1024;

/** Holds one incomplete frame at most. */
export class FrameReader {
  readonly #from: "client" | "server";
  readonly #judge: (header: FrameHeader) => void;
  readonly #input = new InputBuffer();
  #header: FrameHeader | undefined;

  /** Reads what `from` sends. `judge` throws for a frame that is not to come, before there is room for its payload. */
  constructor(
    from: "client" | "server",
    judge: (header: FrameHeader) => void = () => undefined,
  ) {
    this.#from = from;
    this.#judge = judge;
  }

  /** Whether nothing of a frame is here that is not whole. */
  get betweenFrames(): boolean {
    return this.#header === undefined && this.#input.available === 0;
  }

  /** Hands over the next piece, which must not change until `next` has returned `undefined`. */
  push(piece: Bytes): void {
    this.#input.push(piece);
  }

  /**
   * Where the rest of a large payload goes, for who can read it right to there; the next message is whole when `fill` was
   * told so. `undefined` where a piece is to be pushed.
   */
  get room(): Bytes | undefined {
    if (this.#header === undefined || this.#header.length < WORTH_FILLING) return undefined;
    return this.#input.room;
  }

  /** Takes note that so many bytes of the room are filled. */
  fill(size: number): void {
    this.#input.fill(size);
  }

  /** The next message; its bytes are its own. `undefined` until more is pushed. Throws `ProtocolError` `bad-frame`. */
  next(): Message | undefined {
    if (this.#header === undefined) {
      const header = this.#input.take(FRAME_HEADER_SIZE);
      if (header === undefined) return undefined;
      const decoded = decodeFrameHeader(header, this.#from);
      this.#judge(decoded);
      this.#header = decoded;
    }
    const payload = this.#input.take(this.#header.length);
    if (payload === undefined) return undefined;
    const header = this.#header;
    this.#header = undefined;
    return decodeMessage(header, payload);
  }
}
