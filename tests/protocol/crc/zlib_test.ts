import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { ZlibCrc } from "../../../protocol/crc/zlib.ts";
import { pseudoRandomBytes, splitAt, utf8 } from "../../support/bytes.ts";

Deno.test("zlib's CRC-32: the check value of its definition, and no bytes", () => {
  assert.equal(new ZlibCrc().update(utf8("123456789")).digest(), 0xcbf4_3926);
  assert.equal(new ZlibCrc().digest(), 0);
});

Deno.test("zlib's CRC-32: bytes in any pieces have zlib's checksum", () => {
  fc.assert(fc.property(fc.nat(5000), fc.array(fc.nat()), (size, cuts) => {
    const bytes = pseudoRandomBytes(size, size + 1);
    const crc = new ZlibCrc();
    for (const piece of splitAt(bytes, cuts)) crc.update(piece);
    assert.equal(crc.digest(), crc32(bytes));
  }));
});
