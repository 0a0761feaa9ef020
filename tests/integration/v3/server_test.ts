/** The server over real sockets: files and verdicts, in order and out of order. */
import assert from "node:assert/strict";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { encodeRequest } from "../../../protocol/v3/messages.ts";
import { importAesKey } from "../../../protocol/cipher/aes_cbc.ts";
import { DataFolder } from "../../../server/data_folder/data_folder.ts";
import { readContent } from "../../../server/data_folder/stored_content.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { encrypt, field, kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { content, crcOf, MINUTE, test } from "../../support/v3/server_fixture.ts";

test("server: register, send the key, send a file, confirm it", async ({ peer, stored, staged }) => {
  assert.equal(kindOf(await peer.register("Alice")), "registered");
  assert.ok(!peer.clientId.includes(0), "server: an id contains no zero byte");
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
  const received = await peer.sendFile("a.txt", content);
  assert.deepEqual(received, {
    kind: "fileReceived",
    clientId: peer.clientId,
    contentSize: 1008,
    fileName: field("a.txt"),
    crc: cksum(content),
  });
  assert.deepEqual(await stored(), [], "server: a file is not visible before CRC valid");
  const approval = await peer.judge("crcValid", "a.txt");
  assert.deepEqual(approval, { kind: "messageReceived", clientId: peer.clientId });
  assert.deepEqual(await stored(), ["Alice/a.txt"]);
  assert.equal(staged(), 0);
});

for (const size of [0, 1, 1000, 4080]) {
  test(
    `server: a file of ${size} bytes stays in memory until it is confirmed, and goes into the catalog`,
    async ({ peer, stored, staged, folder }) => {
      await peer.enrol("Alice");
      const content = pseudoRandomBytes(size, 7);
      assert.equal(crcOf(await peer.sendFile("a.txt", content)), cksum(content));
      assert.equal(staged(), 0);
      assert.equal(kindOf(await peer.judge("crcInvalid", "a.txt")), "messageReceived");
      assert.equal(kindOf(await peer.judge("crcValid", "a.txt")), "generalError");
      assert.equal(crcOf(await peer.sendFile("a.txt", content)), cksum(content));
      assert.equal(kindOf(await peer.judge("crcValid", "a.txt")), "messageReceived");
      assert.deepEqual(await stored(), ["Alice/a.txt"]);
      const [account] = await listStored(folder.join("data"));
      const [file] = account?.files ?? [];
      assert.ok(file?.content.kind === "inline" && file.size === size);
      await using store = await DataFolder.openToRead(folder.join("data"), Deno);
      const pieces: Bytes[] = [];
      for await (const piece of readContent(store, file)) pieces.push(piece.slice());
      assert.deepEqual(concatBytes(...pieces), content);
    },
    { inlineSize: 4096 },
  );
}

test("server: each request can come on its own connection", async ({ peer, stored }) => {
  await peer.register("Alice");
  await peer.reconnectSocket();
  await peer.sendKey("Alice");
  await peer.reconnectSocket();
  assert.equal(kindOf(await peer.sendFile("a.txt", content)), "fileReceived");
  await peer.reconnectSocket();
  assert.equal(kindOf(await peer.judge("crcValid", "a.txt")), "messageReceived");
  assert.deepEqual(await stored(), ["Alice/a.txt"]);
});

test("server: a file before the key exchange, of an unknown id or without a name is refused; the connection stays open", async ({ peer, staged }) => {
  await peer.register("Alice");
  const key = await importAesKey(pseudoRandomBytes(16));
  assert.equal(kindOf(await peer.sendFile("a.txt", content, key)), "generalError");
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
  assert.equal(kindOf(await peer.sendFile("", content)), "generalError");
  const { clientId } = peer;
  peer.clientId = pseudoRandomBytes(16);
  assert.equal(kindOf(await peer.sendFile("a.txt", content)), "generalError");
  assert.equal(kindOf(await peer.judge("crcValid", "a.txt")), "generalError");
  assert.equal(staged(), 0);
  peer.clientId = clientId;
  assert.equal(kindOf(await peer.sendFile("a.txt", content)), "fileReceived");
});

