/** The monitor of a server, fed by connections of both protocols. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { LiveConnection } from "../../server/monitor/live_connection.ts";
import type { ProtocolNumber, TransferDirection } from "../../server/monitor/traffic.ts";
import type { Server } from "../../server/server.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { kindOf, RawClient } from "../support/v3/raw_client.ts";
import { Fixture, got, put } from "../support/v4/fixture.ts";
import { fetchOf } from "../support/v4/records.ts";
import { missing, Uploader } from "../support/v4/raw_client.ts";

const content = pseudoRandomBytes(3 * CHUNK_SIZE + 5);

/** The only connection. */
function only({ monitor }: Server): LiveConnection {
  const [connection, ...others] = monitor.connections.values();
  assert.equal(others.length, 0);
  return connection ?? assert.fail("no connection");
}

/** Resolves when the server has come so far. */
async function until(isReached: () => boolean): Promise<void> {
  while (!isReached()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function counted({ monitor }: Server, protocol: ProtocolNumber, direction: TransferDirection) {
  const { started, completed, bytes, failed } = monitor.traffic.of(protocol, direction);
  return { started, completed, bytes, failed: Object.fromEntries(failed) };
}

Deno.test("monitor v4: an upload shows its user, file and progress, is interrupted, resumed and stored", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  const { server } = fixture;
  {
    using alice = await Uploader.login(fixture, "Alice");
    const { tag } = await alice.resume(content);
    await alice.send(tag, content, 0, 1);
    const live = [...server.monitor.connections.values()].at(-1) ?? assert.fail("no connection");
    assert.deepEqual([live.protocol, live.user?.name], [4, "Alice"]);
    assert.match(live.address, /^127\.0\.0\.1:\d+$/);
    const [transfer = assert.fail("no transfer")] = live.transfers;
    await until(() => transfer.progress === 2 * CHUNK_SIZE);
    assert.deepEqual(
      [transfer.direction, transfer.file, transfer.size],
      ["upload", "a", content.length],
    );
  }
  using alice = await Uploader.login(fixture, "Alice");
  const { tag, offset } = await alice.resume(content);
  assert.deepEqual(counted(server, 4, "upload").failed, { interrupted: 1 });
  const live = [...server.monitor.connections.values()].at(-1);
  assert.deepEqual([...live?.transfers ?? []].map(({ progress }) => progress), [offset]);
  await alice.send(tag, content, ...missing(content, offset));
  await alice.end(tag, content);
  assert.deepEqual(counted(server, 4, "upload"), {
    ...{ started: 2, completed: 1, bytes: 2 * CHUNK_SIZE + content.length - offset },
    failed: { interrupted: 1 },
  });
  assert.equal(live?.transfers.size, 0);
});

Deno.test("monitor v4: failed uploads are counted by their code", async () => {
  await using fixture = await Fixture.create({ quota: CHUNK_SIZE });
  using client = await fixture.client("Alice");
  const file = await fixture.source("large", content);
  assert.deepEqual(await put(client, [{ file, name: "large" }]), ["over-limit"]);
  assert.deepEqual(counted(fixture.server, 4, "upload").failed, { "over-limit": 1 });
});

Deno.test("monitor v4: downloads are counted, whole, in parts and in packs, and failures by their code", async () => {
  await using fixture = await Fixture.create();
  using client = await fixture.client("Alice");
  for (const [name, bytes] of [["large", content], ["small", content.subarray(0, 9)]] as const) {
    const file = await fixture.source(name, bytes);
    assert.equal(typeof (await put(client, [{ file, name }]))[0], "number");
  }
  await got(client, "large");
  await got(client, "large", { from: CHUNK_SIZE + 1, to: CHUNK_SIZE + 2 });
  await assert.rejects(got(client, "none"), { code: "no-such-file" });
  using alice = await Uploader.login(fixture, "Alice");
  await alice.mux.ask(
    fetchOf(alice.mux.nextTag(), [["small", 0], ["none", 0], ["large", 0]]),
    ({ kind }) => kind === "done",
  );
  const downloads = counted(fixture.server, 4, "download");
  assert.deepEqual([downloads.started, downloads.completed], [6, 3]);
  assert.deepEqual(downloads.failed, { "no-such-file": 2, "over-limit": 1 });
  assert.ok(downloads.bytes >= content.length + CHUNK_SIZE + 9);
});

Deno.test("monitor v3: an upload counts as stored once the client confirms it, and as failed if it does not", async () => {
  await using fixture = await Fixture.create();
  const { server } = fixture;
  using peer = await RawClient.connect(server.address);
  await peer.enrol("Alice");
  const bytes = content.subarray(0, 1000);
  assert.equal(kindOf(await peer.sendFile("a", bytes)), "fileReceived");
  const live = only(server);
  assert.deepEqual([live.protocol, live.user?.name], [3, "Alice"]);
  assert.equal(counted(server, 3, "upload").completed, 0);
  assert.equal(kindOf(await peer.judge("crcValid", "a")), "messageReceived");
  assert.deepEqual(counted(server, 3, "upload"), {
    ...{ started: 1, completed: 1, bytes: 1008, failed: {} },
  });
  await peer.sendFile("b", bytes);
  await peer.judge("crcInvalid", "b");
  assert.deepEqual(counted(server, 3, "upload").failed, { mismatch: 1 });
  live.end("a test ends it");
  assert.equal(await peer.receive(), "closed");
});

Deno.test("monitor v4: to look for a free name is no refusal, to download it is one", async () => {
  await using fixture = await Fixture.create();
  const { events } = fixture.server.monitor;
  const refused: unknown[] = [];
  using _ = events.subscribe(({ properties: { event, request } }) => {
    if (event === "request.refused") refused.push(request);
  });
  using client = await fixture.client("Alice");
  await assert.rejects(client.stat("none"), { code: "no-such-file" });
  await assert.rejects(got(client, "none"), { code: "no-such-file" });
  assert.deepEqual(refused, ["get"]);
});
