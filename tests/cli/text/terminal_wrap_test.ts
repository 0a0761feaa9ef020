/** Notes, errors and hints on terminals. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { cellsOf } from "../../../cli/text/width.ts";
import { colored } from "../../../cli/text/colors.ts";
import { wrapForTerminal } from "../../../cli/text/terminal_wrap.ts";

Deno.test("wrap: an error and its hint are broken at words, and aligned", () => {
  assert.equal(
    wrapForTerminal("xfer: no such file photos [no-such-file]\n      Run it again later.", 20),
    "xfer: no such file\n      photos\n      [no-such-file]\n      Run it again\n      later.",
  );
});

Deno.test("wrap: a note continues with an indent; a line that fits stays as it is", () => {
  assert.equal(
    wrapForTerminal("Warning: using protocol 3.", 20),
    "Warning: using\n  protocol 3.",
  );
  assert.equal(wrapForTerminal("Registered  Alice", 17), "Registered  Alice");
});

Deno.test("wrap: a command in quotes stays in one piece", () => {
  assert.equal(
    wrapForTerminal("On the user's machine, run 'xfer client link abc'.", 30),
    "On the user's machine, run\n  'xfer client link abc'.",
  );
});

Deno.test("wrap: colors take no cells, and wide characters two", () => {
  const error = `${colored("error", "xfer:")} no such file [x]`;
  assert.equal(wrapForTerminal(error, 22), error);
  assert.equal(wrapForTerminal(`${error} 日本`, 24), `${error}\n      日本`);
});

Deno.test("wrap: a longer word, and the stack of an error, stay whole", () => {
  assert.equal(
    wrapForTerminal("key SHA256:abcdefghijklmnop", 10),
    "key\n  SHA256:abcdefghijklmnop",
  );
  const stack = "    at main (file:///a/long/path/main.ts:1:2)";
  assert.equal(wrapForTerminal(stack, 20), stack);
});

Deno.test("wrap: no word is lost, and lines fit if their words do", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "日", "'"), minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1 }),
      fc.integer({ min: 20, max: 80 }),
      (words, columns) => {
        const lines = wrapForTerminal(words.join(" "), columns).split("\n");
        assert.deepEqual(lines.flatMap((line) => line.trim().split(" ")), words);
        for (const line of lines) assert.ok(cellsOf(line) <= columns, line);
      },
    ),
  );
});
