/** Patterns of names on the server. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { NamePattern } from "../../../client/v4/name_pattern.ts";

/** Patterns, with names that match and names that do not. */
const CASES: Readonly<Record<string, readonly [matching: string[], others: string[]]>> = {
  "photos/*.tmp": [["photos/a.tmp", "photos/.tmp"], ["photos/a/b.tmp", "a.tmp", "photos/a.tmp~"]],
  "*": [["a", ".hidden", "ä ö"], ["a/b"]],
  "a*b*c": [["abc", "a1b2c", "abbcc", "abcbc"], ["ab", "acb", "abcd"]],
  "?.jpg": [["a.jpg", "😀.jpg", "ä.jpg", "a\u0308.jpg"], [".jpg", "ab.jpg", "/.jpg"]],
  "**": [["a", "a/b/c"], []],
  "**/z": [["z", "a/z", "a/b/z"], ["az", "z/a"]],
  "a/**": [["a/b", "a/b/c"], ["a", "ab"]],
  "a/**/z": [["a/z", "a/b/z", "a/b/c/z"], ["a/bz", "z", "b/a/z"]],
  "**/a/**/b/*": [["a/b/c", "x/a/y/b/c", "a/a/b/b/c"], ["a/b", "b/a/c"]],
  "a**b": [["ab", "axb"], ["a/b"]],
  "[abc]": [["a", "c"], ["d", "ab", "[abc]"]],
  "[a-c]x": [["bx"], ["dx", "-x"]],
  "[a-]": [["a", "-"], ["b"]],
  "[!a-c]": [["d", "-", "!", "😀"], ["b", "dd"]],
  "[^a-c]": [["d", "^"], ["b", "^d"]],
  "[]a]": [["]", "a"], ["b"]],
  "[*]": [["*"], ["a", ""]],
  "[😀-😂]": [["😁"], ["😃", "\ud83d"]],
  // Not closed within its component: each character stands for itself.
  "[a*": [["[a", "[ab"], ["a"]],
  "*[a/b]": [["x[a/b]"], ["xa", "x/b]"]],
  // Other characters of shells and regular expressions stand for themselves.
  'a(b)|{c,d}+$^."!*': [['a(b)|{c,d}+$^."!x'], ["ab", "acx"]],
  "\\*": [["\\", "\\a"], ["*"]],
};

for (const [text, [matching, others]] of Object.entries(CASES)) {
  Deno.test(`pattern ${text}: matches exactly its names`, () => {
    const pattern = NamePattern.parse(text);
    for (const name of matching) assert.equal(pattern?.matches(name, false), true, name);
    for (const name of others) assert.equal(pattern?.matches(name, false), false, name);
  });

  Deno.test(`pattern ${text}: every name that matches begins with its prefix`, () => {
    const { prefix, isOneLevel } = NamePattern.parse(text) as NamePattern;
    for (const name of matching.map((name) => name.normalize("NFC"))) {
      assert.ok(name.startsWith(prefix), name);
      if (isOneLevel) assert.ok(!name.slice(prefix.length).includes("/"), name);
    }
  });
}

Deno.test("pattern: its prefix is the part before the first wildcard", () => {
  const prefixes = ["photos/2026/IMG_*", "photos/*/a", "**", "a[b", "a[!b]", "u\u0308*"]
    .map((text) => NamePattern.parse(text)?.prefix);
  assert.deepEqual(prefixes, ["photos/2026/IMG_", "photos/", "", undefined, "a", "ü"]);
});

Deno.test("pattern: one level is enough if all wildcards are in the last component", () => {
  for (const text of ["*", "a/b?", "a/[bc]*", "a/b**"]) {
    assert.equal(NamePattern.parse(text)?.isOneLevel, true, text);
  }
  for (const text of ["**", "a/**", "*/b", "a/**/b"]) {
    assert.equal(NamePattern.parse(text)?.isOneLevel, false, text);
  }
});

Deno.test("pattern: with a slash at its end it stands for folders only", () => {
  const pattern = NamePattern.parse("photos/*/");
  assert.equal(pattern?.matches("photos/2026", true), true);
  assert.equal(pattern?.matches("photos/2026", false), false);
  assert.equal(pattern?.isOneLevel, true);
});

Deno.test("pattern: a text without wildcards is a name", () => {
  for (const text of ["", "a", "photos/2026", "a[", "a]", "[]", "{a,b}", "a[/]b"]) {
    assert.equal(NamePattern.parse(text), undefined, text);
  }
});

Deno.test("pattern: names match whatever their Unicode form", () => {
  const [composed, decomposed] = ["\u00fc*", "u\u0308*"];
  for (const text of [composed, decomposed]) {
    for (const name of ["\u00fcber", "u\u0308ber"]) {
      assert.equal(NamePattern.parse(text)?.matches(name, false), true);
    }
  }
});

Deno.test("pattern: agrees with a regular expression", () => {
  const part = fc.array(fc.constantFrom("a", "b", "*", "?", "[ab]", "[!a]", "."), { maxLength: 6 });
  const name = fc.array(fc.constantFrom("a", "b", ".", "/"), { maxLength: 12 });
  fc.assert(fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), name, (parts, letters) => {
    const text = parts.map((part) => part.join("")).filter((part) => part !== "**").join("/");
    const pattern = NamePattern.parse(text);
    // Only folders match one with a slash at its end.
    fc.pre(pattern !== undefined && !text.endsWith("/") && !/(^|\/)\*\*(\/|$)/.test(text));
    const expression = text.replaceAll(/\[(!?)(\w+)\]|\*+|[?.]/g, (token, not, set) => {
      if (token === "?") return "[^/]";
      if (token === ".") return "\\.";
      return set === undefined ? "[^/]*" : `[${not === "" ? "" : "^/"}${set}]`;
    });
    const candidate = letters.join("");
    assert.equal(pattern?.matches(candidate, false), new RegExp(`^${expression}$`).test(candidate));
  }));
});

Deno.test("pattern: many stars take no more than time in proportion to the name", () => {
  // A regular expression would take longer than the universe is old.
  const pattern = NamePattern.parse(`${"**/*a".repeat(50)}/${"*a".repeat(50)}*b`);
  assert.equal(pattern?.matches("a".repeat(255), false), false);
  assert.equal(pattern?.matches(Array(128).fill("a".repeat(31)).join("/"), false), false);
});
