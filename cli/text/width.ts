/**
 * The width of text on a terminal, and text cut to a width.
 *
 * Terminals disagree: 👍🏽 takes 2 cells in one and 4 in another, the filler U+3164 none or 2. The widest case counts, because
 * a line must not reach the right edge.
 *
 * @module
 */
import { eastAsianWidth } from "get-east-asian-width";

/** Created on first use, because creating it takes 15 ms, and few runs cut a text. */
let segmenter: Intl.Segmenter | undefined;

/** Marks stand above or below the character before them. */
const MARK = /^[\p{Mn}\p{Me}]$/u;
const MARKS_FIRST = /^[\p{Mn}\p{Me}]+/u;
/** Selects the wide, colored form of the character before it. */
const EMOJI_FORM = "\ufe0f";

/** The maximum number of cells that a text takes. The text must be safe to print. */
export function cellsOf(text: string): number {
  // Marks at the start stand by themselves.
  let cells = Array.from(MARKS_FIRST.exec(text)?.[0] ?? "").length;
  for (const character of text) cells += cellsOfCharacter(character);
  return cells;
}

function cellsOfCharacter(character: string): number {
  if (character === EMOJI_FORM) return 1;
  return MARK.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) as number);
}

/** With fewer cells than this, a text keeps its beginning only. */
const MIDDLE = 12;

/**
 * A text in at most `cells` cells: unchanged, or with `ellipsis` in place of its middle, or of its end if there is little
 * room. Characters of several parts stay whole.
 */
export function fit(text: string, cells: number, ellipsis: string): string {
  // The composed form, if there is one, takes no more cells, and more terminals know it.
  const composed = text.normalize("NFC");
  if (cellsOf(composed) <= cells) return composed;
  const room = cells - cellsOf(ellipsis);
  if (room < 0) return "";
  segmenter ??= new Intl.Segmenter("en");
  const characters = Array.from(segmenter.segment(composed), ({ segment }) => segment);
  // The end of a name tells more than its beginning.
  const beginning = beginningOf(characters, cells < MIDDLE ? room : Math.floor(room / 3));
  if (cells < MIDDLE) return beginning + ellipsis;
  const end = beginningOf(characters.reverse(), room - cellsOf(beginning), true);
  return beginning + ellipsis + end;
}

/** Returns as many characters as fit, from the beginning, or from the end if they are `reversed`. */
function beginningOf(characters: readonly string[], cells: number, reversed = false): string {
  let [taken, used] = ["", 0];
  for (const character of characters) {
    used += cellsOf(character);
    if (used > cells) break;
    taken = reversed ? character + taken : taken + character;
  }
  return taken;
}
