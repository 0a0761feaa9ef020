/** Protocol 4: clients that send packs, updates and fetches in ways that the protocol does not allow. */
import assert from "node:assert/strict";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { MAX_UNANSWERED_PACKS } from "../../../protocol/v4/connection_state.ts";
import {
  encodeMessage,
  frameHeader,
  MAX_BULK,
  type Message,
} from "../../../protocol/v4/messages.ts";
import { MAX_PACKED_SIZE } from "../../../protocol/v4/pack.ts";
import { MAX_RECORDS } from "../../../protocol/v4/record_reader.ts";
import type { PackResult } from "../../../server/catalog/packs.ts";
import { readWholeFolder } from "../../faults/data_folder.ts";
import { pseudoRandomBytes, utf8 } from "../../support/bytes.ts";
import { ServerLog } from "../../support/server_log.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";
import { connectRaw, Fixture } from "../../support/v4/fixture.ts";
import { FILE_PUT } from "../../support/v4/message_fields.ts";
import { Uploader } from "../../support/v4/raw_client.ts";
import { fetchOf, packOf, type PackRecord, resultsOf, updateOf } from "../../support/v4/records.ts";

type Options = Parameters<typeof Fixture.create>;

async function createFixture(...options: Options): Promise<Fixture> {
  const fixture = await Fixture.create(...options);
  (await fixture.client("Alice"))[Symbol.dispose]();
  return fixture;
}

const text = (name: string, content: string): PackRecord => ({ name, content: utf8(content) });

const send = async ({ mux }: Uploader, records: readonly PackRecord[]) =>
  resultsOf(await mux.askFor(packOf(mux.nextTag(), records), "packed"));

/** The names that the server has, once it is closed. */
async function storedNames(fixture: Fixture): Promise<string[]> {
  await fixture.server.close();
  return [...readWholeFolder(fixture.data).get("Alice")?.keys() ?? []].sort();
}

/** The offset of the size of the first record, after its name, kind, mode and time. */
const SIZE_AT = 2 + 1 + 1 + 2 + 12;

function withSize(pack: Bytes, size: number): Bytes {
  const changed = pack.slice();
  new DataView(changed.buffer).setUint32(SIZE_AT, size, true);
  return changed;
}

const two = packOf(1, [text("a", "first"), text("b", "second")]).bytes;

const BROKEN: Readonly<Record<string, Bytes>> = {
  "no record": new Uint8Array(0),
  "a byte after the last record": concatBytes(two, Uint8Array.of(0)),
  "a record that is cut off": two.subarray(0, -1),
  "a size that is one smaller than the content": withSize(two, 4),
  "a size that is one larger than the content": withSize(two, 6),
  "a size beyond the message": withSize(two, MAX_PACKED_SIZE),
  "a size beyond the limit": withSize(concatBytes(two, new Uint8Array(300_000)), 300_000),
  "the largest size": withSize(two, 0xffff_ffff),
  "one record too many": concatBytes(
    ...Array.from({ length: MAX_RECORDS + 1 }, () => packOf(1, [text("a", "")]).bytes),
  ),
};

for (const [what, bytes] of Object.entries(BROKEN)) {
  Deno.test(`attack: a pack with ${what}: nothing of it is stored, earlier packs are`, async () => {
    await using fixture = await createFixture();
    using alice = await Uploader.login(fixture, "Alice");
    const before = alice.mux.askFor(packOf(1, [text("before", "x")]), "packed");
    const attack = alice.mux.askFor({ kind: "pack", tag: 2, bytes }, "packed");
    assert.deepEqual(resultsOf(await before), [1]);
    await assert.rejects(attack, { name: "RefusedError", code: "bad-frame" });
    assert.deepEqual(await storedNames(fixture), ["before"]);
  });
}

Deno.test("attack: updates and fetches whose records break their layout end the connection", async () => {
  await using fixture = await createFixture();
  const update = updateOf(1, "a", 1, 0o600, 0n).bytes;
  const fetch = fetchOf(1, [["a", 0]]).bytes;
  for (
    const message of [
      { kind: "update", tag: 1, bytes: update.subarray(1) },
      { kind: "update", tag: 1, bytes: new Uint8Array(0) },
      { kind: "fetch", tag: 1, bytes: concatBytes(fetch, Uint8Array.of(1)) },
      { kind: "fetch", tag: 1, bytes: new Uint8Array(0) },
    ] as const
  ) {
    using alice = await Uploader.login(fixture, "Alice");
    await assert.rejects(alice.mux.ask(message, () => true), { code: "bad-frame" });
  }
});

const OUT_OF_PLACE: Readonly<Record<string, Message>> = {
  "a pack": packOf(9, [text("a", "x")]),
  "an update": updateOf(9, "a", 1, 0o600, 0n),
  "a fetch": fetchOf(9, [["a", 0]]),
};

for (const [what, message] of Object.entries(OUT_OF_PLACE)) {
  Deno.test(`attack: ${what} before signing in, or within a file, ends the connection`, async () => {
    await using fixture = await createFixture();
    using stranger = await connectRaw(fixture.server.address);
    await assert.rejects(stranger.mux.ask(message, () => true), { code: "bad-frame" });
    using alice = await Uploader.login(fixture, "Alice");
    await alice.mux.send({ ...FILE_PUT, kind: "put", tag: 1, name: "b", size: 9, resume: 0 });
    await assert.rejects(alice.mux.ask(message, () => true), { code: "bad-frame" });
    assert.deepEqual(await storedNames(fixture), []);
  });
}

