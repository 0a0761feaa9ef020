/** Protocol 4: uploads whose size the client learns only at their end. */
import assert from "node:assert/strict";
import { equalBytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import type { Limits } from "../../../server/limits/limits.ts";
import { GROWTH } from "../../../server/v4/upload_room.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { Fixture, got } from "../../support/v4/fixture.ts";
import { FILE_PUT } from "../../support/v4/message_fields.ts";
import { missing, sumsOf, Uploader } from "../../support/v4/raw_client.ts";
import { sendChunk } from "../../support/v4/chunks.ts";

const content = pseudoRandomBytes(3 * CHUNK_SIZE + 77);

async function createFixture(limits: Partial<Limits> = {}): Promise<Fixture> {
  const fixture = await Fixture.create(limits);
  (await fixture.client("Alice"))[Symbol.dispose]();
  return fixture;
}

function assertNothingLeft(fixture: Fixture): void {
  assert.deepEqual([fixture.blobs("staging"), fixture.blobs("files")], [[], []]);
}

for (const size of [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, content.length]) {
  Deno.test(`v4 unknown size: ${size} bytes are stored`, async () => {
    await using fixture = await createFixture({ quota: content.length });
    using alice = await Uploader.login(fixture, "Alice");
    const bytes = content.slice(0, size);
    assert.equal((await alice.stream(bytes)).cksum, cksum(bytes));
    using client = await fixture.client("Alice");
    assert.deepEqual(await got(client, "a"), bytes);
    assert.equal((await client.stat("a")).size, size);
    assert.deepEqual(fixture.blobs("staging"), []);
  });
}

const ENDS: Readonly<Record<string, (alice: Uploader, tag: number) => Promise<void>>> = {
  "is cancelled": (alice, tag) => alice.cancel(tag),
  "loses its connection": (alice) => Promise.resolve(alice[Symbol.dispose]()),
  "ends with other sums": async (alice, tag) => {
    const wrong = { ...sumsOf(content), cksum: 0 };
    await alice.mux.send({ kind: "end", tag, ...wrong });
  },
};

for (const [how, end] of Object.entries(ENDS)) {
  Deno.test(`v4 unknown size: an upload that ${how} leaves nothing, neither on disk nor in the quota`, async () => {
    await using fixture = await createFixture({ quota: content.length });
    using alice = await Uploader.login(fixture, "Alice");
    const { tag } = await alice.beginStream();
    await alice.send(tag, content, ...missing(content, 0));
    await end(alice, tag);
    using again = await Uploader.login(fixture, "Alice");
    // The server notices the end of the connection a moment later.
    while (await again.stream(content, "b").catch(({ code }) => code) === "over-limit") {
      await new Promise((go) => setTimeout(go, 5));
    }
    using client = await fixture.client("Alice");
    assert.deepEqual(await got(client, "b"), content);
    assert.equal(fixture.blobs("files").length, 1);
    assert.deepEqual(fixture.blobs("staging"), []);
  });
}

Deno.test("v4 unknown size: a part of an upload survives no restart", async () => {
  await using fixture = await createFixture();
  {
    using alice = await Uploader.login(fixture, "Alice");
    const { tag } = await alice.beginStream();
    await alice.send(tag, content, 0, 1);
  }
  await fixture.restart();
  assertNothingLeft(fixture);
  using alice = await Uploader.login(fixture, "Alice");
  assert.equal((await alice.resume(content)).offset, 0);
});

const REFUSALS: readonly [what: string, limits: Partial<Limits>][] = [
  ["the quota", { quota: 2 * CHUNK_SIZE + 5 }],
  ["the largest size of a file", { maxFileSize: 2 * CHUNK_SIZE + 5 }],
];

for (const [what, limits] of REFUSALS) {
  Deno.test(`v4 unknown size: an upload beyond ${what} is refused while it is sent`, async () => {
    await using fixture = await createFixture(limits);
    using alice = await Uploader.login(fixture, "Alice");
    const { tag, answer } = await alice.beginStream();
    await alice.send(tag, content, 0, 1, 2);
    await assert.rejects(answer, { code: "over-limit" });
    assertNothingLeft(fixture);
    await alice.send(tag, content, 3);
    await alice.cancel(tag);
    const small = content.slice(0, 2 * CHUNK_SIZE + 5);
    await alice.stream(small);
    using client = await fixture.client("Alice");
    assert.deepEqual(await got(client, "a"), small);
  });
}

Deno.test("v4 unknown size: an upload is refused while it is sent when the disk is full", async () => {
  let room = 2 * CHUNK_SIZE;
  let used = () => 0;
  const freeSpace = () => Promise.resolve(room - used());
  await using fixture = await Fixture.create({ minFree: 0 }, { freeSpace });
  used = () =>
    fixture.blobs("staging").map((path) => Deno.statSync(path).size).reduce((a, b) => a + b, 0);
  (await fixture.client("Alice"))[Symbol.dispose]();
  using alice = await Uploader.login(fixture, "Alice");
  const { tag, answer } = await alice.beginStream();
  await alice.send(tag, content, 0, 1, 2);
  await assert.rejects(answer, { code: "over-limit" });
  await alice.cancel(tag);
  assertNothingLeft(fixture);
  room = 2 * GROWTH;
  await alice.stream(content);
});

Deno.test("v4 unknown size: it may use the room of the file that it overwrites", async () => {
  await using fixture = await createFixture({ quota: content.length + 10 });
  using alice = await Uploader.login(fixture, "Alice");
  await alice.stream(content);
  const { tag, answer } = await alice.beginStream("b");
  await alice.send(tag, content, 0);
  await assert.rejects(answer, { code: "over-limit" });
  await alice.cancel(tag);
  assert.equal((await alice.stream(content.toReversed())).version, 2);
});

Deno.test("v4 unknown size: what it has reserved is not given to other uploads", async () => {
  await using fixture = await createFixture({ quota: GROWTH + CHUNK_SIZE });
  using alice = await Uploader.login(fixture, "Alice");
  using other = await Uploader.login(fixture, "Alice");
  const { tag, answer } = await alice.beginStream();
  await alice.send(tag, content, 0);
  while (fixture.blobs("staging").length === 0) await new Promise((go) => setTimeout(go, 5));
  const second = content.slice(0, CHUNK_SIZE + 1);
  await assert.rejects(other.stream(second, "b"), { code: "over-limit" });
  await alice.send(tag, content, 1, 2, 3);
  await alice.mux.send({ kind: "end", tag, ...sumsOf(content) });
  await answer;
  await other.stream(second, "b");
});

const VIOLATIONS: Readonly<Record<string, (alice: Uploader, tag: number) => Promise<void>>> = {
  "an end with a larger size": (alice, tag) =>
    alice.mux.send({ kind: "end", tag, ...sumsOf(content), size: content.length + 1 }),
  "an end with a smaller size": (alice, tag) =>
    alice.mux.send({ kind: "end", tag, ...sumsOf(content), size: content.length - 1 }),
  "a chunk after a shorter one": (alice, tag) =>
    sendChunk(alice.mux, tag, content.length, content.slice(0, 10)),
  "a chunk after the next one": (alice, tag) =>
    sendChunk(alice.mux, tag, 5 * CHUNK_SIZE, content.slice(0, 10)),
  "a chunk again": (alice, tag) => alice.send(tag, content, 0),
};

for (const [what, violate] of Object.entries(VIOLATIONS)) {
  Deno.test(`v4 unknown size: ${what} violates the protocol`, async () => {
    await using fixture = await createFixture();
    using alice = await Uploader.login(fixture, "Alice");
    const { tag } = await alice.beginStream();
    await alice.send(tag, content, ...missing(content, 0));
    await violate(alice, tag);
    assert.equal(await alice.ended(), "bad-frame");
    await fixture.server.close();
    assertNothingLeft(fixture);
  });
}

Deno.test("v4 unknown size: empty data between chunks only says that the client waits", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  const { tag, answer } = await alice.beginStream();
  const empty = new Uint8Array(0);
  await sendChunk(alice.mux, tag, 0, empty);
  await alice.send(tag, content, 0);
  for (const offset of [CHUNK_SIZE, CHUNK_SIZE]) await sendChunk(alice.mux, tag, offset, empty);
  await alice.send(tag, content, 1, 2, 3);
  await alice.mux.send({ kind: "end", tag, ...sumsOf(content) });
  assert.deepEqual((await answer).digest, sumsOf(content).digest);
});

