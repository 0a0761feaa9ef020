import assert from "node:assert/strict";
import { pathNameFault } from "../../../protocol/v4/path_name.ts";

for (
  const name of [
    "a",
    "a/b/c.txt",
    "ü/日本.txt",
    "a b/c",
    `${"x".repeat(255)}/${"y".repeat(255)}`,
    ".hidden/..." + "x",
    `${"a/".repeat(127)}b`,
    ...["u\u0308", "a\\b", "a/\x1b[2J", "a/\u202eb", "nul/a", "a /b", "a/b.", "c:d", "-"],
    `${"ü".repeat(127)}x`,
  ]
) {
  Deno.test(`path name, valid: ${name.slice(0, 30)}`, () => {
    assert.equal(pathNameFault(name), undefined);
  });
}

const REFUSED: readonly [string, RegExp][] = [
  ["", /empty/],
  ["/a", /part that is empty/],
  ["a/", /part that is empty/],
  ["a//b", /part that is empty/],
  ["../a", /\. or \.\./],
  ["a/../b", /\. or \.\./],
  ["a/./b", /\. or \.\./],
  ["a\0b", /NUL/],
  ["a/\ud800", /lone surrogate/],
  [`a/${"x".repeat(256)}`, /255 bytes/],
  [`${"a/".repeat(2048)}b`, /4096 bytes/],
  [`${"a/".repeat(128)}b`, /128 parts/],
  [`${"ü".repeat(128)}`, /255 bytes/],
];

for (const [name, why] of REFUSED) {
  Deno.test(`path name, refused: ${JSON.stringify(name).slice(0, 30)}`, () => {
    assert.match(pathNameFault(name) ?? "", why);
  });
}
