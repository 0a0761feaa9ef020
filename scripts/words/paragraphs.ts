/** The texts of a file as paragraphs, so that a phrase is found also where a line ends within it. */

export interface Paragraphs {
  /** Lines of one paragraph are joined by a space, paragraphs parted by a line feed. */
  readonly text: string;
  /** The line of the file, from 1, that an offset in `text` is on. */
  lineAt(offset: number): number;
}

/** What stands before the words of a line: quotation, comment, list. */
const LEADER = /^\s*(?:\/\*\*?|\*(?!\*)|\/\/+|#+(?= )|>(?= )|\|)?\s*/;

/** Lines that begin a paragraph in Markdown. */
const BLOCK = /^\s*(?:[-*+] |\d+\. |#|\||<!--|\*\*[^*]+\*\*(?: |$))/;

/** `path` tells what the text is. */
export function toParagraphs(path: string, text: string): Paragraphs {
  const isMarkdown = path.endsWith(".md");
  const lines = (isMarkdown ? withoutFences(text) : text).split("\n");
  const starts: number[] = [];
  let joined = "";
  let before = "";
  for (const line of lines) {
    const glue = isMarkdown ? markdownGlue(before, line) : sourceGlue(before, line);
    joined = glue === "" ? joined.replace(/["'`] \+$/, "") : joined + glue;
    starts.push(joined.length);
    const words = line.replace(LEADER, "").replace(/^- |\s*\*\/$/, "");
    joined += glue === "" ? words.replace(/^["'`]/, "") : words;
    before = line;
  }
  return {
    text: isMarkdown ? withoutCode(joined) : joined,
    lineAt: (offset) => starts.findLastIndex((start) => start <= offset) + 1,
  };
}

function markdownGlue(before: string, line: string): string {
  return before.trim() === "" || line.trim() === "" || BLOCK.test(line) ? "\n" : " ";
}

/** Comments and wrapped output are joined, code is not but for a text that is written in several pieces. */
function sourceGlue(before: string, line: string): string {
  if (/["'`] \+$/.test(before) && /^\s*["'`]/.test(line)) return "";
  const isComment = (line: string) => /^\s*(?:\/\/|\/?\*+(?!\/)|# )/.test(line);
  const words = (line: string) => line.replace(LEADER, "").trim();
  if (words(line) === "" || words(before) === "") return "\n";
  if (isComment(line)) return isComment(before) && !/\*\/\s*$/.test(before) ? " " : "\n";
  // What a command prints: a wrapped line is indented as the one before.
  return /^ {6,}[a-z(]/.test(line) && !/[;{}()=,]$/.test(before) ? " " : "\n";
}

/** Blocks of code become empty lines. */
function withoutFences(text: string): string {
  return text.replaceAll(
    /^([ ]*)(`{3,})[^\n`]*\n[\s\S]*?^\1\2$/gm,
    (block) => block.replaceAll(/[^\n]/g, ""),
  );
}

/** Code within a line, and where links lead, become as many signs of no meaning. */
function withoutCode(text: string): string {
  return text.replaceAll(
    /(`+)[^`\n]+\1|(?<=\])\([^)\s]*\)/g,
    (code) => "¤".repeat(code.length),
  );
}
