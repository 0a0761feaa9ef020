import assert from "node:assert/strict";
import { type Bytes, concatBytes, toHex } from "../../../mod.ts";
import {
  type Claim,
  sign,
  signedBytes,
  verifySignature,
} from "../../../protocol/v4/authentication.ts";
import { pseudoRandomBytes } from "../../helpers/bytes.ts";

const { privateKey, publicKey } = await crypto.subtle.generateKey("Ed25519", true, [
  "sign",
  "verify",
]) as CryptoKeyPair;
const key: Bytes = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));

const claim: Claim = {
  fingerprint: pseudoRandomBytes(32, 1),
  nonce: pseudoRandomBytes(32, 2),
  clientId: pseudoRandomBytes(16, 3),
  key,
};

Deno.test("what is signed is laid out as specified", () => {
  const context = new TextEncoder().encode("xfer/4 client authentication\0");
  assert.equal(context.length, 29);
  const { fingerprint, nonce, clientId = new Uint8Array(0) } = claim;
  assert.equal(
    toHex(signedBytes(claim)),
    toHex(concatBytes(context, fingerprint, nonce, clientId, key)),
  );
  const registration = { fingerprint, nonce, key, name: "Alice" };
  const name = new TextEncoder().encode("Alice");
  assert.equal(
    toHex(signedBytes(registration)),
    toHex(concatBytes(context, fingerprint, nonce, new Uint8Array(16), key, name)),
  );
});

Deno.test("a signature is good for its claim", async () => {
  assert.ok(await verifySignature(claim, await sign(privateKey, claim)));
});

const OTHERS: readonly [what: string, change: Partial<Claim>][] = [
  ["another server", { fingerprint: pseudoRandomBytes(32, 9) }],
  ["another connection", { nonce: pseudoRandomBytes(32, 9) }],
  ["another account", { clientId: pseudoRandomBytes(16, 9) }],
  ["another key", { key: pseudoRandomBytes(32, 9) }],
  ["a registration", { name: "Alice" }],
];

for (const [what, change] of OTHERS) {
  Deno.test(`a signature is worth nothing for ${what}`, async () => {
    const signature = await sign(privateKey, claim);
    assert.equal(await verifySignature({ ...claim, ...change }, signature), false);
  });
}

Deno.test("what is no signature or no key has signed nothing", async () => {
  const signature = await sign(privateKey, claim);
  signature[5] = (signature[5] ?? 0) ^ 1;
  assert.equal(await verifySignature(claim, signature), false);
  assert.equal(await verifySignature(claim, new Uint8Array(3)), false);
  assert.equal(await verifySignature({ ...claim, key: new Uint8Array(5) }, signature), false);
});
