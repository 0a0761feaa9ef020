/** Names of files on the server, as arguments of commands. */
import assert from "node:assert/strict";
import { parseName, parseNames } from "../../../cli/arguments/file_name.ts";

Deno.test("name: slashes at its end are ignored, and escapes are characters", () => {
  assert.equal(parseName("photos/2026//"), "photos/2026");
  assert.equal(parseName("a\\u{a}b/"), "a\nb");
  assert.equal(parseName("/"), "/");
});

Deno.test("names: a pattern keeps its slash, which means folders", () => {
  assert.deepEqual(parseNames("photos/*/", ["a"]), ["a", "photos/*/"]);
});
