/**
 * Frames from bytes that arrive in pieces of any size.
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

/** Reads messages from bytes that arrive in pieces of any size. Holds one incomplete frame at most. */
export class FrameReader {
  readonly #from: "client" | "server";
  readonly #judge: (header: FrameHeader) => void;
  readonly #input = new InputBuffer();
  #header: FrameHeader | undefined;

  /**
   * `from`: who sends what is read. `judge` sees each header before memory for the payload is taken, and throws to reject
   * the frame.
   */
  constructor(
    from: "client" | "server",
    judge: (header: FrameHeader) => void = () => undefined,
  ) {
    this.#from = from;
    this.#judge = judge;
  }

  /** Whether no frame is incomplete. */
  get betweenFrames(): boolean {
    return this.#header === undefined && this.#input.available === 0;
  }

  /** Adds the next piece. It must not change until `next` has returned `undefined`. */
  push(piece: Bytes): void {
    this.#input.push(piece);
  }

  /**
   * Where the rest of a large payload goes, for readers that can fill a buffer; report it with `fill`. `undefined`: push
   * the next piece instead.
   */
  get room(): Bytes | undefined {
    if (this.#header === undefined || this.#header.length < WORTH_FILLING) return undefined;
    return this.#input.room;
  }

  /** Reports that the first `size` bytes of `room` are filled. */
  fill(size: number): void {
    this.#input.fill(size);
  }

  /**
   * The next message, or `undefined` until it is complete. Its bytes are a copy. Throws `ProtocolError` `bad-frame`, and
   * what `judge` throws.
   */
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
