import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../protocol/cursor.ts";
import { concatBytes, equalBytes, fromHex, toHex } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";

Deno.test("ByteReader, ByteWriter: numbers are little-endian, and are read as written", () => {
  const { bytes } = new ByteWriter(10).u8(1).u16(0x0203).u32(0xfffefdfc).put(
    new Uint8Array([9, 8, 7]),
  );
  assert.deepEqual([...bytes], [1, 3, 2, 0xfc, 0xfd, 0xfe, 0xff, 9, 8, 7]);
  const reader = new ByteReader(bytes);
  assert.deepEqual([reader.u8(), reader.u16(), reader.u32()], [1, 0x0203, 0xfffefdfc]);
  assert.deepEqual([...reader.bytes(3)], [9, 8, 7]);
  assert.equal(reader.remaining, 0);
});

Deno.test("ByteReader: it never reads beyond its bytes, in any buffer", () => {
  const bytes = new Uint8Array(16).subarray(4, 7);
  for (const read of [(r: ByteReader) => r.u32(), (r: ByteReader) => r.bytes(4)]) {
    const reader = new ByteReader(bytes);
    assert.throws(() => read(reader), { name: "ProtocolError", code: "truncated" });
    assert.equal(reader.remaining, 3, "a failed read consumes nothing");
  }
  assert.throws(() => new ByteReader(bytes.subarray(3)).u8(), ProtocolError);
});

Deno.test("ByteWriter: it never writes beyond its size", () => {
  assert.throws(() => new ByteWriter(3).u32(1), RangeError);
  assert.throws(() => new ByteWriter(3).put(new Uint8Array(4)), RangeError);
});

Deno.test("hexadecimal: any bytes are read as written, in either case; anything else is refused", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    assert.deepEqual([...fromHex(toHex(bytes)) ?? []], [...bytes]);
    assert.deepEqual([...fromHex(toHex(bytes).toUpperCase()) ?? []], [...bytes]);
  }));
  for (const text of ["a", "0g", "0x00", " 00", "00\n"]) assert.equal(fromHex(text), undefined);
});

Deno.test("concatBytes and equalBytes", () => {
  const bytes = concatBytes(new Uint8Array([1]), new Uint8Array(0), new Uint8Array([2, 3]));
  assert.ok(equalBytes(bytes, new Uint8Array([1, 2, 3])));
  assert.ok(!equalBytes(bytes, new Uint8Array([1, 2])));
  assert.ok(!equalBytes(bytes, new Uint8Array([1, 2, 4])));
});
