/** Large files are confirmed in the background: read once and compared with the digests of their client. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE, digestChunk } from "../../../protocol/v4/merkle_tree.ts";
import type { Limits } from "../../../server/limits/limits.ts";
import { verify } from "../../../server/operator/verify.ts";
import { ServerLog } from "../../support/server_log.ts";
import { Fixture, got } from "../../support/v4/fixture.ts";
import { Uploader } from "../../support/v4/raw_client.ts";
import { blobOf, contentOf, fileOf, flipByte, markOf, putFirst } from "../../support/v4/damage.ts";

const SIZE = 2 * CHUNK_SIZE + 5;
/** No server of these tests is idle by itself, unless it counts as idle at once. */
const AT_ONCE = { confirmAfterMs: 0 };
const NEVER: Partial<Limits> = { confirmRate: 0 };

async function confirmedAt(fixture: Fixture, name: string): Promise<number> {
  using client = await fixture.client("Alice");
  return (await client.stat(name)).confirmedAt;
}

Deno.test("confirmation: a large file is confirmed after it was stored, and says when", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create({}, AT_ONCE);
  const before = Date.now();
  const { name } = await putFirst(fixture, "one file", SIZE);
  const [logged] = await log.awaits("file.confirmed");
  assert.equal(logged?.["file"], name);
  const at = await confirmedAt(fixture, name);
  assert.ok(at >= before && at <= Date.now());
});

Deno.test("confirmation: a small file is confirmed when it is stored, because the server has hashed it", async () => {
  await using fixture = await Fixture.create(NEVER);
  const { name } = await putFirst(fixture, "one file", 1000);
  const file = await fileOf(fixture, name);
  assert.equal(file.confirmedAt, file.storedAt);
});

Deno.test("confirmation: rate 0 confirms nothing", async () => {
  await using fixture = await Fixture.create(NEVER, AT_ONCE);
  const { name } = await putFirst(fixture, "one file", SIZE);
  assert.equal(await confirmedAt(fixture, name), 0);
  using client = await fixture.client("Alice");
  assert.equal((await got(client, name)).length, SIZE);
  assert.equal(await confirmedAt(fixture, name), 0, "a download confirms nothing");
});

Deno.test("confirmation: a changed blob is recorded as damaged and logged, and other files are confirmed", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create(NEVER);
  const { name, again } = await putFirst(fixture, "a folder", SIZE);
  await flipByte(await blobOf(fixture, name), CHUNK_SIZE + 1);
  await fixture.restart(AT_ONCE);
  const confirmed = await log.awaits("file.confirmed", 2);
  assert.deepEqual(confirmed.map(({ file }) => file).sort(), ["photos/b", "photos/c"]);
  const [found] = await log.awaits("file.damaged");
  assert.deepEqual([found?.["file"], found?.["user"], found?.["damage"]], [
    name,
    "Alice",
    "content",
  ]);
  assert.equal(markOf(fixture, name), "content");
  assert.equal((await again())[name], "stored");
  await log.awaits("file.confirmed", 3);
});

Deno.test("confirmation: after a restart, files that were not confirmed yet are", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  const { name } = await putFirst(fixture, "one file", SIZE);
  assert.equal(await confirmedAt(fixture, name), 0, "the server is not idle yet");
  await fixture.restart(AT_ONCE);
  await log.awaits("file.confirmed");
  assert.ok(await confirmedAt(fixture, name) > 0);
});

Deno.test("confirmation: a file that is removed while it is read is no damage", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create({ historyMs: 0 }, AT_ONCE);
  const { name } = await putFirst(fixture, "a folder", SIZE);
  using client = await fixture.client("Alice");
  await client.remove(name);
  await log.awaits("file.confirmed", 2);
  assert.deepEqual(log.of("file.damaged", "file.not-confirmed", "store.not-confirmed"), []);
});

Deno.test("confirmation: verify confirms intact files", async () => {
  await using fixture = await Fixture.create(NEVER);
  const { name } = await putFirst(fixture, "a folder", SIZE);
  await flipByte(await blobOf(fixture, name), 5);
  const before = Date.now();
  await verify({ dataFolder: fixture.data });
  assert.equal((await fileOf(fixture, name)).confirmedAt, undefined);
  const at = (await fileOf(fixture, "photos/b")).confirmedAt ?? 0;
  assert.ok(at >= before && at <= Date.now());
});

Deno.test("confirmation: the digest of a client that lies is found, and harms only its own file", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create({}, AT_ONCE);
  const content = contentOf("a", SIZE);
  const lie = contentOf("b", SIZE);
  (await fixture.client("Alice"))[Symbol.dispose]();
  using alice = await Uploader.login(fixture, "Alice");
  const tag = await alice.begin(content, { name: "lie" });
  const sums = new ChunkDigests(SIZE);
  for (let offset = 0; offset < SIZE; offset += CHUNK_SIZE) {
    const bytes = content.slice(offset, offset + CHUNK_SIZE);
    const digest = digestChunk(lie.slice(offset, offset + CHUNK_SIZE));
    const received = { cksum: cksum(bytes), digest };
    assert.equal(sums.addReceived(offset, bytes, received, false), undefined);
    await alice.mux.sendChunk(tag, offset, bytes, received);
  }
  const answered = alice.mux.answerOf(tag, "stored");
  await alice.mux.send({ kind: "end", tag, ...sums.sums() });
  const answer = await answered;
  assert.equal(answer.cksum, cksum(content));
  await log.awaits("file.damaged");
  using client = await fixture.client("Alice");
  await assert.rejects(client.stat("lie"), { code: "damaged" });
});
