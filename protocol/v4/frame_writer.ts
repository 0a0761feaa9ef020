/**
 * Frames on their way into a socket: small ones are gathered while the socket takes those before, and go out in one
 * write.
 *
 * @module
 */
import type { Bytes } from "../bytes.ts";

/** Bytes that are gathered at most. There are two such buffers: one is written while the other is filled. */
const SIZE = 256 * 1024;
/** As large are they at first: most connections never need more. */
const FIRST_SIZE = 1024;
/** Of a longer piece the beginning is gathered, and the rest written as it is: to copy that would take longer than a write. */
const LARGE = SIZE / 4;

const DONE = Promise.resolve();

export class FrameWriter {
  readonly #write: (bytes: Bytes) => Promise<void>;
  /** What is filled, and what is written or free. */
  #here: Bytes = new Uint8Array(FIRST_SIZE);
  #other: Bytes = new Uint8Array(FIRST_SIZE);
  #filled = 0;
  /** Ends when nothing that was gathered is left. */
  #emptying: Promise<void> | undefined;
  /** Ends when all that has to wait for room has found it. */
  #turn: Promise<unknown> = DONE;
  #inTurn = 0;
  #failure: { readonly error: unknown } | undefined;

  /** `write` writes bytes whole; what it throws once ends everything. */
  constructor(write: (bytes: Bytes) => Promise<void>) {
    this.#write = write;
  }

  /** Whether something is not written yet. */
  get isBusy(): boolean {
    return this.#emptying !== undefined || this.#inTurn > 0;
  }

  /**
   * Takes the pieces of a frame; no other gets between them. Resolves when they may be changed and more may be sent.
   * Rejects with what `write` has thrown, now or before.
   */
  send(...pieces: readonly Bytes[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    if (this.#inTurn === 0 && size <= LARGE && this.#filled + size <= SIZE) {
      for (const piece of pieces) this.#gather(piece);
      return DONE;
    }
    this.#inTurn++;
    const sent = this.#turn.then(() => this.#squeeze(pieces)).finally(() => this.#inTurn--);
    this.#turn = sent.catch(() => undefined);
    return sent;
  }

  async #squeeze(pieces: readonly Bytes[]): Promise<void> {
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

  /** Resolves when all that was taken is written. Rejects with what `write` has thrown. */
  async drain(): Promise<void> {
    while (this.isBusy) await (this.#emptying ?? this.#turn);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #gather(bytes: Bytes): void {
    const filled = this.#filled + bytes.length;
    if (filled > this.#here.length) this.#grow(filled);
    this.#here.set(bytes, this.#filled);
    this.#filled += bytes.length;
    this.#emptying ??= this.#empty();
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.min(SIZE, Math.max(needed, 2 * this.#here.length)));
    grown.set(this.#here.subarray(0, this.#filled));
    this.#here = grown;
  }

  async #empty(): Promise<void> {
    // What is sent in one go without waiting goes out in one write.
    await DONE;
    while (this.#filled > 0) {
      const bytes = this.#here.subarray(0, this.#filled);
      [this.#here, this.#other] = [this.#other, this.#here];
      this.#filled = 0;
      await this.#writeOrFail(bytes);
    }
    this.#emptying = undefined;
  }

  /** Whoever sends next is told of a failure. */
  async #writeOrFail(bytes: Bytes): Promise<void> {
    try {
      if (this.#failure === undefined) await this.#write(bytes);
    } catch (error) {
      this.#failure = { error };
    }
  }
}
