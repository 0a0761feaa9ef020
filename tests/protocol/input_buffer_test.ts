import assert from "node:assert/strict";
import fc from "fast-check";
import { InputBuffer } from "../../protocol/input_buffer.ts";
import { splitAt } from "../support/bytes.ts";

Deno.test("InputBuffer: fields are whole, however the bytes were cut", () => {
  const bytes = Uint8Array.from({ length: 40 }, (_, index) => index);
  const sizes = [23, 0, 1, 16];
  fc.assert(fc.property(fc.array(fc.nat()), (cuts) => {
    const feed = new InputBuffer();
    const pieces = splitAt(bytes, cuts);
    const fields = sizes.map((size) => {
      for (;;) {
        const field = feed.take(size);
        if (field !== undefined) return [...field];
        feed.push(pieces.shift() ?? assert.fail("more bytes were requested than exist"));
      }
    });
    assert.deepEqual(fields, [[...bytes.subarray(0, 23)], [], [23], [...bytes.subarray(24)]]);
    assert.equal(feed.available, 0);
  }));
});

Deno.test("InputBuffer: a field is a copy, a run is a view", () => {
  const feed = new InputBuffer();
  const piece = new Uint8Array([1, 2, 3, 4]);
  feed.push(piece);
  const field = feed.take(2);
  const run = feed.run(9);
  piece.fill(7);
  assert.deepEqual([...field ?? []], [1, 2]);
  assert.deepEqual([...run ?? []], [7, 7]);
  assert.equal(feed.run(1), undefined);
});

Deno.test("InputBuffer: it accepts no piece before the previous one is consumed, so it never grows", () => {
  const feed = new InputBuffer();
  feed.push(new Uint8Array(2));
  assert.throws(() => feed.push(new Uint8Array(2)), RangeError);
  assert.equal(feed.take(3), undefined);
  assert.equal(feed.available, 2);
  feed.push(new Uint8Array(1));
  assert.equal(feed.take(3)?.length, 3);
});
