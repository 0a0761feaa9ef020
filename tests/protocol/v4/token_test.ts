import assert from "node:assert/strict";
import { toHex } from "../../../protocol/bytes.ts";
import { toBase32 } from "../../../protocol/encoding/base32.ts";
import { formatToken, hashToken, isToken } from "../../../protocol/v4/token.ts";
import { utf8 } from "../../support/bytes.ts";

Deno.test("token: base32 is that of RFC 4648 10, in lower case and without padding", () => {
  const vectors = ["", "my", "mzxq", "mzxw6", "mzxw6yq", "mzxw6ytb", "mzxw6ytboi"];
  for (const [length, expected] of vectors.entries()) {
    assert.equal(toBase32(utf8("foobar".slice(0, length))), expected);
  }
});

Deno.test("token: 128 bits as 26 significant characters", () => {
  const all = [new Uint8Array(16), new Uint8Array(16).fill(255)].map(formatToken);
  assert.deepEqual(all, ["a".repeat(26), "7".repeat(25) + "4"]);
  for (let last = 0; last < 256; last++) {
    assert.ok(isToken(formatToken(new Uint8Array(16).fill(last, 15))));
  }
  assert.throws(() => formatToken(new Uint8Array(15)), RangeError);
});

for (
  const text of ["", "a".repeat(25), "a".repeat(27), "A".repeat(26), "0".repeat(26)]
    .concat(["a".repeat(25) + "b", ` ${"a".repeat(26)}`, `${"a".repeat(26)}\n`])
) {
  Deno.test(`token, invalid: ${JSON.stringify(text)}`, () => assert.equal(isToken(text), false));
}

Deno.test("token: the server stores the SHA-256 of its text", async () => {
  // FIPS 180-2, B.1
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.equal(toHex(await hashToken("abc")), abc);
});
