/**
 * Ranges of names, which are ordered by code points.
 *
 * @module
 */

/** The names below a folder: all after `after` and before `end`. */
export interface Subtree {
  readonly after: string;
  readonly end: string;
}

/** The names below a folder. */
export function below(folder: string): Subtree {
  // 0 follows / in the order of code points.
  return { after: `${folder}/`, end: `${folder}0` };
}

/** The length of the common prefix of two texts. */
export function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

const LAST_CODE_POINT = 0x10ffff;
const SURROGATES = { first: 0xd800, last: 0xdfff };

/** The lowest text after all that begin with `prefix`, by code points; `undefined` if no text comes after them. */
export function firstBehind(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) as number);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  const next = last + 1 === SURROGATES.first ? SURROGATES.last + 1 : last + 1;
  return String.fromCodePoint(...points, next);
}

/** Keys of names that begin with `prefix`, from `start` on, except `excluded`. */
export interface NameRange {
  readonly prefix: string;
  readonly start: string;
  readonly excluded: string;
}

/** Keys that begin with `prefix`, after `after`. */
export function rangeAfter(prefix: string, after: string): NameRange {
  return { prefix, start: after, excluded: after };
}
