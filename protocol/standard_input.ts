/**
 * Standard input in place of a file (POSIX, Utility Syntax Guidelines, guideline 13).
 *
 * @module
 */

/** Stands for standard input where a path is expected. */
export const STANDARD_INPUT = "-";

/** Words for the path of a source. */
export function shownSource(path: string): string {
  return path === STANDARD_INPUT ? "standard input" : path;
}
