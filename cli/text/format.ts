/**
 * What several commands say alike.
 *
 * @module
 */

/** The end of a command's help: lines of a shell. */
export function example(...lines: readonly string[]): string {
  return `\nExample${lines.length === 1 ? "" : "s"}:\n${
    lines.map((line) => `  $ ${line}`).join("\n")
  }`;
}

/** `text` in lines of at most `width` characters, if its words are no longer; all but the first begin with `indent`. */
export function wrap(text: string, width: number, indent: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join(`\n${indent}`);
}

export function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/**
 * A text in lines of at most `width` characters. Lines that follow one another are a paragraph, and are broken anew; those
 * that are indented stand as they are.
 */
export function reflow(text: string, width: number): string {
  return text.replaceAll(
    /(?:^(?! ).+\n)*^(?! ).+$/gm,
    (lines) => wrap(lines.replaceAll("\n", " "), width, ""),
  );
}

/** Of most files as wide as all others of a list: up to 999 GB. */
const SIZE_WIDTH = 12;

/** A number of bytes, in a list of files. */
export function sizeColumn(size: number): string {
  return `${size}`.padStart(SIZE_WIDTH);
}

/** A time of an event without its fraction of a second. */
export function seconds(time: string): string {
  return time.replace(/\.\d+Z$/, "Z");
}

/** A time, as events have it. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
