import assert from "node:assert/strict";
import fc from "fast-check";
import { combine } from "../../../protocol/crc/combine.ts";
import { Cksum, cksum, digestOf } from "../../../protocol/crc/cksum.ts";
import { createReflected } from "../../../protocol/crc/reflected.ts";
import { bySlicing } from "../../../protocol/crc/slicing.ts";
import { byTable, type Engine } from "../../../protocol/crc/table.ts";
import { assemble } from "../../../scripts/build_wasm.ts";
import { pseudoRandomBytes, splitAt } from "../../support/bytes.ts";

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
  Deno.test(`cksum: ${what} has ${expected}`, () => assert.equal(cksum(bytes), expected));
}

Deno.test("cksum: it does not depend on how the bytes were cut", () => {
  const bytes = pseudoRandomBytes(1000);
  fc.assert(fc.property(fc.array(fc.nat()), (cuts) => {
    const checksum = new Cksum();
    for (const piece of splitAt(bytes, cuts)) checksum.update(piece);
    assert.equal(checksum.size, bytes.length);
    assert.equal(checksum.digest(), cksum(bytes));
  }));
});

Deno.test("cksum: it can be read at any point and continued", () => {
  const checksum = new Cksum().update(new TextEncoder().encode("hello "));
  checksum.digest();
  assert.equal(checksum.update(new TextEncoder().encode("world\n")).digest(), 3733384285);
});

const reflected = createReflected() as Engine;
const ENGINES: readonly [string, Engine][] = [["slicing", bySlicing], ["reflected", reflected]];

for (const [name, engine] of ENGINES) {
  Deno.test(`${name}: the remainder of any bytes after any others equals the table's`, () => {
    const remainder = fc.integer({ min: 0, max: 0xffff_ffff });
    fc.assert(fc.property(remainder, fc.uint8Array({ maxLength: 200 }), (before, bytes) => {
      assert.equal(engine(before, bytes), byTable(before, bytes));
    }));
  });

  Deno.test(`${name}: blocks of every size at every offset have the right sum`, () => {
    const bytes = pseudoRandomBytes(70_000);
    const sizes = [0, 1, 15, 16, 17, 255, 16_383, 16_384, 16_385, 32_768, 65_535, 65_536, 65_537];
    for (const size of sizes) {
      for (const at of [0, 1, 7, 16]) {
        const piece = bytes.subarray(at, at + size);
        assert.equal(engine(0x8000_0001, piece), byTable(0x8000_0001, piece), `${size} at ${at}`);
      }
    }
  });
}

for (const [name, engine] of ENGINES) {
  Deno.test(`${name}: sums stay the same when the code has been compiled`, () => {
    const piece = pseudoRandomBytes(1024 * 1024);
    const expected = byTable(0, piece);
    for (let times = 0; times < 500; times++) {
      assert.equal(engine(0, piece), expected, `${times} times before`);
    }
  });
}

Deno.test("crc: without relaxed SIMD in WebAssembly, no reflected engine exists", () => {
  assert.equal(createReflected(() => false), undefined);
});

Deno.test("crc: a long file, during which the engine changes, has the table's checksum", () => {
  const piece = pseudoRandomBytes(700_001);
  const checksum = new Cksum();
  let remainder = 0;
  for (let i = 0; i < 10; i++) {
    checksum.update(piece);
    remainder = byTable(remainder, piece);
  }
  assert.equal(checksum.remainder, remainder);
  assert.equal(checksum.digest(), digestOf(remainder, 7_000_010));
});

Deno.test("crc: the remainders of two halves combine to that of the whole", () => {
  const bytes = pseudoRandomBytes(5000);
  fc.assert(fc.property(fc.nat({ max: bytes.length }), fc.nat({ max: bytes.length }), (at, to) => {
    const [a, b] = [bytes.subarray(0, at), bytes.subarray(at, Math.max(at, to))];
    const whole = byTable(0, bytes.subarray(0, Math.max(at, to)));
    assert.equal(combine(byTable(0, a), byTable(0, b), b.length), whole);
  }));
});

Deno.test("crc: combining works for lengths beyond 32 bits", () => {
  // 2^33 zeros after one byte, as 2^16 times 2^17 zeros.
  let remainder = byTable(0, Uint8Array.of(0x2a));
  for (let i = 0; i < 2 ** 16; i++) remainder = combine(remainder, 0, 2 ** 17);
  assert.equal(combine(byTable(0, Uint8Array.of(0x2a)), 0, 2 ** 33), remainder);
});

Deno.test("crc: the bytes of the WebAssembly module match its source", async () => {
  assert.equal(
    await assemble(),
    await Deno.readTextFile(new URL("../../../protocol/crc/reverse_bits.ts", import.meta.url)),
  );
});
