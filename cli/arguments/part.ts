/**
 * A part of some work on the command line: `2/3` is the second of three.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { MAX_PARTS, type StorePart } from "../../server/mod.ts";

/** Throws commander's `InvalidArgumentError`. */
export function parsePart(text: string): StorePart {
  const [, number = 0, count = 0] = (/^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []).map(Number);
  if (number >= 1 && number <= count && count <= MAX_PARTS) return { number, count };
  throw new InvalidArgumentError(
    `Expected the number of a part and of all parts, such as 2/3, at most ${MAX_PARTS}.`,
  );
}
