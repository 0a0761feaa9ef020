/** Clients that expect zlib's CRC-32 in place of cksum, and strict ones that are never told it for long. */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { type Bytes, cksum, edition2023a, listStored, Server } from "../../mod.ts";
import { pseudoRandomBytes } from "../helpers/bytes.ts";
import { Peer } from "../helpers/peer.ts";
import { TemporaryFolder } from "../helpers/temporary.ts";

const CONTENT = pseudoRandomBytes(3000);
const OTHER = pseudoRandomBytes(3000, 2);

const start = (folder: TemporaryFolder) =>
  Server.start({
    listen: [{ hostname: "127.0.0.1", port: 0 }],
    dataFolder: folder.join("data"),
  });

async function enrol(server: Server, name = "Alice"): Promise<Peer> {
  const peer = await Peer.connect(server.address, edition2023a);
  await peer.enrol(name);
  return peer;
}

/** Leaves, and comes back under its identity as a client does that is started again. */
async function comeBack(peer: Peer, name = "Alice"): Promise<void> {
  await peer.reconnectSocket();
  await peer.reconnect(name);
}

/** The checksum that the client is told. */
async function told(peer: Peer, content: Bytes = CONTENT, fileName = "a"): Promise<number> {
  const response = await peer.sendFile(fileName, content);
  assert.ok(response !== "closed" && response.kind === "fileReceived");
  return response.crc;
}

/** Calls the checksum wrong four times in all, as the text has it, or leaves without the last word. */
async function callWrong(peer: Peer, { times = 4, givesUp = true, content = CONTENT } = {}) {
  for (let attempt = 1; attempt <= times; attempt++) {
    assert.equal(await told(peer, content), cksum(content), `attempt ${attempt}`);
    await peer.judge(attempt === times && givesUp ? "crcGivenUp" : "crcInvalid", "a");
  }
}

async function files(folder: TemporaryFolder) {
  const [account] = await listStored(folder.join("data"));
  return {
    stored: account?.files.map(({ name, crc }) => ({ name, crc })),
    habits: account?.speech.habits,
  };
}

for (
  const [how, ways] of Object.entries({ "gives up": {}, "leaves": { times: 3, givesUp: false } })
) {
  Deno.test(`a client that calls the right cksum wrong and ${how}: the same file again is answered with zlib's CRC-32, and so are later ones`, async () => {
    await using folder = await TemporaryFolder.create();
    let peer: Peer;
    {
      await using server = await start(folder);
      peer = await enrol(server);
      await callWrong(peer, ways);
      await comeBack(peer);
      assert.equal(await told(peer), crc32(CONTENT));
      await peer.judge("crcValid", "a");
      assert.equal(await told(peer, OTHER, "b"), crc32(OTHER));
      await peer.judge("crcValid", "b");
      peer[Symbol.dispose]();
    }
    assert.deepEqual(await files(folder), {
      // What is kept of a file is its cksum.
      stored: [{ name: "a", crc: cksum(CONTENT) }, { name: "b", crc: cksum(OTHER) }],
      habits: ["zlib-crc"],
    });
    await using server = await start(folder);
    using later = await Peer.connect(server.address, edition2023a);
    later.clientId = peer.clientId;
    await later.reconnect("Alice");
    assert.equal(await told(later, OTHER, "c"), crc32(OTHER), "it is known of the account");
  });
}

Deno.test("a strict client that gave up, for its answers were damaged, is told zlib's once and then its cksum", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using peer = await enrol(server);
  await callWrong(peer);
  await comeBack(peer);
  assert.equal(await told(peer), crc32(CONTENT));
  await peer.judge("crcInvalid", "a");
  assert.equal(await told(peer), cksum(CONTENT));
  await peer.judge("crcValid", "a");
  assert.equal(await told(peer, OTHER, "b"), cksum(OTHER));
  await peer.judge("crcValid", "b");
  assert.deepEqual((await files(folder)).habits, []);
});

Deno.test("zlib's is told once: a client that calls both wrong, and gives up again, is told its cksum from then on", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using peer = await enrol(server);
  await callWrong(peer);
  await comeBack(peer);
  assert.equal(await told(peer), crc32(CONTENT));
  await peer.judge("crcGivenUp", "a");
  for (let run = 1; run <= 2; run++) {
    await comeBack(peer);
    await callWrong(peer);
  }
});

Deno.test("zlib's is told of nothing but what was called wrong: another content, name or client has its cksum", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using peer = await enrol(server);
  await callWrong(peer);
  await comeBack(peer);
  assert.equal(await told(peer, OTHER), cksum(OTHER), "another content");
  assert.equal(await told(peer, CONTENT, "b"), cksum(CONTENT), "another name");
  using other = await enrol(server, "Bob");
  assert.equal(await told(other), cksum(CONTENT), "another client");
});

Deno.test("a client that calls a checksum wrong once or twice, and comes back, has its cksum", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using peer = await enrol(server);
  await callWrong(peer, { times: 2, givesUp: false });
  await comeBack(peer);
  assert.equal(await told(peer), cksum(CONTENT));
});
