/** The server over real sockets: each request, in order and out of order. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { encodeRequest, type Response } from "../../../protocol/v3/messages.ts";
import { importAesKey } from "../../../protocol/cipher/aes_cbc.ts";
import type { Limits } from "../../../server/limits/limits.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { Server } from "../../../server/server.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { tamper } from "../../support/store/database.ts";
import { encrypt, field, kindOf, Peer } from "../../support/v3/raw_client.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

interface Scene {
  readonly server: Server;
  readonly folder: TemporaryFolder;
  readonly peer: Peer;
  readonly advance: (ms: number) => void;
  /** The names of all files in the catalog. */
  readonly stored: () => Promise<string[]>;
  readonly staged: () => number;
}

function test(what: string, body: (scene: Scene) => Promise<void>, limits: Partial<Limits> = {}) {
  Deno.test(`server: ${what}`, async () => {
    await using folder = await TemporaryFolder.create();
    const dataFolder = folder.join("data");
    let now = 1_000_000_000;
    await using server = await Server.start({
      listen: [{ hostname: "127.0.0.1", port: 0 }],
      ...{ dataFolder, limits },
      clock: () => now,
      ticks: () => now,
    });
    using peer = await Peer.connect(server.address);
    await body({
      ...{ server, folder, peer },
      advance: (ms) => now += ms,
      stored: async () => {
        const clients = await listStored(dataFolder);
        return clients.flatMap(({ name, files }) => files.map((file) => `${name}/${file.name}`));
      },
      staged: () => [...Deno.readDirSync(folder.join("data", "staging"))].length,
    });
  });
}

const content = pseudoRandomBytes(1000);
const MINUTE = 60_000;

test("register, send the key, send a file, confirm it", async ({ peer, stored, staged }) => {
  assert.equal(kindOf(await peer.register("Alice")), "registered");
  assert.ok(!peer.clientId.includes(0), "an id has no zero byte");
  assert.equal(kindOf(await peer.sendKey("Alice")), "keyReceived");
  const received = await peer.sendFile("a.txt", content);
  assert.deepEqual(received, {
    kind: "fileReceived",
    clientId: peer.clientId,
    contentSize: 1008,
    fileName: field("a.txt"),
    crc: cksum(content),
  });
  assert.deepEqual(await stored(), [], "a file is not visible before CRC valid");
  const approval = await peer.judge("crcValid", "a.txt");
  assert.deepEqual(approval, { kind: "messageReceived", clientId: peer.clientId });
  assert.deepEqual(await stored(), ["Alice/a.txt"]);
  assert.equal(staged(), 0);
});

test("each request on a connection of its own", async ({ peer, stored }) => {
  await peer.register("Alice");
  await peer.reconnectSocket();
  await peer.sendKey("Alice");
  await peer.reconnectSocket();
  assert.equal(kindOf(await peer.sendFile("a.txt", content)), "fileReceived");
  await peer.reconnectSocket();
  assert.equal(kindOf(await peer.judge("crcValid", "a.txt")), "messageReceived");
  assert.deepEqual(await stored(), ["Alice/a.txt"]);
});

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