Deno.test("attack: one pack more than may be unanswered ends the connection; the others are stored", async () => {
  const [all, storing] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let begun = 0;
  const openCatalog = async (path: string) =>
    interceptedCatalog(await openInThisThread(path), async (method, _args, next) => {
      if (method !== "files.commitPack") return await next();
      if (++begun === MAX_UNANSWERED_PACKS) all.resolve();
      await storing.promise;
      return await next();
    });
  await using fixture = await createFixture({}, { openCatalog });
  using alice = await Uploader.login(fixture, "Alice");
  const packs = Array.from(
    { length: MAX_UNANSWERED_PACKS + 1 },
    (_, i) => encodeMessage(packOf(1000 + i, [text(`${i}`, "x")])),
  );
  const ended = alice.ended();
  // They arrive together. The server reads all before its catalog answers.
  await alice.write(concatBytes(...packs));
  await all.promise;
  setTimeout(() => storing.resolve(), 50);
  assert.equal(await ended, "bad-frame");
  assert.equal((await storedNames(fixture)).length, MAX_UNANSWERED_PACKS);
});

Deno.test("v4 packs: an answer that fails ends the connection and is logged, so that no client waits for it", async () => {
  await using log = await ServerLog.take();
  const openCatalog = async (path: string) =>
    interceptedCatalog(await openInThisThread(path), async (method, _args, next) => {
      const result = await next();
      // No outcome has this number.
      if (method === "files.commitPack") (result as PackResult).outcomes.fill(99);
      return result;
    });
  await using fixture = await createFixture({}, { openCatalog });
  using alice = await Uploader.login(fixture, "Alice");
  await assert.rejects(send(alice, [text("a", "x")]), { code: "connection-lost" });
  const [line] = await log.awaits("request.failed");
  assert.equal(line?.["user"], "Alice");
});

Deno.test("v4 packs: what was stored is reported, even if the limit of the others cannot be looked up", async () => {
  let isCommitted = false;
  const openCatalog = async (path: string) =>
    interceptedCatalog(await openInThisThread(path), async (method, _args, next) => {
      if (isCommitted && method === "accounts.find") throw new Error("cannot read the disk");
      const result = await next();
      if (method === "files.commitPack") isCommitted = true;
      return result;
    });
  await using fixture = await createFixture({ quota: 10 }, { openCatalog });
  using alice = await Uploader.login(fixture, "Alice");
  const [first, second, third] = await send(alice, [
    ...[text("a", "x"), text("b", "more than ten"), text("c", "x")],
  ]);
  assert.deepEqual([first, third], [1, 1]);
  assert.equal(typeof second, "string");
});

Deno.test("attack: a pack that exceeds the quota with each entry stores as many as fit", async () => {
  await using fixture = await createFixture({ quotaFiles: 10 });
  using alice = await Uploader.login(fixture, "Alice");
  const records = Array.from({ length: MAX_RECORDS }, (_, i) => text(`${i}`.padStart(4, "0"), "x"));
  const results = await send(alice, records);
  assert.deepEqual(results.slice(0, 10), Array(10).fill(1));
  assert.deepEqual(new Set(results.slice(10)), new Set(["over-limit"]));
  assert.deepEqual(await storedNames(fixture), records.slice(0, 10).map(({ name }) => name));
});

Deno.test("attack: one name in every record of a pack keeps the last content, and its versions", async () => {
  await using fixture = await createFixture();
  using alice = await Uploader.login(fixture, "Alice");
  const records = Array.from({ length: MAX_RECORDS }, (_, i) => text("a", `${i}`));
  assert.deepEqual(await send(alice, records), records.map((_, i) => i + 1));
  assert.deepEqual(await send(alice, [text("a", `${MAX_RECORDS - 1}`)]), [MAX_RECORDS]);
  assert.deepEqual(await storedNames(fixture), ["a"]);
});

Deno.test("attack: a client that announces a pack and sends nothing is disconnected", async () => {
  await using fixture = await createFixture({ requestTimeoutMs: 10_000, stallTimeoutMs: 200 });
  using alice = await Uploader.login(fixture, "Alice");
  await alice.write(frameHeader("pack", 1, MAX_BULK));
  assert.equal(await alice.ended(), "over-limit");
});

Deno.test("v4 packs: one that a slow network carries for longer than a request may take is stored", async () => {
  await using fixture = await createFixture({ requestTimeoutMs: 150, stallTimeoutMs: 20_000 });
  using alice = await Uploader.login(fixture, "Alice");
  const records = Array.from({ length: 3 }, (_, i) => ({
    ...{ name: `${i}`, content: pseudoRandomBytes(MAX_PACKED_SIZE, i) },
  }));
  const frame = encodeMessage(packOf(1, records));
  const answer = alice.mux.answerOf(1, "packed");
  const piece = Math.ceil(frame.length / 4);
  for (let at = 0; at < frame.length; at += piece) {
    await alice.write(frame.subarray(at, at + piece));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(resultsOf(await answer), [1, 1, 1]);
});
