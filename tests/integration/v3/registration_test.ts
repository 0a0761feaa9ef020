/** Ownership of names over protocol 3: registration, reconnection, keys. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { field, kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { content, crcOf, MINUTE, test } from "../../support/v3/server_fixture.ts";

test("registration: taken and invalid names are refused", async ({ peer, server }) => {
  await peer.enrol("Alice");
  using other = await RawClient.connect(server.address);
  for (const name of ["Alice", "", "a b", "../a", "x\x1b", "é"]) {
    assert.equal(kindOf(await other.register(name)), "refused", name);
  }
  assert.equal(kindOf(await other.register("alice")), "registered");
});

test("registration: of two simultaneous ones of a name, one succeeds", async ({ server }) => {
  const peers = await Promise.all(
    Array.from({ length: 8 }, () => RawClient.connect(server.address)),
  );
  const answers = await Promise.all(
    peers.map(async (peer) => kindOf(await peer.register("Alice"))),
  );
  for (const peer of peers) peer[Symbol.dispose]();
  assert.deepEqual(answers.sort(), [...Array(7).fill("refused"), "registered"]);
});

test("registration: one without a key frees its name after ten minutes", async ({ peer, advance }) => {
  await peer.register("Alice");
  const abandoned = peer.clientId;
  peer.clientId = new Uint8Array(16);
  advance(10 * MINUTE);
  assert.equal(kindOf(await peer.register("Alice")), "refused");
  advance(1);
  assert.equal(kindOf(await peer.register("Alice")), "registered");
  peer.clientId = abandoned;
  assert.equal(kindOf(await peer.sendKey("Alice")), "generalError", "the old id is invalid");
});

test("registration: a client that died before it sent its key can start over at once with its id", async ({ peer }) => {
  await peer.register("Alice");
  assert.equal(kindOf(await peer.reconnect("Alice")), "denied");
  assert.equal(kindOf(await peer.register("Alice")), "registered");
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
});

test("registration: one with a key never expires", async ({ peer, server, advance }) => {
  await peer.enrol("Alice");
  advance(1000 * MINUTE);
  using other = await RawClient.connect(server.address);
  assert.equal(kindOf(await other.register("Alice")), "refused");
  assert.equal(kindOf(await peer.reconnect("Alice")), "reconnected");
});

test("reconnection: it needs name and id, and gives a new AES key", async ({ peer }) => {
  await peer.enrol("Alice");
  const before = peer.aesKey;
  const { clientId } = peer;
  assert.equal(kindOf(await peer.reconnect("Alice")), "reconnected");
  assert.equal(kindOf(await peer.sendFile("a.txt", content)), "fileReceived");
  const old = await peer.sendFile("a.txt", content, before);
  assert.notEqual(crcOf(old), cksum(content), "the previous key is forgotten");
  for (const [id, name] of [[clientId, "Bob"], [pseudoRandomBytes(16), "Alice"]] as const) {
    peer.clientId = id;
    assert.equal(kindOf(await peer.reconnect(name)), "denied");
  }
});

test("denial: the client continues with the id from the denial", async ({ peer, stored }) => {
  peer.clientId = pseudoRandomBytes(16, 44);
  const asked = peer.clientId;
  assert.equal(kindOf(await peer.reconnect("Alice")), "denied");
  assert.notDeepEqual(peer.clientId, asked);
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
  await peer.sendFile("a.txt", content);
  await peer.judge("crcValid", "a.txt");
  assert.deepEqual(await stored(), ["Alice/a.txt"]);
});

test("denial: a name that is being registered cannot be taken by a denied reconnection", async ({ peer, server }) => {
  await peer.register("Alice");
  using thief = await RawClient.connect(server.address);
  assert.equal(kindOf(await thief.register("Alice")), "refused");
  thief.clientId = pseudoRandomBytes(16, 44);
  assert.equal(kindOf(await thief.reconnect("Alice")), "denied");
  assert.equal(kindOf(await thief.sendKey("Alice")), "generalError");
  assert.equal(kindOf(await thief.register("Alice")), "refused");
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
});

test("denial: one before the registration of a name cannot take it afterwards", async ({ peer, server }) => {
  using thief = await RawClient.connect(server.address);
  thief.clientId = pseudoRandomBytes(16, 44);
  assert.equal(kindOf(await thief.reconnect("Alice")), "denied");
  await peer.register("Alice");
  assert.equal(kindOf(await thief.register("Alice")), "refused");
  assert.equal(kindOf(await thief.sendKey("Alice")), "generalError");
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
});

test("denial: two denied clients of one name get different ids, and the first key stays", async ({ peer, server }) => {
  using other = await RawClient.connect(server.address);
  for (const client of [peer, other]) {
    client.clientId = pseudoRandomBytes(16, 44);
    await client.reconnect("Alice");
  }
  assert.notDeepEqual(peer.clientId, other.clientId);
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
  assert.equal(kindOf(await other.sendKey("Alice")), "generalError");
});

test("denial: the id from it is invalid for a name with a key, and after ten minutes", async ({ peer, server, advance }) => {
  await peer.enrol("Alice");
  using thief = await RawClient.connect(server.address);
  thief.clientId = pseudoRandomBytes(16, 44);
  await thief.reconnect("Alice");
  assert.equal(kindOf(await thief.sendKey("Alice")), "generalError");
  assert.equal(kindOf(await thief.register("Alice")), "refused");
  await thief.reconnect("Bob");
  advance(10 * MINUTE);
  assert.equal(kindOf(await thief.sendKey("Bob")), "generalError");
});

test("keys: only the owner can change a public key", async ({ peer, server }) => {
  await peer.enrol("Alice");
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
  using other = await RawClient.connect(server.address);
  await other.enrol("Bob");
  assert.equal(kindOf(await other.sendKey("Alice")), "generalError");
});

test("keys: an invalid public key is answered with a general error", async ({ peer }) => {
  await peer.register("Alice");
  const { clientId } = peer;
  const publicKey = pseudoRandomBytes(160);
  const answer = await peer.ask({ kind: "publicKey", clientId, name: field("Alice"), publicKey });
  assert.equal(kindOf(answer), "generalError");
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
});