test("server: an AES key is forgotten after an hour without use, on its own connection too", async ({ peer, server, advance }) => {
  await peer.enrol("Alice");
  advance(59 * MINUTE);
  assert.equal(kindOf(await peer.sendFile("a.txt", content)), "fileReceived");
  advance(59 * MINUTE);
  assert.equal(kindOf(await peer.sendFile("a.txt", content)), "fileReceived");
  advance(60 * MINUTE);
  assert.equal(kindOf(await peer.sendFile("a.txt", content)), "generalError");
  assert.equal(kindOf(await peer.reconnect("Alice")), "reconnected");
  using other = await RawClient.connect(server.address);
  other.clientId = peer.clientId;
  other.aesKey = peer.aesKey;
  assert.equal(kindOf(await other.sendFile("a.txt", content)), "fileReceived");
  advance(60 * MINUTE);
  assert.equal(kindOf(await other.sendFile("a.txt", content)), "generalError");
});

test("server: after CRC invalid the file is dropped, sent again, confirmed", async ({ peer, stored, staged }) => {
  await peer.enrol("Alice");
  await peer.sendFile("a.txt", pseudoRandomBytes(50));
  await peer.send({ kind: "crcInvalid", clientId: peer.clientId, fileName: field("a.txt") });
  assert.equal(
    crcOf(await peer.sendFile("a.txt", content)),
    cksum(content),
    "there is no answer in between",
  );
  assert.equal(staged(), 1);
  await peer.judge("crcValid", "a.txt");
  assert.deepEqual(await stored(), ["Alice/a.txt"]);
});

test("server: CRC invalid is answered if nothing follows it", async ({ peer, staged }) => {
  await peer.enrol("Alice");
  await peer.sendFile("a.txt", content);
  assert.equal(kindOf(await peer.judge("crcInvalid", "a.txt")), "messageReceived");
  assert.equal(staged(), 0);
});

test("server: giving up drops the file before the answer, and can be repeated", async ({ peer, stored, staged }) => {
  await peer.enrol("Alice");
  await peer.sendFile("a.txt", content);
  assert.equal(staged(), 1);
  assert.equal(kindOf(await peer.judge("crcGivenUp", "a.txt")), "messageReceived");
  assert.equal(staged(), 0);
  assert.equal(kindOf(await peer.judge("crcGivenUp", "a.txt")), "messageReceived");
  assert.equal(kindOf(await peer.judge("crcValid", "a.txt")), "generalError");
  assert.deepEqual(await stored(), []);
});

test("server: wrong padding and a wrong key get a checksum that cannot match, and are never stored", async ({ peer, stored, staged }) => {
  await peer.enrol("Alice");
  const key = peer.aesKey ?? assert.fail();
  // The plaintext is whole. Only the padding block after it is broken.
  const plaintext = pseudoRandomBytes(32);
  const ciphertext = await encrypt(plaintext, key);
  ciphertext[47] = (ciphertext[47] ?? 0) ^ 1;
  await peer.write(peer.fileHead("a.txt", ciphertext.length));
  await peer.write(ciphertext);
  const broken = await peer.receive();
  assert.equal(kindOf(broken), "fileReceived");
  assert.notEqual(crcOf(broken), cksum(plaintext));
  assert.equal(kindOf(await peer.judge("crcValid", "a.txt")), "generalError");
  const wrongKey = await peer.sendFile("a.txt", content, await importAesKey(new Uint8Array(16)));
  assert.equal(kindOf(wrongKey), "fileReceived");
  assert.notEqual(crcOf(wrongKey), cksum(content));
  await peer.judge("crcGivenUp", "a.txt");
  assert.deepEqual(await stored(), []);
  assert.equal(staged(), 0);
});

