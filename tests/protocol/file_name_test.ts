/** Valid names of files. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeTextField } from "../../protocol/v3/text_field.ts";
import { nameFault } from "../../protocol/file_name.ts";
import { storedName } from "../../protocol/v3/stored_name.ts";
import { anyCharacter } from "../support/any_character.ts";

const field = (name: string) => encodeTextField(name, 1024) ?? assert.fail();

Deno.test("file name: the last component of a path of either kind, in NFC", () => {
  const cases: readonly [string, string][] = [
    ["report.pdf", "report.pdf"],
    ["dir/report.pdf", "report.pdf"],
    ["C:\\Users\\me\\report.pdf", "report.pdf"],
    ["..\\../mixed/x", "x"],
    ["/etc/passwd", "passwd"],
    ["dir/", ""],
    ["e\u0301t\u00e9", "\u00e9t\u00e9"],
    ["\u212B", "\u00C5"],
  ];
  for (const [sent, kept] of cases) assert.equal(storedName(field(sent)), kept, sent);
});

Deno.test("file name: two encodings of an accent are one name", () => {
  assert.equal(storedName(field("Ame\u0301lie")), storedName(field("Am\u00e9lie")));
});

for (
  const [name, fault] of [
    ["", /empty/],
    [".", /empty, \. or \.\./],
    ["..", /empty, \. or \.\./],
    ["a/b", /slash/],
    ["a\\b", /slash/],
    ["a\0b", /NUL/],
    ["\x1b[2J", /control/],
    ["a\nb", /control/],
    ["a\x7f", /control/],
    ["a\u0085b", /control/],
    ["a\u202Etxt.exe", /bidirectional/],
    ["a\u2066b", /bidirectional/],
    ["a\u2028b", /control/],
    ["con", /device/],
    ["NUL.txt", /device/],
    ["Com1", /device/],
    ["lpt\u00b9.log", /device/],
    ["a.", /ends/],
    ["a ", /ends/],
    ["é".repeat(128), /255 bytes/],
  ] as const
) {
  Deno.test(`file name: ${JSON.stringify(name).slice(0, 30)} is refused`, () => {
    assert.match(nameFault(name) ?? assert.fail("it was accepted"), fault);
  });
}

Deno.test("file name: usual and unusual names are accepted", () => {
  const names = ["a", ".profile", "console.log", "comb", "com10", "a b.txt", "été", "日本語", "…"];
  for (const name of [...names, "👩\u200d👧.png", "12:30?.txt", "é".repeat(127)]) {
    assert.equal(nameFault(name), undefined, name);
  }
});

Deno.test("file name: a valid name is one component, and is stored unchanged", () => {
  fc.assert(fc.property(fc.string({ unit: anyCharacter, maxLength: 60 }), (text) => {
    const bytes = encodeTextField(text, 1024);
    if (bytes === undefined) return;
    const name = storedName(bytes);
    if (nameFault(name) !== undefined) return;
    assert.ok(name !== "" && name !== ".." && !/[/\\]/.test(name));
    assert.ok([...name].every((character) => character >= " "));
    assert.equal(storedName(field(name)), name);
  }));
});
