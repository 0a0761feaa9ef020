/**
 * Reads frames from bytes that arrive in pieces of any size.
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
  type MessageKind,
} from "./messages.ts";

/**
 * The size, in bytes, from which a payload is read directly into its buffer. Smaller ones arrive together with what
 * follows.
 */
const WORTH_FILLING = 64 * 1024;

/** Reads messages from bytes that arrive in pieces of any size. Holds at most one incomplete frame. */
export class FrameReader {
  readonly #from: "client" | "server";
  readonly #judge: (header: FrameHeader) => void;
  readonly #input = new InputBuffer();
  #header: FrameHeader | undefined;

  /**
   * `from`: the sender of the messages. `judge`: called with each header before memory for its payload is allocated;
   * throws to reject the frame.
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

  /** The kind of the incomplete frame, once its header has arrived. */
  get incoming(): MessageKind | undefined {
    return this.#header?.kind;
  }

  /** Adds the next piece. It must not change until `next` has returned `undefined`. */
  push(piece: Bytes): void {
    this.#input.push(piece);
  }

  /**
   * The rest of a large payload, for the caller to fill directly and to report with `fill`; `undefined` if the caller
   * must push the next piece instead.
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
   * Returns the next message, or `undefined` until it is complete. Its bytes are a copy. Throws `ProtocolError`
   * `bad-frame`, and what `judge` throws.
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
