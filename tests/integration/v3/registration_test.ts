/** Who gets a name by protocol 3, and who may go on under it: registration, reconnection, keys. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { field, kindOf, Peer } from "../../support/v3/raw_client.ts";
import { content, crcOf, MINUTE, test } from "../../support/v3/server_scene.ts";

test("a name that is taken, and names that can't be, are refused", async ({ peer, server }) => {
  await peer.enrol("Alice");
  using other = await Peer.connect(server.address);
  for (const name of ["Alice", "", "a b", "../a", "x\x1b", "é"]) {
    assert.equal(kindOf(await other.register(name)), "refused", name);
  }
  assert.equal(kindOf(await other.register("alice")), "registered");
});

test("two registrations of a name at once: one gets it", async ({ server }) => {
  const peers = await Promise.all(Array.from({ length: 8 }, () => Peer.connect(server.address)));
  const answers = await Promise.all(
    peers.map(async (peer) => kindOf(await peer.register("Alice"))),
  );
  for (const peer of peers) peer[Symbol.dispose]();
  assert.deepEqual(answers.sort(), [...Array(7).fill("refused"), "registered"]);
});

test("a registration without a key frees its name after ten minutes", async ({ peer, advance }) => {
  await peer.register("Alice");
  const abandoned = peer.clientId;
  peer.clientId = new Uint8Array(16);
  advance(10 * MINUTE);
  assert.equal(kindOf(await peer.register("Alice")), "refused");
  advance(1);
  assert.equal(kindOf(await peer.register("Alice")), "registered");
  peer.clientId = abandoned;
  assert.equal(kindOf(await peer.sendKey("Alice")), "generalError", "its old id is nobody's now");
});

test("a client that died before it sent its key starts over at once under its id", async ({ peer }) => {
  await peer.register("Alice");
  assert.equal(kindOf(await peer.reconnect("Alice")), "denied");
  assert.equal(kindOf(await peer.register("Alice")), "registered");
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
});

test("a registration with a key never expires", async ({ peer, server, advance }) => {
  await peer.enrol("Alice");
  advance(1000 * MINUTE);
  using other = await Peer.connect(server.address);
  assert.equal(kindOf(await other.register("Alice")), "refused");
  assert.equal(kindOf(await peer.reconnect("Alice")), "reconnected");
});

test("reconnecting takes both name and id, and gives a fresh key", async ({ peer }) => {
  await peer.enrol("Alice");
  const before = peer.aesKey;
  const { clientId } = peer;
  assert.equal(kindOf(await peer.reconnect("Alice")), "reconnected");
  assert.equal(kindOf(await peer.sendFile("a.txt", content)), "fileReceived");
  const old = await peer.sendFile("a.txt", content, before);
  assert.notEqual(crcOf(old), cksum(content), "the key before is forgotten");
  for (const [id, name] of [[clientId, "Bob"], [pseudoRandomBytes(16), "Alice"]] as const) {
    peer.clientId = id;
    assert.equal(kindOf(await peer.reconnect(name)), "denied");
  }
});

test("a denied client goes on under the id that it was given", async ({ peer, stored }) => {
  peer.clientId = pseudoRandomBytes(16, 44);
  const asked = peer.clientId;
  assert.equal(kindOf(await peer.reconnect("Alice")), "denied");
  assert.notDeepEqual(peer.clientId, asked);
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
  await peer.sendFile("a.txt", content);
  await peer.judge("crcValid", "a.txt");
  assert.deepEqual(await stored(), ["Alice/a.txt"]);
});

test("nobody takes a name that is being registered, by being denied under it", async ({ peer, server }) => {
  await peer.register("Alice");
  using thief = await Peer.connect(server.address);
  assert.equal(kindOf(await thief.register("Alice")), "refused");
  thief.clientId = pseudoRandomBytes(16, 44);
  assert.equal(kindOf(await thief.reconnect("Alice")), "denied");
  assert.equal(kindOf(await thief.sendKey("Alice")), "generalError");
  assert.equal(kindOf(await thief.register("Alice")), "refused");
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
});

test("denied before a name was registered, nobody takes it afterwards", async ({ peer, server }) => {
  using thief = await Peer.connect(server.address);
  thief.clientId = pseudoRandomBytes(16, 44);
  assert.equal(kindOf(await thief.reconnect("Alice")), "denied");
  await peer.register("Alice");
  assert.equal(kindOf(await thief.register("Alice")), "refused");
  assert.equal(kindOf(await thief.sendKey("Alice")), "generalError");
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
});

test("two denied clients of one name get ids of their own, and the first key stays", async ({ peer, server }) => {
  using other = await Peer.connect(server.address);
  for (const client of [peer, other]) {
    client.clientId = pseudoRandomBytes(16, 44);
    await client.reconnect("Alice");
  }
  assert.notDeepEqual(peer.clientId, other.clientId);
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
  assert.equal(kindOf(await other.sendKey("Alice")), "generalError");
});

test("the id that a denied client was given is worth nothing for a name with a key, nor after ten minutes", async ({ peer, server, advance }) => {
  await peer.enrol("Alice");
  using thief = await Peer.connect(server.address);
  thief.clientId = pseudoRandomBytes(16, 44);
  await thief.reconnect("Alice");
  assert.equal(kindOf(await thief.sendKey("Alice")), "generalError");
  assert.equal(kindOf(await thief.register("Alice")), "refused");
  await thief.reconnect("Bob");
  advance(10 * MINUTE);
  assert.equal(kindOf(await thief.sendKey("Bob")), "generalError");
});

test("a public key is replaced by its owner alone", async ({ peer, server }) => {
  await peer.enrol("Alice");
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
  using other = await Peer.connect(server.address);
  await other.enrol("Bob");
  assert.equal(kindOf(await other.sendKey("Alice")), "generalError");
});

test("a public key that is none is answered with a general error", async ({ peer }) => {
  await peer.register("Alice");
  const { clientId } = peer;
  const publicKey = pseudoRandomBytes(160);
  const answer = await peer.ask({ kind: "publicKey", clientId, name: field("Alice"), publicKey });
  assert.equal(kindOf(answer), "generalError");
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
});
