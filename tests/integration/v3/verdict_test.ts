/**
 * Verdicts on a checksum: a peer that only knows the id can neither confirm nor drop a file that its client has just
 * sent.
 */
import assert from "node:assert/strict";
import type { Address } from "../../../protocol/address.ts";
import type { Edition } from "../../../protocol/v3/editions/edition.ts";
import { edition2022 } from "../../../protocol/v3/editions/edition_2022.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { EDITIONS } from "../../../protocol/v3/editions/mod.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { startInThisThread } from "../../support/server.ts";

const start = (folder: TemporaryFolder, editions = [edition2023c]) =>
  startInThisThread({
    listen: [{ hostname: "127.0.0.1", port: 0, editions }],
    dataFolder: folder.join("data"),
  });

/** Registers as Alice and sends the file "a", which awaits its verdict. */
async function connectWithFile(address: Address, edition?: Edition): Promise<RawClient> {
  const peer = await RawClient.connect(address, edition);
  await peer.enrol("Alice");
  await peer.sendFile("a", pseudoRandomBytes(100));
  return peer;
}

const storedNames = async (folder: TemporaryFolder) =>
  (await listStored(folder.join("data"))).flatMap(({ files }) => files).map(({ name }) => name);

for (const verdict of ["crcValid", "crcInvalid", "crcGivenUp"] as const) {
  Deno.test(`verdict: ${verdict} on another connection, with the id only, does nothing while the sending client is connected`, async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await start(folder);
    using owner = await connectWithFile(server.address);
    using other = await RawClient.connect(server.address);
    other.clientId = owner.clientId;
    await other.judge(verdict, "a");
    assert.deepEqual(await storedNames(folder), []);
    assert.equal(kindOf(await owner.judge("crcValid", "a")), "messageReceived");
    assert.deepEqual(await storedNames(folder), ["a"]);
  });
}

Deno.test("verdict: files sent with a known id only do not displace that of a connected client", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using owner = await connectWithFile(server.address);
  using other = await RawClient.connect(server.address);
  other.clientId = owner.clientId;
  for (let count = 0; count < 50; count++) {
    await other.sendFile(`other-${count}`, pseudoRandomBytes(100));
  }
  assert.equal(kindOf(await owner.judge("crcValid", "a")), "messageReceived");
  assert.deepEqual(await storedNames(folder), ["a"]);
});

Deno.test("verdict: a client that disconnected can judge its file on another connection", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using owner = await connectWithFile(server.address);
  await owner.reconnectSocket();
  assert.equal(kindOf(await owner.judge("crcValid", "a")), "messageReceived");
  assert.deepEqual(await storedNames(folder), ["a"]);
});

Deno.test("verdict: a client with a connection for each request is accepted, whichever of them are still open", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using first = await RawClient.connect(server.address);
  await first.enrol("Alice");
  using second = await RawClient.connect(server.address);
  Object.assign(second, { clientId: first.clientId, aesKey: first.aesKey });
  await second.sendFile("a", pseudoRandomBytes(100));
  using third = await RawClient.connect(server.address);
  third.clientId = first.clientId;
  assert.equal(kindOf(await third.judge("crcValid", "a")), "messageReceived");
});

for (const edition of EDITIONS) {
  Deno.test(`verdict, edition ${edition.name}: an empty name means the only file that waits on the connection, and fails with several`, async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await start(folder, [edition]);
    using peer = await connectWithFile(server.address, edition);
    assert.equal(kindOf(await peer.judge("crcValid", "")), "messageReceived");
    assert.deepEqual(await storedNames(folder), ["a"]);
    await peer.sendFile("b", pseudoRandomBytes(100));
    await peer.sendFile("c", pseudoRandomBytes(100));
    const answer = kindOf(await peer.judge("crcValid", ""));
    assert.equal(answer, edition === edition2022 ? "closed" : "generalError");
    assert.deepEqual(await storedNames(folder), ["a"]);
  });
}

Deno.test("verdict: an empty name never means a file of another connection", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  using peer = await connectWithFile(server.address);
  await peer.reconnectSocket();
  assert.equal(kindOf(await peer.judge("crcValid", "")), "generalError");
  assert.deepEqual(await storedNames(folder), []);
});
