/**
 * A stopping server finishes transfers in progress, downloads too. A peer's behavior is not logged as an error of the
 * server.
 */
import assert from "node:assert/strict";
import { type LogRecord, reset } from "@logtape/logtape";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { areEqual, pseudoRandomBytes } from "../../support/bytes.ts";
import { takeLogs } from "../../support/server_log.ts";
import { encrypt, RawClient } from "../../support/v3/raw_client.ts";
import { Fixture, put } from "../../support/v4/fixture.ts";
import { Uploader } from "../../support/v4/raw_client.ts";

/** More than socket buffers hold, so that the server is still sending when the client has the first chunk. */
const content = pseudoRandomBytes(48 * CHUNK_SIZE);
/** Longer than any test takes. */
const GRACE_MS = 10 * 60_000;

/** A server with Alice's file "a", and its log from then on. */
async function fixtureWithFile() {
  const fixture = await Fixture.create();
  using client = await fixture.client("Alice");
  await put(client, [{ file: await fixture.source("a", content) }]);
  const logged: LogRecord[] = [];
  const alarms = () =>
    logged.filter(({ level }) => !["debug", "info"].includes(level))
      .map(({ level, properties: { event, reason } }) => `${level} ${event}: ${reason}`);
  const hasLost = Promise.withResolvers<string>();
  await takeLogs("debug", (record) => {
    logged.push(record);
    const { event, reason } = record.properties;
    if (event === "connection.lost") hasLost.resolve(`${reason}`);
  });
  return {
    ...{ fixture, alarms, lost: hasLost.promise },
    async [Symbol.asyncDispose]() {
      await fixture[Symbol.asyncDispose]();
      await reset();
    },
  };
}

const GET = { kind: "get", name: "a", version: 0, from: 0, to: Number.MAX_SAFE_INTEGER } as const;

/** Downloads the file, calls `atFirst` after the first chunk, and then reads the rest. */
async function download(alice: Uploader, atFirst: () => void | Promise<void>) {
  const whole = new Uint8Array(content.length);
  let received = 0;
  await alice.mux.ask({ ...GET, tag: alice.mux.nextTag() }, async (message) => {
    if (message.kind === "data") {
      if (received === 0) await atFirst();
      whole.set(message.bytes, message.offset);
      received += message.bytes.length;
    }
    return message.kind === "done";
  });
  return { whole, received };
}

Deno.test("stop: a download in progress finishes within the grace period, and no further request is answered", async () => {
  await using place = await fixtureWithFile();
  const { fixture } = place;
  using alice = await Uploader.login(fixture, "Alice");
  let stopped: Promise<void> | undefined;
  let further: Promise<unknown> | undefined;
  const { whole, received } = await download(alice, async () => {
    stopped = fixture.server.close(GRACE_MS);
    const tag = alice.mux.nextTag();
    further = alice.mux.answer(tag, () => assert.fail("a further request is answered"));
    further.catch(() => undefined);
    await alice.mux.send({ kind: "list", tag, prefix: "", scope: "below" });
  });
  assert.equal(received, content.length);
  assert.ok(areEqual(whole, content));
  await assert.rejects(further ?? Promise.resolve(), { code: "connection-lost" });
  await stopped;
  assert.deepEqual(place.alarms(), []);
});

Deno.test("stop: a download that exceeds the grace period is cut off, which is not logged as an error", async () => {
  await using place = await fixtureWithFile();
  const { fixture } = place;
  using alice = await Uploader.login(fixture, "Alice");
  await assert.rejects(download(alice, () => fixture.server.close(0)), { name: "NetworkError" });
  assert.deepEqual(place.alarms(), []);
  assert.equal(await place.lost, "the server is stopping");
});

Deno.test("stop: completely received uploads are answered, and the one in progress is stored", async () => {
  await using place = await fixtureWithFile();
  const { fixture } = place;
  const small = content.slice(0, 2 * CHUNK_SIZE);
  using alice = await Uploader.login(fixture, "Alice");
  const first = await alice.begin(small, { name: "b" });
  await alice.send(first, small, 0, 1);
  const stored = alice.end(first, small);
  const { tag } = await alice.resume(small, { name: "c" });
  const stopped = fixture.server.close(GRACE_MS);
  await alice.send(tag, small, 0, 1);
  await alice.end(tag, small);
  await stored;
  await stopped;
  assert.deepEqual(place.alarms(), []);
});

/** Ways of disconnecting that a server has to expect. */
const LEAVES: Readonly<Record<string, (fixture: Fixture) => Promise<void>>> = {
  "resets the connection during a download": async (fixture) => {
    const alice = await Uploader.login(fixture, "Alice");
    // Closing with unread bytes sends a reset.
    await assert.rejects(download(alice, () => alice[Symbol.dispose]()));
  },
  "closes without close_notify during an upload": async (fixture) => {
    using alice = await Uploader.login(fixture, "Alice");
    const { tag } = await alice.resume(content, { name: "b" });
    await alice.send(tag, content, 0);
  },
  "sends many requests and closes before the answers": async (fixture) => {
    using alice = await Uploader.login(fixture, "Alice");
    for (let asked = 0; asked < 20; asked++) {
      await alice.mux.send({ ...GET, tag: alice.mux.nextTag() });
    }
  },
  "closes the TLS port before any handshake": async ({ server }) => {
    const socket = await Deno.connect(server.addresses[1] ?? assert.fail());
    await socket.write(Uint8Array.of(0x16, 3, 1));
    socket.close();
  },
  "closes during a file of protocol 3": async (fixture) => {
    using peer = await RawClient.connect(fixture.server.address);
    await peer.enrol("Bob");
    const ciphertext = await encrypt(content.slice(0, CHUNK_SIZE), peer.aesKey ?? assert.fail());
    await peer.write(peer.fileHead("b", ciphertext.length));
    await peer.write(ciphertext.subarray(0, 5000));
  },
  "closes during a header of protocol 3": async (fixture) => {
    using peer = await RawClient.connect(fixture.server.address);
    await peer.write(new Uint8Array(10));
  },
};

for (const [what, leave] of Object.entries(LEAVES)) {
  Deno.test(`log: a client that ${what} is neither an error nor a warning`, async () => {
    await using place = await fixtureWithFile();
    await leave(place.fixture);
    await place.lost;
    await place.fixture.server.close();
    assert.deepEqual(place.alarms(), []);
  });
}
