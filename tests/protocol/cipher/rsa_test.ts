import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import {
  generatePrivateKey,
  PUBLIC_KEY_SIZE,
  publicKeyOf,
  unwrapKey,
  wrapKey,
  WRAPPED_KEY_SIZE,
} from "../../../protocol/cipher/rsa.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";

Deno.test("RSA: a public key has 160 bytes, a wrapped AES key 128, and it unwraps to the same", async () => {
  const privateKey = await generatePrivateKey();
  const publicKey = publicKeyOf(privateKey);
  assert.equal(publicKey.length, PUBLIC_KEY_SIZE);
  for (const size of [16, 32]) {
    const aesKey = pseudoRandomBytes(size);
    const wrapped = await wrapKey(publicKey, aesKey);
    assert.equal(wrapped.length, WRAPPED_KEY_SIZE);
    assert.deepEqual(await unwrapKey(privateKey, wrapped), aesKey);
  }
});

Deno.test("RSA: an invalid key, or one of another size, is refused", async () => {
  const spki = (bits: number) =>
    new Uint8Array(
      generateKeyPairSync("rsa", { modulusLength: bits, publicExponent: 17 }).publicKey
        .export({ type: "spki", format: "der" }),
    );
  for (const publicKey of [new Uint8Array(160), pseudoRandomBytes(160), spki(2048), spki(1032)]) {
    await assert.rejects(wrapKey(publicKey, pseudoRandomBytes(16)), {
      name: "ProtocolError",
      code: "bad-public-key",
    });
  }
});

Deno.test("RSA: a key wrapped for another key pair is refused", async () => {
  const wrapped = await wrapKey(publicKeyOf(await generatePrivateKey()), pseudoRandomBytes(16));
  await assert.rejects(unwrapKey(await generatePrivateKey(), wrapped), {
    name: "ProtocolError",
    code: "bad-wrapped-key",
  });
});
