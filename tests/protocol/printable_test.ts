/** Printable text, and names read from it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  fromPrintable,
  printable,
  printableName,
  shellNames,
  shellWord,
} from "../../protocol/printable.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import { anyCharacter } from "../support/any_character.ts";

const ORDINARY: Readonly<Record<string, string>> = {
  "Persian words with a non-joiner": "کتاب\u200cها/می\u200cخواهم.pdf",
  "a Sinhala conjunct with a joiner": "ක්\u200dරිකට්.txt",
  "a Hindi word with a joiner": "क्\u200dष.txt",
  "an emoji of a family": "holiday \u{1f468}\u200d\u{1f469}\u200d\u{1f467}.jpg",
  "an emoji in its colored form": "\u2764\ufe0f.png",
  "a keycap": "1\ufe0f\u20e3.png",
  "a flag of tags": "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}.svg",
  "a text-style symbol": "\u2714\ufe0e done.txt",
  "a variant of an ideograph": "\u845b\u{e0100}.txt",
  "a variant of a Mongolian letter": "\u1820\u180b.txt",
  "a letter with an accent of its own": "x\u0301.txt",
};

for (const [what, text] of Object.entries(ORDINARY)) {
  Deno.test(`printable text: ${what} stays unchanged`, () => {
    assert.equal(printable(text), text);
    assert.equal(printable(`Stored ${text} (1 byte)`), `Stored ${text} (1 byte)`);
  });
}

const DECEIVING: Readonly<Record<string, readonly [text: string, shown: string]>> = {
  "a joiner between Latin letters": ["pay\u200dpal", "pay\\u{200d}pal"],
  "a non-joiner at the end": ["کتاب\u200c", "کتاب\\u{200c}"],
  "two non-joiners in a row": ["ک\u200c\u200cت", "ک\\u{200c}\\u{200c}ت"],
  "nothing but invisible characters": ["\u200c\ufe0f\u2060", "\\u{200c}\\u{fe0f}\\u{2060}"],
  "a variation selector after a Latin letter": ["a\ufe0f", "a\\u{fe0f}"],
  "a digit that only looks plain": ["1\ufe0f", "1\\u{fe0f}"],
  "a second variation selector": ["\u2764\ufe0f\ufe0f", "\u2764\ufe0f\\u{fe0f}"],
  "text hidden in tags": ["a\u{e0061}\u{e0062}", "a\\u{e0061}\\u{e0062}"],
  "text hidden in variation selectors": [
    "\u{1f600}\u{e0100}\u{e0101}",
    "\u{1f600}\u{e0100}\\u{e0101}",
  ],
  "a filler that is a letter": ["a\u3164b", "a\\u{3164}b"],
  "a blank that is a symbol": ["a\u2800b", "a\\u{2800}b"],
  "a soft hyphen": ["a\u00adb", "a\\u{ad}b"],
  "a space that does not break": ["a\u00a0b", "a\\u{a0}b"],
};

for (const [what, [text, shown]] of Object.entries(DECEIVING)) {
  Deno.test(`printable text: ${what} is escaped`, () => {
    assert.equal(printable(text), shown);
    assert.equal(fromPrintable(shown), text);
  });
}

Deno.test("printable text: any name that a server accepts is read as printed", () => {
  const odd = fc.constantFrom(
    ...[
      "\u200c",
      "\u200d",
      "\ufe0f",
      "\u3164",
      "\u00a0",
      "\u{1f468}",
      "ک",
      "क्",
      "{",
      "}",
      "u",
      "/",
    ],
  );
  const names = fc.oneof(
    fc.string({ unit: anyCharacter, minLength: 1, maxLength: 40 }),
    fc.string({
      unit: fc.oneof(odd, fc.string({ unit: "grapheme", maxLength: 2 })),
      maxLength: 40,
    }),
  ).map((name) => name.normalize("NFC")).filter((name) => pathNameFault(name) === undefined);
  fc.assert(
    fc.property(names, (name) => {
      const shown = printable(name);
      assert.equal(fromPrintable(printableName(name)), name);
      assert.equal(printable(shown), shown, "printable text: printing it again changes nothing");
    }),
    { numRuns: 2000 },
  );
});

Deno.test("printable names: an escape that is part of the name is read back as that name", () => {
  const cases: [string, string][] = [
    ["a\\u{41}", "a\\u{5c}u{41}"],
    ["\\\\u{5C}", "\\\\u{5c}u{5C}"],
    ["back\\slash", "back\\slash"],
    ["\\u{41}\u200b", "\\u{5c}u{41}\\u{200b}"],
  ];
  for (const [name, shown] of cases) {
    assert.equal(printableName(name), shown);
    assert.equal(fromPrintable(shown), name);
    assert.equal(shellWord(name), `"${shown.replace(/^\\\\/, "\\\\\\")}"`);
  }
});

Deno.test("printable names: an invalid escape stays unchanged", () => {
  for (const text of ["\\u{110000}", "\\u{}", "\\u{xyz}", "\\u200c", "u{200c}"]) {
    assert.equal(fromPrintable(text), text);
  }
});

Deno.test("shell words: a name in a hint is in quotes if a shell would split it", () => {
  const cases: [string, string][] = [
    ["docs/report.pdf", "docs/report.pdf"],
    ["گزارش.pdf", "گزارش.pdf"],
    ["a b", '"a b"'],
    ["photos/*.tmp", '"photos/*.tmp"'],
    ["it's", '"it\'s"'],
    ["a\u200bb", '"a\\u{200b}b"'],
    ["$(reboot)`reboot`", '"\\$(reboot)\\`reboot\\`"'],
    ['say "hi"', '"say \\"hi\\""'],
    ["wow!", '"wow"\\!""'],
    ["a\\!", '"a\\\\"\\!""'],
    ["a b\\", '"a b\\\\"'],
    ["", '""'],
  ];
  for (const [name, word] of cases) assert.equal(shellWord(name), word);
});

Deno.test("names in a hint: after -- if one begins with a dash", () => {
  assert.equal(shellNames("a b", "c"), '"a b" c');
  assert.equal(shellNames("a", "-b"), "-- a -b");
});
