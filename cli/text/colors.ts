/**
 * Colors, by meaning.
 *
 * @module
 */
export type Style = "error" | "warning" | "success" | "dim";

/** Returns `text` in a style, or unchanged without colors. */
export type Paint = (style: Style, text: string) => string;

/** Select Graphic Rendition codes of ECMA-48 that start and end a style. */
const CODES: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  error: [31, 39],
  warning: [33, 39],
  success: [32, 39],
  dim: [2, 22],
};

export const plain: Paint = (_, text) => text;

export const colored: Paint = (style, text) => {
  const [on, off] = CODES[style];
  return `\x1b[${on}m${text}\x1b[${off}m`;
};
