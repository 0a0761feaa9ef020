/**
 * Patterns of names on the server, such as `photos/*.tmp`.
 *
 * `*` stands for any characters except `/`, `?` for one, `[a-z]` for one of those, `[!a-z]` for one of all others, and `**`
 * for any number of folders. With a slash at its end, a pattern stands for folders only. All other characters stand for
 * themselves; `[*]` is a star.
 *
 * @module
 */
import { comparedForm } from "../../protocol/v4/path_name.ts";

/** Stands for any number of items. */
const ANY_NUMBER = Symbol("any number");

type Test<T> = (item: T) => boolean;
type Sequence<T> = readonly (Test<T> | typeof ANY_NUMBER)[];

export class NamePattern {
  /** As the user wrote it. */
  readonly text: string;
  /** Every name that matches begins with this. */
  readonly prefix: string;
  /** Whether a name that matches has no `/` after those of the prefix. */
  readonly isOneLevel: boolean;
  /** Whether only folders match. */
  readonly #isOfFolders: boolean;
  readonly #components: Sequence<string>;

  private constructor(text: string) {
    this.text = text;
    this.#isOfFolders = text.endsWith("/");
    const pattern = comparedForm(text).replace(/\/+$/, "");
    const first = firstWildcard(pattern);
    this.prefix = pattern.slice(0, first);
    const components = pattern.split("/");
    this.isOneLevel = !pattern.includes("/", first) && components.at(-1) !== "**";
    this.#components = components.flatMap((component, index): Sequence<string> => {
      if (component !== "**") return [parseComponent(component)];
      // At the end it stands for everything below, and not for the folder itself.
      return index === components.length - 1 ? [ANY_NUMBER, () => true] : [ANY_NUMBER];
    });
  }

  /** Returns `undefined` for a text without wildcards, which is a name. */
  static parse(text: string): NamePattern | undefined {
    return firstWildcard(text) < text.length ? new NamePattern(text) : undefined;
  }

  /**
   * Whether the name of a folder or another entry matches. Takes time in proportion to the lengths of the pattern and the
   * name, whatever they contain.
   */
  matches(name: string, isFolder: boolean): boolean {
    return (isFolder || !this.#isOfFolders) &&
      matchesAll(this.#components, comparedForm(name).split("/"));
  }
}

/** The index of the first wildcard; or the length of the text. */
function firstWildcard(pattern: string): number {
  const found = /[*?]|\[!?[^/][^/\]]*\]/.exec(pattern);
  return found?.index ?? pattern.length;
}

/** A set of characters, a wildcard, or a character that stands for itself. */
const TOKEN = /\[(?<not>[!^]?)(?<set>[^/][^/\]]*)\]|./gsu;

function parseComponent(component: string): Test<string> {
  const sequence = [...component.matchAll(TOKEN)].map(({ 0: token, groups }) =>
    token === "*"
      ? ANY_NUMBER
      : token === "?"
      ? () => true
      : groups?.["set"] === undefined
      ? (character: string) => character === token
      : parseSet(groups["set"], groups["not"] !== "")
  );
  return (name) => matchesAll(sequence, [...name]);
}

/** Characters and ranges between two of them. A dash at either end stands for itself. */
function parseSet(set: string, isNegated: boolean): Test<string> {
  const ranges = [...set.matchAll(/(.)-(.)|./gsu)].map(([both, from = both, to = both]) => ({
    from: from.codePointAt(0) as number,
    to: to.codePointAt(0) as number,
  }));
  return (character) => {
    const code = character.codePointAt(0) as number;
    return ranges.some(({ from, to }) => from <= code && code <= to) !== isNegated;
  };
}

/** Whether a sequence stands for all items. A later `ANY_NUMBER` never needs an earlier one to take more. */
function matchesAll<T>(sequence: Sequence<T>, items: readonly T[]): boolean {
  let [at, item] = [0, 0];
  /** Where to continue if a test fails: the last `ANY_NUMBER` takes one more item. */
  let [afterAny, taken] = [-1, 0];
  while (item < items.length) {
    const next = sequence[at];
    if (next === ANY_NUMBER) {
      [afterAny, taken] = [++at, item];
    } else if (next?.(items[item] as T) === true) {
      at++;
      item++;
    } else if (afterAny >= 0) {
      [at, item] = [afterAny, ++taken];
    } else return false;
  }
  return sequence.slice(at).every((rest) => rest === ANY_NUMBER);
}
