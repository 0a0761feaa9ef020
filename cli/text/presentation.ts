/**
 * How values look where they are printed: on a terminal, in a pipe, with `--bytes`.
 *
 * @module
 */
import { type Paint, plain } from "./colors.ts";
import { EXACT_WIDTH, exactSize, HUMAN_WIDTH, humanSize, limitSize } from "./size.ts";
import { localTime, utcTime } from "./time.ts";

/** Commands that handle more files than this print the summary only, without a line per file. */
export const MANY_FILES = 10;

export interface Presentation {
  readonly paint: Paint;
  /** A number of bytes, with its unit. */
  readonly size: (bytes: number) => string;
  /** A number of bytes at the right of a column. */
  readonly sizeColumn: (bytes: number) => string;
  /** A limit on bytes, as an operator would write it. */
  readonly limit: (bytes: number) => string;
  /** A time of an event: local on a terminal, else UTC. */
  readonly time: (iso: string) => string;
  /** The number of files whose transfer this command has interrupted so far. */
  readonly interrupted: number;
}

export interface PresentationOptions {
  readonly paint?: Paint;
  /** Whether sizes are exact. */
  readonly bytes?: boolean;
  readonly isTerminal?: boolean;
  readonly interrupted?: number;
}

export function presentation(
  { paint = plain, bytes = false, isTerminal = false, interrupted = 0 }: PresentationOptions = {},
): Presentation {
  return {
    ...{ paint, interrupted },
    size: bytes ? exactSize : humanSize,
    sizeColumn: (size) =>
      bytes ? `${size}`.padStart(EXACT_WIDTH) : humanSize(size).padStart(HUMAN_WIDTH),
    limit: bytes ? exactSize : limitSize,
    time: isTerminal ? localTime : utcTime,
  };
}
