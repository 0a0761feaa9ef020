import assert from "node:assert/strict";
import { cbc } from "@noble/ciphers/aes.js";
import fc from "fast-check";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import {
  CbcDecryptor,
  CbcEncryptor,
  ciphertextSize,
  importAesKey,
} from "../../../protocol/cipher/aes_cbc.ts";
import { pseudoRandomBytes, splitAt } from "../../support/bytes.ts";

const key16 = pseudoRandomBytes(16, 5);
const key32 = pseudoRandomBytes(32, 7);

async function encrypt(key: Bytes, pieces: readonly Bytes[]): Promise<Bytes> {
  const encryptor = new CbcEncryptor(await importAesKey(key));
  const parts: Bytes[] = [];
  for (const piece of pieces) parts.push(await encryptor.update(piece));
  return concatBytes(...parts, await encryptor.final());
}

async function decrypt(key: Bytes, pieces: readonly Bytes[]): Promise<Bytes> {
  const decryptor = new CbcDecryptor(await importAesKey(key));
  const parts: Bytes[] = [];
  for (const piece of pieces) parts.push(await decryptor.update(piece));
  return concatBytes(...parts, await decryptor.final());
}

/** An independent implementation. */
const oracle = (key: Bytes) => cbc(key, new Uint8Array(16));

Deno.test("AES-CBC: random sizes, keys and cuts give the same result as an independent implementation", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(5000),
      fc.constantFrom(key16, key32),
      fc.array(fc.nat()),
      fc.array(fc.nat()),
      async (size, key, cuts, otherCuts) => {
        const plaintext = pseudoRandomBytes(size, size + 1);
        const ciphertext = await encrypt(key, splitAt(plaintext, cuts));
        assert.deepEqual(ciphertext, concatBytes(oracle(key).encrypt(plaintext)));
        assert.deepEqual(await decrypt(key, splitAt(ciphertext, otherCuts)), plaintext);
      },
    ),
    { numRuns: 150 },
  );
});

for (const size of [0, 1, 15, 16, 17, 31, 32, 33, 65535, 65536, 65537]) {
  Deno.test(`AES-CBC: ${size} bytes become ${ciphertextSize(size)}, and decrypt to the same`, async () => {
    const plaintext = pseudoRandomBytes(size);
    const ciphertext = await encrypt(key16, [plaintext]);
    assert.equal(ciphertext.length, ciphertextSize(size));
    assert.deepEqual(await decrypt(key16, [ciphertext]), plaintext);
  });
}

Deno.test("AES-CBC: wrong padding, a wrong key and a missing end are refused", async () => {
  const ciphertext = await encrypt(key16, [pseudoRandomBytes(100)]);
  const flipped = ciphertext.slice();
  flipped[flipped.length - 17] = (flipped.at(-17) ?? 0) ^ 0xff;
  const failure = { name: "IntegrityError", code: "bad-padding" };
  await assert.rejects(decrypt(key16, [flipped]), failure);
  await assert.rejects(decrypt(pseudoRandomBytes(16, 99), [ciphertext]), failure);
  await assert.rejects(decrypt(key16, [ciphertext.subarray(0, 50)]), failure);
  await assert.rejects(decrypt(key16, []), failure);
});