Deno.test("v4: empty data for a file of known size violates the protocol", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  const tag = await alice.begin(content);
  await sendChunk(alice.mux, tag, 0, new Uint8Array(0));
  assert.equal(await alice.ended(), "bad-frame");
});

Deno.test("v4 unknown size: resuming one violates the protocol", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  const tag = alice.mux.nextTag();
  await alice.mux.send({ ...FILE_PUT, kind: "put", tag, name: "a", size: undefined, resume: 1 });
  assert.equal(await alice.ended(), "bad-frame");
});

for (const by of [-1, 1]) {
  Deno.test(`v4: an end whose size differs by ${by} from that of its put violates the protocol`, async () => {
    await using fixture = await createFixture();
    using alice = await Uploader.login(fixture, "Alice");
    const tag = await alice.begin(content);
    await alice.send(tag, content, ...missing(content, 0));
    await alice.mux.send({ kind: "end", tag, ...sumsOf(content), size: content.length + by });
    assert.equal(await alice.ended(), "bad-frame");
  });
}

/** Records the ids that the server gives to uploads. */
function recordIds(): { readonly ids: Uint8Array<ArrayBuffer>[] } & Disposable {
  const { getRandomValues } = crypto;
  const ids: Uint8Array<ArrayBuffer>[] = [];
  const recording = <T extends ArrayBufferView>(array: T): T => {
    getRandomValues.call(crypto, array as never);
    if (array.byteLength === 16) ids.push(new Uint8Array(array.buffer as ArrayBuffer));
    return array;
  };
  Object.assign(crypto, { getRandomValues: recording });
  return { ids, [Symbol.dispose]: () => void Object.assign(crypto, { getRandomValues }) };
}

Deno.test("v4 unknown size: no connection can join, not even with the id of the upload", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  using other = await Uploader.login(fixture, "Alice");
  using recorded = recordIds();
  const { ids } = recorded;
  const known = await alice.resume(content, { name: "known" });
  assert.ok(ids.some((id) => equalBytes(id, known.transfer)), "the ids of uploads are recorded");
  await other.leave(await other.join(known.transfer));
  await alice.cancel(known.tag);
  ids.length = 0;
  const { tag, answer } = await alice.beginStream();
  await alice.send(tag, content, 0);
  while (fixture.blobs("staging").length === 0) await new Promise((go) => setTimeout(go, 5));
  assert.ok(ids.length > 0);
  for (const id of ids) await assert.rejects(other.join(id), { code: "no-such-transfer" });
  await alice.send(tag, content, 1, 2, 3);
  await alice.mux.send({ kind: "end", tag, ...sumsOf(content) });
  assert.equal((await answer).version, 1);
});
