import assert from "node:assert/strict";
import { type EntryKind, entrySizeFault, linkTarget } from "../../protocol/entry.ts";
import { utf8 } from "../support/bytes.ts";

const SIZES: readonly [kind: EntryKind, size: number | undefined, isValid: boolean][] = [
  ["file", 0, true],
  ["file", 2 ** 40, true],
  ["file", undefined, true],
  ["folder", 0, true],
  ["folder", 1, false],
  ["folder", undefined, false],
  ["link", 0, false],
  ["link", 1, true],
  ["link", 4096, true],
  ["link", 4097, false],
  ["link", undefined, false],
];

for (const [kind, size, isValid] of SIZES) {
  Deno.test(`entry: a ${kind} of ${size ?? "unknown"} bytes is ${isValid ? "" : "in"}valid`, () => {
    assert.equal(entrySizeFault(kind, size) === undefined, isValid);
  });
}

Deno.test("entry: the target of a link is kept as it is, a byte order mark and other forms included", () => {
  for (const target of ["a", "../x y", "u\u0308", "\ufeffa", "/etc/passwd"]) {
    assert.equal(linkTarget(utf8(target)), target);
  }
});

Deno.test("entry: content with a NUL, or that is not UTF-8, is no target", () => {
  assert.equal(linkTarget(utf8("a\0b")), undefined);
  assert.equal(linkTarget(Uint8Array.of(0x61, 0xc3)), undefined);
});
