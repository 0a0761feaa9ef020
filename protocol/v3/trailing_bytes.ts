/**
 * What may follow a message of the other end without being one: zeros that fill up its frame, filling that was announced and
 * comes late, and what some clients have behind their public key.
 *
 * @module
 */
import type { InputBuffer } from "../input_buffer.ts";
import { fillingOf, framePadding, KEY_SURPLUS, type Quirks } from "./editions/quirks.ts";
import type { Bytes } from "../bytes.ts";

export type FrameQuirk = "frames" | "frames-2048";

export class TrailingBytes {
  /** No header is all zeros: as many as it has bytes, and more, fill up the message before. */
  readonly #headerSize: number;
  /** Zeros that would fill up the message, for each size of frames that is not known; the smallest first. */
  #frames: readonly { readonly quirk: FrameQuirk; readonly padding: number }[] = [];
  /** Zeros of it that were passed over, and up to how many belong to it in any case. */
  #passed = 0;
  #certain = 0;
  /** The frame that is being filled up, where it was not known to be one. */
  #found: FrameQuirk | undefined;
  #mayHaveSurplus = false;
  #surplus = 0;

  constructor(headerSize: number) {
    this.#headerSize = headerSize;
  }

  /**
   * A message of so many bytes has ended. `filling`: zeros that may follow in any case. Returns the frame by which it is
   * filled up, where the zeros are here already.
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
    // Where both are the same, it is the smaller that is seen.
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

  /** Passes over what is known to belong to the message before. Returns the frame that it has come to the end of. */
  pass(input: InputBuffer): FrameQuirk | undefined {
    if (this.#surplus > 0) this.#surplus -= input.run(this.#surplus)?.length ?? 0;
    const due = this.#certain - this.#passed;
    if (due <= 0) return undefined;
    const zeros = zerosOf(input.rest, due);
    if (zeros > 0) input.run(zeros);
    this.#passed += zeros;
    // Something else begins before the frame is full: it is none.
    if (zeros < due && input.rest.length > 0) this.#certain = this.#passed;
    if (zeros < due) return undefined;
    const found = this.#found;
    this.#found = undefined;
    return found;
  }

  /** Whether bytes in the place of a header belong to the message before; what else does is passed over then. */
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

/** With how many zeros bytes begin, of which no more than so many count. */
function zerosOf(bytes: Bytes, max: number): number {
  const end = Math.min(bytes.length, max);
  let zeros = 0;
  while (zeros < end && bytes[zeros] === 0) zeros++;
  return zeros;
}
