/**
 * How values look where they are printed: on a terminal, in a pipe, with `--bytes`.
 *
 * @module
 */
import { type Paint, plain } from "./colors.ts";
import { EXACT_WIDTH, exactSize, HUMAN_WIDTH, humanSize, limitSize, sizeWithin } from "./size.ts";
import { localTime, utcTime } from "./time.ts";

/** Commands that handle more files than this print the summary only, without a line per file. */
export const MANY_FILES = 10;

export interface Presentation {
  readonly paint: Paint;
  /** A number of bytes, with its unit. */
  readonly size: (bytes: number) => string;
  /** A number of bytes at the right of a column. */
  readonly sizeColumn: (bytes: number) => string;
  /** A word at the right of the same column. */
  readonly column: (word: string) => string;
  /** A limit on bytes, as an operator would write it. */
  readonly limit: (bytes: number) => string;
  /** A part of a limit, in units of the same kind. */
  readonly part: (bytes: number, limit: number) => string;
  /** A time of an event: local on a terminal, else UTC. */
  readonly time: (iso: string) => string;
  /** The number of files whose transfer this command has interrupted so far. */
  readonly interrupted: number;
  /** Whether lists have all columns. */
  readonly isLong: boolean;
}

export interface PresentationOptions {
  readonly paint?: Paint;
  /** Whether sizes are exact. */
  readonly bytes?: boolean;
  readonly isTerminal?: boolean;
  readonly interrupted?: number;
  readonly isLong?: boolean;
}

export function presentation(
  { paint = plain, bytes = false, isTerminal = false, ...state }: PresentationOptions = {},
): Presentation {
  const { interrupted = 0, isLong = false } = state;
  const column = (word: string) => word.padStart(bytes ? EXACT_WIDTH : HUMAN_WIDTH);
  return {
    ...{ paint, interrupted, isLong, column },
    size: bytes ? exactSize : humanSize,
    sizeColumn: (size) => column(bytes ? `${size}` : humanSize(size)),
    limit: bytes ? exactSize : limitSize,
    part: bytes ? exactSize : sizeWithin,
    time: isTerminal ? localTime : utcTime,
  };
}
