/**
 * Writes frames to a socket. While the socket is busy, small frames are gathered and then leave in one write.
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";

/** The size of each of two buffers, in bytes: one is written while the other is filled. */
const SIZE = 256 * 1024;
/** The initial size of the buffers, in bytes, which is enough for most connections. */
const FIRST_SIZE = 1024;
/**
 * The size, in bytes, above which only the beginning of a piece is gathered. Copying the rest would take longer than
 * writing it.
 */
const LARGE = SIZE / 4;

const DONE = Promise.resolve();

export class FrameWriter {
  readonly #write: (bytes: Bytes) => Promise<void>;
  /** The buffer that is being filled, and the one that is written or free. */
  #buffer: Bytes = new Uint8Array(FIRST_SIZE);
  #spare: Bytes = new Uint8Array(FIRST_SIZE);
  #filled = 0;
  /** Resolves when everything gathered is written; `undefined` then. */
  #emptying: Promise<void> | undefined;
  /** Resolves when all frames that wait for room are gathered. */
  #turn: Promise<unknown> = DONE;
  #inTurn = 0;
  #failure: { readonly error: unknown } | undefined;

  /** `write` writes all of its bytes. Its first error ends the writer. */
  constructor(write: (bytes: Bytes) => Promise<void>) {
    this.#write = write;
  }

  /** Whether anything is not written yet. */
  get isBusy(): boolean {
    return this.#emptying !== undefined || this.#inTurn > 0;
  }

  /**
   * Writes the pieces of a frame without other bytes in between. Resolves when the caller may change them and send
   * more. Rejects with the first error of `write`.
   */
  send(...pieces: readonly Bytes[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    if (this.#inTurn === 0 && size <= LARGE && this.#filled + size <= SIZE) {
      for (const piece of pieces) this.#gather(piece);
      return DONE;
    }
    this.#inTurn++;
    const sent = this.#turn.then(() => this.#sendInTurn(pieces)).finally(() => this.#inTurn--);
    this.#turn = sent.catch(() => undefined);
    return sent;
  }

  async #sendInTurn(pieces: readonly Bytes[]): Promise<void> {
    for (const piece of pieces) {
      const beginning = piece.subarray(0, LARGE);
      while (this.#filled + beginning.length > SIZE) await this.#emptying;
      this.#gather(beginning);
      if (beginning.length === piece.length) continue;
      while (this.#emptying !== undefined) await this.#emptying;
      await this.#writeOrFail(piece.subarray(beginning.length));
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Resolves when everything is written. Rejects with the first error of `write`. */
  async drain(): Promise<void> {
    while (this.isBusy) await (this.#emptying ?? this.#turn);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #gather(bytes: Bytes): void {
    const filled = this.#filled + bytes.length;
    if (filled > this.#buffer.length) this.#grow(filled);
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
    this.#emptying ??= this.#empty();
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.min(SIZE, Math.max(needed, 2 * this.#buffer.length)));
    grown.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = grown;
  }

  async #empty(): Promise<void> {
    // Frames that are sent without waiting in between leave in one write.
    await DONE;
    while (this.#filled > 0) {
      const bytes = this.#buffer.subarray(0, this.#filled);
      [this.#buffer, this.#spare] = [this.#spare, this.#buffer];
      this.#filled = 0;
      await this.#writeOrFail(bytes);
    }
    this.#emptying = undefined;
  }

  /** Keeps an error for the next `send`. */
  async #writeOrFail(bytes: Bytes): Promise<void> {
    try {
      if (this.#failure === undefined) await this.#write(bytes);
    } catch (error) {
      this.#failure = { error };
    }
  }
}
