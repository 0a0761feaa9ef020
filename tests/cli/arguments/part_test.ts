/** A part of some work on the command line. */
import assert from "node:assert/strict";
import { parsePart } from "../../../cli/arguments/part.ts";

Deno.test("part: the number of the part and that of all parts", () => {
  assert.deepEqual(parsePart("2/3"), { number: 2, count: 3 });
  assert.deepEqual(parsePart("1/1"), { number: 1, count: 1 });
  assert.deepEqual(parsePart("1000/1000"), { number: 1000, count: 1000 });
});

Deno.test("part: a part that does not exist, and other texts, are refused", () => {
  for (const text of ["", "0/3", "4/3", "1/0", "1/1001", "1", "-1/3", "1/3/5", "1.5/3", "a/b"]) {
    assert.throws(() => parsePart(text), /Expected the number of a part/, text);
  }
});
