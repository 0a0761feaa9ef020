/** Finds words that docs/style.md rules out. */
import { toParagraphs } from "./paragraphs.ts";
import { type Phrase, PHRASES } from "./phrases.ts";

export interface Finding {
  /** From 1. */
  readonly line: number;
  readonly phrase: string;
  readonly instead: string;
}

const COMPILED = PHRASES.map(({ find, instead, raw }: Phrase) => ({
  pattern: raw
    ? new RegExp(find, "gm")
    : new RegExp(find.replaceAll(/ (?![{+*?])/g, " +"), flags(find)),
  instead,
  raw: raw ?? false,
}));

/** Phrases that tell "Who" from "who" are searched for as they are. */
function flags(find: string): string {
  return /\b[A-Z]|\[A-Z/.test(find.replaceAll(/\\./g, "")) ? "gm" : "gim";
}

/** In the order of lines. `path` tells whether the text is Markdown. */
export function findPhrases(path: string, text: string): Finding[] {
  const paragraphs = toParagraphs(path, text);
  const lineInFile = (offset: number) => text.slice(0, offset).split("\n").length;
  return COMPILED.flatMap(({ pattern, instead, raw }) =>
    [...(raw ? text : paragraphs.text).matchAll(pattern)].map(({ index, 0: phrase }) => ({
      line: raw ? lineInFile(index + phrase.search(/\S/)) : paragraphs.lineAt(index),
      phrase: phrase.replaceAll(/\s+/g, " ").trim(),
      instead,
    }))
  ).sort((a, b) => a.line - b.line);
}
