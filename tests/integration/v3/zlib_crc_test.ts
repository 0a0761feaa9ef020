/** Clients that expect zlib's CRC-32 instead of cksum, and strict ones, which get cksum. */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import type { Bytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { edition2023a } from "../../../protocol/v3/editions/edition_2023a.ts";
import { importAesKey } from "../../../protocol/cipher/aes_cbc.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import type { Server } from "../../../server/server.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { RawClient } from "../../support/v3/raw_client.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { startInThisThread } from "../../support/server.ts";

const CONTENT = pseudoRandomBytes(3000);
const OTHER = pseudoRandomBytes(3000, 2);

const start = (folder: TemporaryFolder) =>
  startInThisThread({
    listen: [{ hostname: "127.0.0.1", port: 0 }],
    dataFolder: folder.join("data"),
  });

async function enrol(server: Server, name = "Alice"): Promise<RawClient> {
  const peer = await RawClient.connect(server.address, edition2023a);
  await peer.enrol(name);
  return peer;
}

/** Disconnects, and returns with the client's identity like a restarted client. */
async function comeBack(peer: RawClient, name = "Alice"): Promise<void> {
  await peer.reconnectSocket();
  await peer.reconnect(name);
}

/** The checksum that the client receives. */
async function checksumFor(
  peer: RawClient,
  content: Bytes = CONTENT,
  fileName = "a",
): Promise<number> {
  const response = await peer.sendFile(fileName, content);
  assert.ok(response !== "closed" && response.kind === "fileReceived");
  return response.crc;
}

/** Rejects its cksum a number of times, like a client with a damaged answer or with another checksum. */
async function callWrong(peer: RawClient, { times = 2, content = CONTENT } = {}) {
  for (let attempt = 1; attempt <= times; attempt++) {
    assert.equal(await checksumFor(peer, content), cksum(content), `attempt ${attempt}`);
    await peer.judge("crcInvalid", "a");
  }
}

async function files(folder: TemporaryFolder) {
  const [account] = await listStored(folder.join("data"));
  return {
    stored: account?.files.map(({ name, crc }) => ({ name, crc })),
    quirks: account?.storedProfile.quirks,
  };
}

Deno.test("zlib: a client that rejects the cksum of one file twice gets zlib's CRC-32, also for later files", async () => {
  await using folder = await TemporaryFolder.create();
  let clientId: Bytes;
  {
    await using server = await start(folder);
    using peer = await enrol(server);
    await callWrong(peer);
    assert.equal(await checksumFor(peer), crc32(CONTENT));
    await peer.judge("crcValid", "a");
    assert.equal(await checksumFor(peer, OTHER, "b"), crc32(OTHER));
    await peer.judge("crcValid", "b");
    clientId = peer.clientId;
  }
  assert.deepEqual(await files(folder), {
    // The catalog keeps the cksum of a file.
    stored: [{ name: "a", crc: cksum(CONTENT) }, { name: "b", crc: cksum(OTHER) }],
    quirks: ["zlib-crc"],
  });
  await using server = await start(folder);
  using later = await RawClient.connect(server.address, edition2023a);
  later.clientId = clientId;
  await later.reconnect("Alice");
  assert.equal(await checksumFor(later, OTHER, "c"), crc32(OTHER), "the account remembers it");
});

Deno.test("zlib: a client that reconnects for each attempt gets zlib's CRC-32 at the third one", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using peer = await enrol(server);
  for (let attempt = 1; attempt <= 2; attempt++) {
    assert.equal(await checksumFor(peer), cksum(CONTENT));
    await peer.judge("crcGivenUp", "a");
    await comeBack(peer);
  }
  assert.equal(await checksumFor(peer), crc32(CONTENT));
});

Deno.test("zlib: a strict client with one damaged answer never gets zlib's CRC-32", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using peer = await enrol(server);
  for (let run = 1; run <= 3; run++) {
    await callWrong(peer, { times: 1 });
    assert.equal(await checksumFor(peer), cksum(CONTENT));
    await peer.judge("crcValid", "a");
  }
});

Deno.test("zlib: a strict client with three damaged answers gets cksum at the fourth attempt, and stays strict", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using peer = await enrol(server);
  await callWrong(peer);
  assert.equal(await checksumFor(peer), crc32(CONTENT));
  await peer.judge("crcInvalid", "a");
  assert.equal(await checksumFor(peer), cksum(CONTENT));
  await peer.judge("crcValid", "a");
  assert.equal(await checksumFor(peer, OTHER, "b"), cksum(OTHER));
  await peer.judge("crcValid", "b");
  assert.deepEqual((await files(folder)).quirks, []);
});

Deno.test("zlib: a client that rejects both checksums gets cksum in every later attempt", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using peer = await enrol(server);
  await callWrong(peer);
  assert.equal(await checksumFor(peer), crc32(CONTENT));
  await peer.judge("crcInvalid", "a");
  await callWrong(peer, { times: 3 });
  await comeBack(peer);
  await callWrong(peer, { times: 3 });
});

Deno.test("zlib: another content, name or client than the disputed one gets cksum", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using peer = await enrol(server);
  await callWrong(peer);
  assert.equal(await checksumFor(peer, OTHER), cksum(OTHER), "another content");
  assert.equal(await checksumFor(peer, CONTENT, "b"), cksum(CONTENT), "another name");
  using other = await enrol(server, "Bob");
  assert.equal(await checksumFor(other), cksum(CONTENT), "another client");
});

Deno.test("zlib: an empty file that did not arrive whole gets a checksum that matches neither", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using peer = await enrol(server);
  const nothing = new Uint8Array(0);
  const otherKey = await importAesKey(new Uint8Array(32));
  const checksumForDamaged = async () => {
    const response = await peer.sendFile("b", nothing, otherKey);
    assert.ok(response !== "closed" && response.kind === "fileReceived");
    return response.crc;
  };
  const rights = [cksum(nothing), crc32(nothing)];
  assert.ok(!rights.includes(await checksumForDamaged()));
  await callWrong(peer);
  assert.equal(await checksumFor(peer), crc32(CONTENT));
  await peer.judge("crcValid", "a");
  assert.ok(!rights.includes(await checksumForDamaged()), "if zlib's is expected");
});
