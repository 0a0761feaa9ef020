/**
 * Turns bytes that arrive in pieces of any size into fields of a wanted size and into runs of content.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";

const NOTHING: Bytes = new Uint8Array(0);

/**
 * Holds one pushed piece and at most one incomplete field. The caller pushes the next piece when everything of the
 * one before has been taken, so that what is held never grows.
 */
export class InputBuffer {
  #piece = NOTHING;
  #field = NOTHING;
  #filled = 0;

  /** How many pushed bytes are not taken yet. */
  get available(): number {
    return this.#filled + this.#piece.length;
  }

  /** Hands over the next piece. It must not change until it has been taken whole. */
  push(piece: Bytes): void {
    if (this.#piece.length > 0) {
      throw new RangeError("cannot push: the previous piece was not taken");
    }
    this.#piece = piece;
  }

  /** Exactly `size` bytes as a copy, or `undefined` until they all are here. Ask again with the same size. */
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
   * Where the rest of a field goes that `take` has not got whole, to be filled from elsewhere; `undefined` where none is
   * begun. Nothing that was pushed is left then.
   */
  get room(): Bytes | undefined {
    return this.#field.length === 0 ? undefined : this.#field.subarray(this.#filled);
  }

  /** Takes note that so many bytes of the room are filled. */
  fill(size: number): void {
    this.#filled += size;
  }

  /** Between 1 and `max` bytes as a view of the pushed piece, or `undefined` where none is here. */
  run(max: number): Bytes | undefined {
    const part = this.#run(max);
    return part.length > 0 ? part : undefined;
  }

  /** What is here of the pushed piece and not of a field, as a view; it stays to be taken. */
  get rest(): Bytes {
    return this.#filled === 0 ? this.#piece : NOTHING;
  }

  #run(max: number): Bytes {
    const part = this.#piece.subarray(0, max);
    this.#piece = this.#piece.subarray(part.length);
    return part;
  }
}