test("a file before the key exchange, of an unknown id, or without a name is refused; the connection goes on", async ({ peer, staged }) => {
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

test("an AES key is forgotten when it was not used for an hour, on its own connection too", async ({ peer, server, advance }) => {
  await peer.enrol("Alice");
  advance(59 * MINUTE);
  assert.equal(kindOf(await peer.sendFile("a.txt", content)), "fileReceived");
  advance(59 * MINUTE);
  assert.equal(kindOf(await peer.sendFile("a.txt", content)), "fileReceived");
  advance(60 * MINUTE);
  assert.equal(kindOf(await peer.sendFile("a.txt", content)), "generalError");
  assert.equal(kindOf(await peer.reconnect("Alice")), "reconnected");
  using other = await Peer.connect(server.address);
  other.clientId = peer.clientId;
  other.aesKey = peer.aesKey;
  assert.equal(kindOf(await other.sendFile("a.txt", content)), "fileReceived");
  advance(60 * MINUTE);
  assert.equal(kindOf(await other.sendFile("a.txt", content)), "generalError");
});

test("a wrong CRC: dropped, sent again, confirmed", async ({ peer, stored, staged }) => {
  await peer.enrol("Alice");
  await peer.sendFile("a.txt", pseudoRandomBytes(50));
  await peer.send({ kind: "crcInvalid", clientId: peer.clientId, fileName: field("a.txt") });
  assert.equal(
    crcOf(await peer.sendFile("a.txt", content)),
    cksum(content),
    "no answer in between",
  );
  assert.equal(staged(), 1);
  await peer.judge("crcValid", "a.txt");
  assert.deepEqual(await stored(), ["Alice/a.txt"]);
});

test("CRC invalid is answered when nothing follows it", async ({ peer, staged }) => {
  await peer.enrol("Alice");
  await peer.sendFile("a.txt", content);
  assert.equal(kindOf(await peer.judge("crcInvalid", "a.txt")), "messageReceived");
  assert.equal(staged(), 0);
});

test("giving up drops the file before it is answered, and may be said twice", async ({ peer, stored, staged }) => {
  await peer.enrol("Alice");
  await peer.sendFile("a.txt", content);
  assert.equal(staged(), 1);
  assert.equal(kindOf(await peer.judge("crcGivenUp", "a.txt")), "messageReceived");
  assert.equal(staged(), 0);
  assert.equal(kindOf(await peer.judge("crcGivenUp", "a.txt")), "messageReceived");
  assert.equal(kindOf(await peer.judge("crcValid", "a.txt")), "generalError");
  assert.deepEqual(await stored(), []);
});

test("wrong padding and a wrong key get a checksum that can't be right, and are never stored", async ({ peer, stored, staged }) => {
  await peer.enrol("Alice");
  const key = peer.aesKey ?? assert.fail();
  // The plaintext is whole; only the padding block behind it is broken.
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

test("two uploads of one name at once, on two connections, don't get into each other's way", async ({ peer, server, stored, folder }) => {
  await peer.enrol("Alice");
  using other = await Peer.connect(server.address);
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

test("a client can't confirm or drop what is another's", async ({ peer, server, stored }) => {
  await peer.enrol("Alice");
  using other = await Peer.connect(server.address);
  await other.enrol("Bob");
  await peer.sendFile("a.txt", content);
  assert.equal(kindOf(await other.judge("crcValid", "a.txt")), "generalError");
  assert.equal(kindOf(await other.judge("crcGivenUp", "a.txt")), "messageReceived");
  assert.equal(kindOf(await peer.judge("crcValid", "a.txt")), "messageReceived");
  assert.deepEqual(await stored(), ["Alice/a.txt"]);
});

test("a name sent again replaces the file, and the blob before is removed", async ({ peer, folder }) => {
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
  "a client leaves at most so many files unconfirmed; the oldest goes",
  async ({ peer, staged }) => {
    await peer.enrol("Alice");
    for (const name of ["a", "b", "c"]) await peer.sendFile(name, content);
    assert.equal(staged(), 2);
    assert.equal(kindOf(await peer.judge("crcValid", "a")), "generalError");
    assert.equal(kindOf(await peer.judge("crcValid", "b")), "messageReceived");
  },
  { maxUnverifiedPerClient: 2 },
);

test("what breaks the framing gets a general error, and the connection ends", async ({ server, staged }) => {
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
    using peer = await Peer.connect(server.address);
    await peer.write(bytes);
    assert.equal(kindOf(await peer.receive()), "generalError");
    assert.equal(await peer.receive(), "closed");
  }
  assert.equal(staged(), 0);
});

test("a client that leaves in the middle of a file leaves nothing behind", async ({ peer, server, staged }) => {
  await peer.enrol("Alice");
  using leaver = await Peer.connect(server.address);
  leaver.clientId = peer.clientId;
  await leaver.write(leaver.fileHead("a.txt", 1_000_000));
  await leaver.write(new Uint8Array(500_000));
  await leaver.closeWrite();
  assert.equal(await leaver.receive(), "closed");
  assert.equal(staged(), 0);
});

Deno.test("server: start-up removes what was staged or orphaned, and a second server on the folder is refused", async () => {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  const options = { listen: [{ hostname: "127.0.0.1", port: 0 }], dataFolder };
  {
    await using server = await Server.start(options);
    assert.ok(server.address.port > 0);
    await assert.rejects(Server.start(options), {
      name: "ConfigurationError",
      code: "data-folder-in-use",
    });
  }
  const blob = "0123456789abcdef".repeat(2);
  await Deno.writeTextFile(`${dataFolder}/staging/${blob}`, "half a file");
  await Deno.writeTextFile(`${dataFolder}/staging/notes.txt`, "an operator's");
  await Deno.mkdir(`${dataFolder}/files/x`);
  await Deno.writeTextFile(`${dataFolder}/files/x/orphan`, "replaced, but not removed any more");
  await Deno.writeTextFile(`${dataFolder}/files/x/unknown`, "in no list");
  tamper(`${dataFolder}/catalog.db`, "INSERT INTO orphans VALUES ('files/x/orphan')");
  await using server = await Server.start(options);
  assert.ok(server.address.port > 0);
  const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name);
  assert.deepEqual(names(`${dataFolder}/staging`), ["notes.txt"], "only blobs are swept");
  assert.deepEqual(names(`${dataFolder}/files/x`), ["unknown"], "only what is listed is removed");
});

Deno.test("server: an address that can't be listened on is refused", async () => {
  await using folder = await TemporaryFolder.create();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = taken.addr;
  await assert.rejects(
    Server.start({ listen: [{ hostname, port }], dataFolder: folder.join("data") }),
    {
      name: "NetworkError",
      code: "cannot-listen",
    },
  );
});

function crcOf(response: Response | "closed"): number {
  if (response === "closed" || response.kind !== "fileReceived") {
    assert.fail(`expected fileReceived, got ${kindOf(response)}`);
  }
  return response.crc;
}

test("peers that reset before they are accepted keep nobody waiting", async ({ server, peer }) => {
  const resets = Array.from({ length: 50 }, async () => {
    const socket = await Deno.connect({ ...server.address });
    socket.close();
  });
  await Promise.all(resets);
  assert.equal(kindOf(await peer.register("Alice")), "registered");
});

Deno.test("server: a folder that holds something else is not taken for a data folder", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("site", "staging"), { recursive: true });
  await folder.write("site/staging/index.html", "hello");
  const listen = [{ hostname: "127.0.0.1", port: 0 }];
  await assert.rejects(Server.start({ listen, dataFolder: folder.join("site") }), {
    name: "ConfigurationError",
    code: "not-a-data-folder",
  });
  assert.equal(await Deno.readTextFile(folder.join("site", "staging", "index.html")), "hello");
});

Deno.test("server: a data folder that can't be used is an error that says so", async () => {
  await using folder = await TemporaryFolder.create();
  const file = await folder.write("file", "");
  const listen = [{ hostname: "127.0.0.1", port: 0 }];
  for (const dataFolder of [file, `${file}/below`]) {
    const expected = { name: "ConfigurationError", code: "data-folder-unusable" };
    await assert.rejects(Server.start({ listen, dataFolder }), expected, dataFolder);
    await assert.rejects(listStored(dataFolder), { name: "ConfigurationError" }, dataFolder);
  }
});

Deno.test({
  name: "server: what it makes is its owner's alone",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await TemporaryFolder.create();
    const dataFolder = folder.join("data");
    await using _server = await Server.start({
      listen: [{ hostname: "127.0.0.1", port: 0 }],
      dataFolder,
    });
    assert.equal((Deno.statSync(dataFolder).mode ?? 0) & 0o777, 0o700);
    for (const name of ["catalog.db", "lock.db"]) {
      assert.equal((Deno.statSync(`${dataFolder}/${name}`).mode ?? 0) & 0o777, 0o600, name);
    }
  },
});
