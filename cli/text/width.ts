/**
 * How much room text takes on a terminal, and text cut so that it fits.
 *
 * Terminals do not agree: 👍🏽 takes 2 cells in one and 4 in another, the filler U+3164 none or 2. A line that must not
 * reach the right edge is measured by what the text takes at most.
 *
 * @module
 */
import { eastAsianWidth } from "get-east-asian-width";

const segmenter = new Intl.Segmenter("en");

/** They stand above or below the character before. */
const MARK = /^[\p{Mn}\p{Me}]$/u;
const MARKS_FIRST = /^[\p{Mn}\p{Me}]+/u;
/** Asks for the wide, coloured form of the character before. */
const EMOJI_FORM = "\ufe0f";

/** How many cells of a line a text takes at most. It is to be one that is safe to show. */
export function cellsOf(text: string): number {
  // With nothing before them marks stand by themselves.
  let cells = Array.from(MARKS_FIRST.exec(text)?.[0] ?? "").length;
  for (const character of text) cells += cellsOfCharacter(character);
  return cells;
}

function cellsOfCharacter(character: string): number {
  if (character === EMOJI_FORM) return 1;
  return MARK.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) as number);
}

/** With less room than this a text keeps its beginning alone. */
const MIDDLE = 12;

/**
 * A text in so many cells at most: as it is, or with `ellipsis` in place of what is in its middle, or of its end where
 * there is little room. Characters of several parts are kept whole.
 */
export function fit(text: string, cells: number, ellipsis: string): string {
  // The composed form, where there is one, takes no more cells, and is known to more terminals.
  const composed = text.normalize("NFC");
  if (cellsOf(composed) <= cells) return composed;
  const room = cells - cellsOf(ellipsis);
  if (room < 0) return "";
  const characters = Array.from(segmenter.segment(composed), ({ segment }) => segment);
  // How a name ends tells more than how it begins.
  const beginning = beginningOf(characters, cells < MIDDLE ? room : Math.floor(room / 3));
  if (cells < MIDDLE) return beginning + ellipsis;
  const end = beginningOf(characters.reverse(), room - cellsOf(beginning), true);
  return beginning + ellipsis + end;
}

/** As many of the characters as fit; from the end backwards if they are `reversed`. */
function beginningOf(characters: readonly string[], cells: number, reversed = false): string {
  let [taken, used] = ["", 0];
  for (const character of characters) {
    used += cellsOf(character);
    if (used > cells) break;
    taken = reversed ? character + taken : taken + character;
  }
  return taken;
}