test("server: two uploads of one name on two connections don't interfere", async ({ peer, server, stored, folder }) => {
  await peer.enrol("Alice");
  using other = await RawClient.connect(server.address);
  other.clientId = peer.clientId;
  await other.reconnect("Alice");
  const first = pseudoRandomBytes(100, 1);
  const second = pseudoRandomBytes(200, 2);
  assert.equal(crcOf(await peer.sendFile("a.txt", first)), cksum(first));
  assert.equal(crcOf(await other.sendFile("a.txt", second)), cksum(second));
  assert.equal(kindOf(await peer.judge("crcValid", "a.txt")), "messageReceived");
  const [client] = await listStored(folder.join("data"));
  assert.equal(client?.files[0]?.crc, cksum(first));
  assert.equal(kindOf(await other.judge("crcGivenUp", "a.txt")), "messageReceived");
  assert.deepEqual(await stored(), ["Alice/a.txt"]);
});

test("server: a client cannot confirm or drop another's file", async ({ peer, server, stored }) => {
  await peer.enrol("Alice");
  using other = await RawClient.connect(server.address);
  await other.enrol("Bob");
  await peer.sendFile("a.txt", content);
  assert.equal(kindOf(await other.judge("crcValid", "a.txt")), "generalError");
  assert.equal(kindOf(await other.judge("crcGivenUp", "a.txt")), "messageReceived");
  assert.equal(kindOf(await peer.judge("crcValid", "a.txt")), "messageReceived");
  assert.deepEqual(await stored(), ["Alice/a.txt"]);
});

test("server: a name sent again overwrites the file, and the old blob is removed", async ({ peer, folder }) => {
  await peer.enrol("Alice");
  for (const seed of [1, 2]) {
    await peer.sendFile("a.txt", pseudoRandomBytes(100, seed));
    await peer.judge("crcValid", "a.txt");
  }
  const [client] = await listStored(folder.join("data"));
  assert.deepEqual(client?.files.map(({ crc }) => crc), [cksum(pseudoRandomBytes(100, 2))]);
  const [owner] = [...Deno.readDirSync(folder.join("data", "files"))];
  assert.equal([...Deno.readDirSync(folder.join("data", "files", owner?.name ?? ""))].length, 1);
});

test(
  "server: beyond the limit of unconfirmed files of a client, the oldest is dropped",
  async ({ peer, staged }) => {
    await peer.enrol("Alice");
    for (const name of ["a", "b", "c"]) await peer.sendFile(name, content);
    assert.equal(staged(), 2);
    assert.equal(kindOf(await peer.judge("crcValid", "a")), "generalError");
    assert.equal(kindOf(await peer.judge("crcValid", "b")), "messageReceived");
  },
  { maxUnverifiedPerClient: 2 },
);

test("server: violations of the framing get a general error, and the connection ends", async ({ server, staged }) => {
  const register = encodeRequest(edition2023c, {
    kind: "register",
    clientId: new Uint8Array(16),
    name: field("Alice"),
  });
  const changed = (at: number, value: number) => {
    const bytes = register.slice();
    bytes[at] = value;
    return bytes;
  };
  const cases = [
    changed(17, 0x00),
    changed(19, 0xfe),
    changed(22, 0xff),
    pseudoRandomBytes(100_000),
  ];
  for (const bytes of cases) {
    using peer = await RawClient.connect(server.address);
    await peer.write(bytes);
    assert.equal(kindOf(await peer.receive()), "generalError");
    assert.equal(await peer.receive(), "closed");
  }
  assert.equal(staged(), 0);
});

test("server: a client that disconnects during a file leaves nothing behind", async ({ peer, server, staged }) => {
  await peer.enrol("Alice");
  using leaver = await RawClient.connect(server.address);
  leaver.clientId = peer.clientId;
  await leaver.write(leaver.fileHead("a.txt", 1_000_000));
  await leaver.write(new Uint8Array(500_000));
  await leaver.closeWrite();
  assert.equal(await leaver.receive(), "closed");
  assert.equal(staged(), 0);
});

test("server: peers that reset before they are accepted delay nobody", async ({ server, peer }) => {
  const resets = Array.from({ length: 50 }, async () => {
    const socket = await Deno.connect({ ...server.address });
    socket.close();
  });
  await Promise.all(resets);
  assert.equal(kindOf(await peer.register("Alice")), "registered");
});
