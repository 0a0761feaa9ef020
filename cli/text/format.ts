/**
 * Text that several commands share.
 *
 * @module
 */

/** The examples at the end of a command's help. */
export function example(...lines: readonly string[]): string {
  return `\nExample${lines.length === 1 ? "" : "s"}:\n${
    lines.map((line) => `  $ ${line}`).join("\n")
  }`;
}

/** Wraps `text` at words, to lines of at most `width` characters. All but the first begin with `indent`. */
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

/** `1 file`, `2 files`, `3 entries` */
export function plural(count: number, what: string): string {
  return `${count} ${count === 1 ? what : `${what.replace(/(?<![aeiou])y$/, "ie")}s`}`;
}

/** Wraps each paragraph to lines of at most `width` characters. Indented lines stay as they are. */
export function reflow(text: string, width: number): string {
  return text.replaceAll(
    /(?:^(?! ).+\n)*^(?! ).+$/gm,
    (lines) => wrap(lines.replaceAll("\n", " "), width, ""),
  );
}
