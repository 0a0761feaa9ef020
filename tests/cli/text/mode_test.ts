/** Permission bits for people. */
import assert from "node:assert/strict";
import { octalMode, symbolicMode } from "../../../cli/text/mode.ts";

Deno.test("mode: written as ls and chmod do", () => {
  const written = [0o644, 0o755, 0, 0o7777, 0o7000, 0o4755, 0o2070, 0o1777]
    .map((mode) => [symbolicMode("file", mode), octalMode(mode)]);
  assert.deepEqual(written, [
    ["-rw-r--r--", "0644"],
    ["-rwxr-xr-x", "0755"],
    ["----------", "0000"],
    ["-rwsrwsrwt", "7777"],
    ["---S--S--T", "7000"],
    ["-rwsr-xr-x", "4755"],
    ["----rws---", "2070"],
    ["-rwxrwxrwt", "1777"],
  ]);
});

Deno.test("mode: begins with the kind, and is unknown for files of protocol 3", () => {
  assert.equal(symbolicMode("folder", 0o700), "drwx------");
  assert.equal(symbolicMode("link", 0o777), "lrwxrwxrwx");
  assert.equal(symbolicMode("file", undefined), "-?????????");
});
