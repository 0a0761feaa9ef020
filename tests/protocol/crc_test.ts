import assert from "node:assert/strict";
import fc from "fast-check";
import { Cksum, cksum } from "../../mod.ts";
import { pseudoRandomBytes, splitAt } from "../helpers/bytes.ts";

/** As printed by GNU `cksum`. */
const KNOWN: readonly [string, Uint8Array, number][] = [
  ["nothing", new Uint8Array(0), 4294967295],
  ["hello world", new TextEncoder().encode("hello world\n"), 3733384285],
  ["the check string", new TextEncoder().encode("123456789"), 930766865],
  ["a zero byte", new Uint8Array(1), 4215202376],
  ["256 zero bytes, whose count has two bytes", new Uint8Array(256), 4215202376],
  ["a megabyte of 0xff", new Uint8Array(1_000_000).fill(0xff), 2110573876],
];

for (const [what, bytes, expected] of KNOWN) {
  Deno.test(`cksum of ${what} is ${expected}`, () => assert.equal(cksum(bytes), expected));
}

Deno.test("cksum does not depend on how the bytes were cut", () => {
  const bytes = pseudoRandomBytes(1000);
  fc.assert(fc.property(fc.array(fc.nat()), (cuts) => {
    const checksum = new Cksum();
    for (const piece of splitAt(bytes, cuts)) checksum.update(piece);
    assert.equal(checksum.size, bytes.length);
    assert.equal(checksum.digest(), cksum(bytes));
  }));
});

Deno.test("cksum can be read at any point and goes on", () => {
  const checksum = new Cksum().update(new TextEncoder().encode("hello "));
  checksum.digest();
  assert.equal(checksum.update(new TextEncoder().encode("world\n")).digest(), 3733384285);
});
