/**
 * Notes, errors and hints wrapped at words, for terminals. A terminal alone would break them anywhere.
 *
 * @module
 */
import { cellsOf } from "./width.ts";

/** Begins the further lines of an error: those of its hint stand below its message. */
const ERROR_INDENT = " ".repeat(6);
const INDENT = " ".repeat(2);

/** Commands to copy, which stay in one piece. */
const COMMAND = /'(?:xfer|chmod) [^'\n]*'/g;
/** Stands for a space that is kept. Text that is safe to print has no such character. */
const NO_BREAK_SPACE = "\0";

/** Select Graphic Rendition sequences, which take no cells. */
// deno-lint-ignore no-control-regex
const STYLE = /\x1b\[[\d;]*m/g;
const STACK = /^ {4}at /;

/** Wraps each line of `text` to at most `columns` cells. A longer word stays whole. */
export function wrapForTerminal(text: string, columns: number): string {
  return text.split("\n").map((line) => wrapLine(line, columns)).join("\n");
}

function wrapLine(line: string, columns: number): string {
  if (widthOf(line) <= columns || STACK.test(line)) return line;
  const indent = indentOf(line);
  const words = line.slice(line.startsWith(indent) ? indent.length : 0)
    .replaceAll(COMMAND, (command) => command.replaceAll(" ", NO_BREAK_SPACE)).split(" ");
  const lines: string[] = [];
  let current = line.startsWith(indent) ? indent : "";
  let isEmpty = true;
  for (const word of words) {
    if (isEmpty) current += word;
    else if (widthOf(current) + 1 + widthOf(word) <= columns) current += ` ${word}`;
    else {
      lines.push(current.trimEnd());
      current = indent + word;
    }
    isEmpty = current.trim() === "";
  }
  return [...lines, current].join("\n").replaceAll(NO_BREAK_SPACE, " ");
}

function indentOf(line: string): string {
  const isError = line.replaceAll(STYLE, "").startsWith("xfer: ") || line.startsWith(ERROR_INDENT);
  return isError ? ERROR_INDENT : INDENT;
}

function widthOf(text: string): number {
  return cellsOf(text.replaceAll(STYLE, ""));
}
