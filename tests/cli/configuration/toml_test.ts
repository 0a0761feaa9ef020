/** The notation of the settings file: values, their lines, and texts that survive writing and reading. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "smol-toml";
import { NotToml, readEntries, toLine } from "../../../cli/configuration/toml.ts";
import { anyCharacter } from "../../support/any_character.ts";

Deno.test("toml: each key has the number of its first line, also for values over several lines", () => {
  const text = [
    '# quota = "1"',
    'quota = "10GB" # quota',
    "",
    "listen = [",
    '  "127.0.0.1:0", # ]',
    '  "a",',
    "]",
    'data = """',
    'quota = "5"',
    '"""',
    '"grace" = "1s"',
    "versions=3",
  ];
  for (const end of ["\n", "\r\n"]) {
    const entries = readEntries(text.join(end));
    assert.deepEqual(entries.map(({ key, line }) => [key, line]), [
      ["quota", 2],
      ["listen", 4],
      ["data", 8],
      ["grace", 11],
      ["versions", 12],
    ]);
    assert.deepEqual(entries[1]?.value, ["127.0.0.1:0", "a"]);
    assert.equal(entries[4]?.value, 3);
  }
});

/** Values over one or several lines, with characters of other notations in them. */
const value = fc.oneof(
  fc.nat().map(String),
  fc.constantFrom("true", "1.5", "1979-05-27", '"]"', "'# not one'", '""', "{ a = 1 }"),
  fc.array(fc.constantFrom('"a"', '"]"', "1", "[2,\n3]", "'''\n]\n'''")).map((all) =>
    `[${all.map((one) => `\n  ${one}, # "]\n`).join("")}]`
  ),
  fc.array(fc.constantFrom("a = 1", "]", "#", "", "'")).map((all) => `"""\n${all.join("\n")}"""`),
);
const blank = fc.constantFrom("", "# key = 1", "   ", '# """', "\t# [");

Deno.test("toml: any file gives the same values line by line as read at once", () => {
  fc.assert(fc.property(fc.array(fc.tuple(blank, value)), (rows) => {
    const lines: number[] = [];
    let text = "";
    for (const [index, [before, literal]] of rows.entries()) {
      text += `${before}\n`;
      lines.push(text.split("\n").length);
      text += `key-${index} = ${literal} # end\n`;
    }
    const entries = readEntries(text);
    assert.deepEqual(entries.map(({ line }) => line), lines);
    assert.deepEqual(
      entries.map(({ key, value }) => [key, value]),
      Object.entries(parse(text)),
    );
  }));
});

Deno.test("toml: a syntax error has its line and column, in a message of one line", () => {
  const cases: readonly [string, number, number][] = [
    ["a = 1\nb = = 2\n", 2, 5],
    ["a = 1\na = 2\n", 2, 1],
    ['a = "\n', 1, 6],
    ["a = [\n1,\n", 3, 1],
    ["a", 1, 1],
  ];
  for (const [text, line, column] of cases) {
    assert.throws(() => readEntries(text), (error) => {
      assert.ok(error instanceof NotToml, text);
      assert.deepEqual([error.line, error.column], [line, column], text);
      assert.match(error.message, /^[^\n]{5,}$/);
      return true;
    });
  }
});

Deno.test("toml: a long array is read quickly", () => {
  const [entry] = readEntries(`listen = [\n${'"a",\n'.repeat(10_000)}]`);
  assert.equal((entry?.value as unknown[]).length, 10_000);
});

Deno.test("toml: any written text is read back, and contains no control characters", () => {
  fc.assert(fc.property(fc.string({ unit: anyCharacter }), (text) => {
    const line = toLine("data", text);
    assert.doesNotMatch(line, /[\p{C}\p{Zl}\p{Zp}]/u);
    assert.equal(readEntries(line)[0]?.value, text);
  }));
  assert.equal(toLine("listen", "a:1 b:2"), 'listen = ["a:1", "b:2"]');
  assert.equal(toLine("edition", "2023c,2024"), 'edition = ["2023c", "2024"]');
  assert.equal(toLine("max-connections", "10"), "max-connections = 10");
  assert.equal(toLine("max-connections", "none"), 'max-connections = "none"');
  assert.equal(toLine("idle-timeout", "10"), 'idle-timeout = "10"');
});
