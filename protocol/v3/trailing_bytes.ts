/**
 * Bytes after a message that are not a message: padding to whole frames, announced padding that arrives late, and the
 * extra bytes of some clients after their public key.
 *
 * @module
 */
import type { InputBuffer } from "../input_buffer.ts";
import { fillingOf, framePadding, KEY_SURPLUS, type Quirks } from "./editions/quirks.ts";
import type { Bytes } from "../bytes.ts";

export type FrameQuirk = "frames" | "frames-2048";

export class TrailingBytes {
  /** The size of a header in bytes. No header is all zeros, so that many zeros are padding. */
  readonly #headerSize: number;
  /** The padding of the message for each frame size that the peer may use, smallest first. */
  #frames: readonly { readonly quirk: FrameQuirk; readonly padding: number }[] = [];
  /** The zeros skipped so far, and the number of zeros that certainly belong to the message. */
  #passed = 0;
  #certain = 0;
  /** The frame size that is being detected. */
  #found: FrameQuirk | undefined;
  #mayHaveSurplus = false;
  #surplus = 0;

  constructor(headerSize: number) {
    this.#headerSize = headerSize;
  }

  /**
   * Begins after a message of `size` bytes. `filling`: zeros that may follow in any case. Returns the quirk of the
   * detected frame size if all its zeros have already arrived.
   */
  begin(
    input: InputBuffer,
    { size, quirks, filling = 0, isKey = false }: {
      readonly size: number;
      readonly quirks: Quirks;
      readonly filling?: number;
      readonly isKey?: boolean;
    },
  ): FrameQuirk | undefined {
    const small = { quirk: "frames", padding: framePadding(size) } as const;
    const large = { quirk: "frames-2048", padding: framePadding(size, "frames-2048") } as const;
    const sizes = quirks.has("frames-2048") ? [] : quirks.has("frames") ? [large] : [small, large];
    const known = fillingOf(quirks, size);
    // If both frame sizes need the same padding, the smaller is assumed.
    this.#frames = sizes.filter((frame) =>
      frame.padding >= this.#headerSize && frame.padding > known &&
      (frame === small || frame.padding > small.padding)
    );
    this.#mayHaveSurplus = isKey;
    this.#surplus = 0;
    this.#passed = 0;
    this.#found = undefined;
    const here = zerosOf(input.rest, large.padding);
    const frame = this.#frames.findLast(({ padding }) => padding <= here);
    this.#certain = Math.max(known, filling, frame?.padding ?? 0);
    this.pass(input);
    return frame?.quirk;
  }

  /**
   * Skips bytes that certainly belong to the previous message. Returns the quirk of the detected frame size at the end
   * of the frame.
   */
  pass(input: InputBuffer): FrameQuirk | undefined {
    if (this.#surplus > 0) this.#surplus -= input.run(this.#surplus)?.length ?? 0;
    const due = this.#certain - this.#passed;
    if (due <= 0) return undefined;
    const zeros = zerosOf(input.rest, due);
    if (zeros > 0) input.run(zeros);
    this.#passed += zeros;
    // Other bytes begin before the frame is full, so it is not a frame.
    if (zeros < due && input.rest.length > 0) this.#certain = this.#passed;
    if (zeros < due) return undefined;
    const found = this.#found;
    this.#found = undefined;
    return found;
  }

  /** Whether bytes in the place of a header belong to the previous message. Prepares `pass` to skip the rest. */
  takes(bytes: Bytes, isKnownCode: boolean): boolean {
    if (zerosOf(bytes, bytes.length) === bytes.length) {
      const passed = this.#passed + bytes.length;
      const frame = this.#frames.find(({ padding }) => passed <= padding);
      if (frame === undefined) return false;
      this.#passed = passed;
      this.#certain = frame.padding;
      this.#found = frame.quirk;
      return true;
    }
    if (isKnownCode || !this.#mayHaveSurplus) return false;
    this.#mayHaveSurplus = false;
    this.#surplus = KEY_SURPLUS - bytes.length;
    return true;
  }
}

/** The number of zeros at the beginning, at most `max`. */
function zerosOf(bytes: Bytes, max: number): number {
  const end = Math.min(bytes.length, max);
  let zeros = 0;
  while (zeros < end && bytes[zeros] === 0) zeros++;
  return zeros;
}
