import assert from "node:assert/strict";
import { type Bytes, concatBytes, fromHex, toHex } from "../../../protocol/bytes.ts";
import vectors from "../../../docs/protocol-4-vectors.json" with { type: "json" };
import {
  prove,
  provenBytes,
  sealedBytes,
  secretIn,
  sign,
  signedBytes,
  type SignedIdentity,
  type Takeover,
  verifyProof,
  verifySignature,
} from "../../../protocol/v4/authentication.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";

const { privateKey, publicKey } = await crypto.subtle.generateKey("Ed25519", true, [
  "sign",
  "verify",
]) as CryptoKeyPair;
const key: Bytes = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));

const claim: SignedIdentity = {
  fingerprint: pseudoRandomBytes(32, 1),
  nonce: pseudoRandomBytes(32, 2),
  clientId: pseudoRandomBytes(16, 3),
  key,
};

Deno.test("authentication: the signed bytes are laid out as specified", () => {
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

Deno.test("authentication: a signature is valid for its own claim", async () => {
  assert.ok(await verifySignature(claim, await sign(privateKey, claim)));
});

const OTHERS: readonly [what: string, change: Partial<SignedIdentity>][] = [
  ["another server", { fingerprint: pseudoRandomBytes(32, 9) }],
  ["another connection", { nonce: pseudoRandomBytes(32, 9) }],
  ["another account", { clientId: pseudoRandomBytes(16, 9) }],
  ["another key", { key: pseudoRandomBytes(32, 9) }],
  ["a registration", { name: "Alice" }],
];

for (const [what, change] of OTHERS) {
  Deno.test(`authentication: a signature is not valid for ${what}`, async () => {
    const signature = await sign(privateKey, claim);
    assert.equal(await verifySignature({ ...claim, ...change }, signature), false);
  });
}

Deno.test("authentication: an invalid signature or key verifies nothing", async () => {
  const signature = await sign(privateKey, claim);
  signature[5] = (signature[5] ?? 0) ^ 1;
  assert.equal(await verifySignature(claim, signature), false);
  assert.equal(await verifySignature(claim, new Uint8Array(3)), false);
  assert.equal(await verifySignature({ ...claim, key: new Uint8Array(5) }, signature), false);
});

const fromVector = (hex: string): Bytes => fromHex(hex) ?? new Uint8Array(0);
const secret = fromVector(vectors.claim.secret);
const takeover: Takeover = {
  fingerprint: fromVector(vectors.claim.fingerprint),
  clientId: fromVector(vectors.claim.clientId),
  key: fromVector(vectors.claim.key),
};

Deno.test("account claim: the bytes of the proof are laid out as specified, and the proof is the published one", async () => {
  const context = new TextEncoder().encode("xfer/4 account claim\0");
  assert.equal(context.length, 21);
  const { fingerprint, clientId, key } = takeover;
  const expected = concatBytes(context, fingerprint, clientId, key);
  assert.equal(toHex(provenBytes(takeover)), toHex(expected));
  assert.equal(toHex(await prove(secret, takeover)), vectors.claim.proof);
  assert.ok(await verifyProof(secret, takeover, fromVector(vectors.claim.proof)));
});

Deno.test("account claim: the sealed secret is laid out as published, and cannot be confused with an AES key of protocol 3", () => {
  const sealed = sealedBytes(secret);
  assert.equal(toHex(sealed), vectors.claim.sealed);
  assert.equal(toHex(secretIn(sealed) ?? sealed), toHex(secret));
  const context = new TextEncoder().encode("xfer/4 claim secret\0");
  assert.equal(context.length, 20);
  const others: readonly Bytes[] = [
    ...[new Uint8Array(0), context, secret, secret.slice(0, 16), sealed.slice(0, 51)],
    concatBytes(sealed, new Uint8Array(1)),
    concatBytes(new TextEncoder().encode("xfer/4 claim secret "), secret),
    pseudoRandomBytes(52),
  ];
  for (const other of others) assert.equal(secretIn(other), undefined, toHex(other));
});

const OTHER_TAKEOVERS: readonly [what: string, change: Partial<Takeover>][] = [
  ["another server", { fingerprint: pseudoRandomBytes(32, 9) }],
  ["another account", { clientId: pseudoRandomBytes(16, 9) }],
  ["another key", { key: pseudoRandomBytes(32, 9) }],
];

for (const [what, change] of OTHER_TAKEOVERS) {
  Deno.test(`account claim: a proof is not valid for ${what}`, async () => {
    const proof = await prove(secret, takeover);
    assert.equal(await verifyProof(secret, { ...takeover, ...change }, proof), false);
  });
}

Deno.test("account claim: a proof is not valid with another secret, cut off, or changed", async () => {
  const proof = await prove(secret, takeover);
  assert.equal(await verifyProof(pseudoRandomBytes(32, 9), takeover, proof), false);
  assert.equal(await verifyProof(secret, takeover, proof.slice(0, 31)), false);
  assert.equal(await verifyProof(secret, takeover, new Uint8Array(0)), false);
  proof[31] = (proof[31] ?? 0) ^ 1;
  assert.equal(await verifyProof(secret, takeover, proof), false);
});
