import assert from "node:assert/strict";
import { toHex } from "../../protocol/bytes.ts";
import { decodeHelloAnswer, encodeHelloAnswer, HELLO, isHello } from "../../protocol/hello.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";

Deno.test("hello: it is a request header of version 4 without a payload", () => {
  assert.equal(toHex(HELLO), "00".repeat(16) + "04" + "3478" + "00000000");
  assert.ok(isHello(HELLO.slice()));
  for (let at = 0; at < HELLO.length; at++) {
    const other = HELLO.slice();
    other[at] = (other[at] ?? 0) ^ 1;
    assert.ok(!isHello(other));
  }
});

const answer = { port: 1257, certificate: pseudoRandomBytes(400) };
const bytes = encodeHelloAnswer(answer);

Deno.test("hello: its answer is read when it is complete, and bytes after it stay", () => {
  for (let size = 0; size < bytes.length; size++) {
    assert.equal(decodeHelloAnswer(bytes.slice(0, size)), undefined, `${size} bytes`);
  }
  assert.deepEqual(decodeHelloAnswer(bytes), answer);
  assert.deepEqual(decodeHelloAnswer(Uint8Array.from([...bytes, 1, 2, 3])), answer);
});

const WRONG: readonly [what: string, at: number, value: number][] = [
  ["another version", 0, 3],
  ["another code", 1, 0x34],
  ["a payload beyond any certificate", 5, 0xff],
  ["no room for a certificate", 3, 2],
];

for (const [what, at, value] of WRONG) {
  Deno.test(`hello: an invalid answer: ${what}`, () => {
    const wrong = bytes.slice();
    wrong[at] = value;
    if (at === 3) wrong[4] = 0;
    assert.throws(() => decodeHelloAnswer(wrong), { code: "protocol-4-not-spoken" });
  });
}
