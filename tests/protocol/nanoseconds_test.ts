import assert from "node:assert/strict";
import fc from "fast-check";
import {
  clampNanoseconds,
  joinNanoseconds,
  MAX_NANOSECONDS,
  splitNanoseconds,
} from "../../protocol/nanoseconds.ts";

const SPLIT: readonly [time: bigint, ms: number, ns: number][] = [
  [0n, 0, 0],
  [1n, 0, 1],
  [999_999n, 0, 999_999],
  [1_000_000n, 1, 0],
  [-1n, -1, 999_999],
  [-999_999n, -1, 1],
  [-1_000_000n, -1, 0],
  [-1_000_001n, -2, 999_999],
  [1_764_000_000_123_456_789n, 1_764_000_000_123, 456_789],
  [MAX_NANOSECONDS, 8.64e15, 0],
  [-MAX_NANOSECONDS, -8.64e15, 0],
];

for (const [time, ms, ns] of SPLIT) {
  Deno.test(`nanoseconds: ${time} is ${ms} ms and ${ns} ns`, () => {
    assert.deepEqual(splitNanoseconds(time), { ms, ns });
    assert.equal(joinNanoseconds(ms, ns), time);
  });
}

Deno.test("nanoseconds: any time is joined again as it was split", () => {
  fc.assert(fc.property(fc.bigInt({ min: -MAX_NANOSECONDS, max: MAX_NANOSECONDS }), (time) => {
    const { ms, ns } = splitNanoseconds(time);
    assert.ok(ns >= 0 && ns < 1_000_000);
    assert.equal(joinNanoseconds(ms, ns), time);
  }));
});

Deno.test("nanoseconds: the range of a Date is kept", () => {
  assert.equal(clampNanoseconds(MAX_NANOSECONDS + 1n), MAX_NANOSECONDS);
  assert.equal(clampNanoseconds(-MAX_NANOSECONDS - 1n), -MAX_NANOSECONDS);
  assert.equal(clampNanoseconds(5n), 5n);
  assert.ok(!Number.isNaN(new Date(splitNanoseconds(MAX_NANOSECONDS).ms).getTime()));
});
