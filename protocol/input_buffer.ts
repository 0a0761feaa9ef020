/**
 * Cuts bytes that arrive in pieces of any size into fields of a given size and runs of content.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";

const NOTHING: Bytes = new Uint8Array(0);

/**
 * Holds one pushed piece and at most one incomplete field. The caller must take everything of a piece before it pushes
 * the next, so that memory never grows.
 */
export class InputBuffer {
  #piece = NOTHING;
  #field = NOTHING;
  #filled = 0;

  /** The number of pushed bytes that are not taken yet. */
  get available(): number {
    return this.#filled + this.#piece.length;
  }

  /** Adds the next piece. It must not change until all of it is taken. */
  push(piece: Bytes): void {
    if (this.#piece.length > 0) {
      throw new RangeError("cannot push: the previous piece was not taken");
    }
    this.#piece = piece;
  }

  /**
   * Returns exactly `size` bytes as a copy, or `undefined` until all have arrived. Call it again with the same size.
   */
  take(size: number): Bytes | undefined {
    if (this.#field.length !== size) this.#field = new Uint8Array(size);
    const part = this.#run(size - this.#filled);
    this.#field.set(part, this.#filled);
    this.#filled += part.length;
    if (this.#filled < size) return undefined;
    const field = this.#field;
    this.#field = NOTHING;
    this.#filled = 0;
    return field;
  }

  /**
   * The rest of the field that `take` could not complete, for the caller to fill directly; `undefined` without one. All
   * pushed bytes are taken then.
   */
  get room(): Bytes | undefined {
    return this.#field.length === 0 ? undefined : this.#field.subarray(this.#filled);
  }

  /** Reports that the first `size` bytes of `room` are filled. */
  fill(size: number): void {
    this.#filled += size;
  }

  /** Returns between 1 and `max` bytes as a view of the pushed piece, or `undefined` if none are left. */
  run(max: number): Bytes | undefined {
    const part = this.#run(max);
    return part.length > 0 ? part : undefined;
  }

  /** A view of the rest of the pushed piece, which is not taken; empty if it belongs to an incomplete field. */
  get rest(): Bytes {
    return this.#filled === 0 ? this.#piece : NOTHING;
  }

  #run(max: number): Bytes {
    const part = this.#piece.subarray(0, max);
    this.#piece = this.#piece.subarray(part.length);
    return part;
  }
}
