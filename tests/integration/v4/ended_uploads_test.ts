/** Protocol 4: messages for an upload that is about to end are dropped, and leave nothing behind. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { ServerLog } from "../../support/server_log.ts";
import { SlowDisk } from "../../support/store/slow_disk.ts";
import { Fixture, got } from "../../support/v4/fixture.ts";
import { missing, Uploader } from "../../support/v4/raw_client.ts";

const content = pseudoRandomBytes(5 * CHUNK_SIZE + 5);

interface Place {
  readonly fixture: Fixture;
  readonly disk: SlowDisk;
  readonly log: ServerLog;
  readonly alice: Uploader;
}

function test(what: string, body: (place: Place) => Promise<void>) {
  Deno.test(`v4 ended: ${what}`, async () => {
    const disk = new SlowDisk();
    await using fixture = await Fixture.create({}, { fileSystem: disk.fileSystem });
    (await fixture.client("Alice"))[Symbol.dispose]();
    await using log = await ServerLog.take("debug");
    using alice = await Uploader.login(fixture, "Alice");
    try {
      await body({ fixture, disk, log, alice });
    } finally {
      disk.release();
    }
    // After all clients left, the log has no internal error, and no file is open or staged.
    assert.deepEqual(log.of("request.failed", "file.not-held"), []);
    await fixture.server.close();
    assert.equal(disk.open, 0, "files that are open");
    assert.deepEqual(fixture.blobs("staging"), []);
  });
}

const NOT_OPEN = { code: "no-such-transfer" };

async function joinedBy(fixture: Fixture, transfer: Uint8Array<ArrayBuffer>, count: number) {
  const stack = new DisposableStack();
  const all: (readonly [Uploader, number])[] = [];
  for (let i = 0; i < count; i++) {
    const other = stack.use(await Uploader.login(fixture, "Alice"));
    all.push([other, await other.join(transfer)]);
  }
  return { all, [Symbol.dispose]: () => stack.dispose() };
}

test("a chunk sent on a joined connection during a cancel creates no file", async ({ fixture, disk, alice }) => {
  const { tag, transfer } = await alice.resume(content);
  using other = await Uploader.login(fixture, "Alice");
  const joined = await other.join(transfer);
  disk.hold("remove", "after");
  await alice.cancel(tag);
  await disk.reached;
  await other.send(joined, content, 0);
  await assert.rejects(other.leave(joined), NOT_OPEN);
  disk.release();
  await alice.settle();
  assert.deepEqual(fixture.blobs("staging"), []);
});

test("chunks of many joined connections while the first chunk is written create no file", async ({ fixture, disk, alice }) => {
  const { tag, transfer } = await alice.resume(content);
  using others = await joinedBy(fixture, transfer, 5);
  disk.hold("open");
  await alice.send(tag, content, 5);
  await disk.reached;
  await alice.cancel(tag);
  for (const [i, [other, joined]] of others.all.entries()) await other.send(joined, content, i);
  const leaving = others.all.map(([other, joined]) =>
    assert.rejects(other.leave(joined), NOT_OPEN)
  );
  disk.release();
  await Promise.all(leaving);
  await alice.settle();
  assert.deepEqual(fixture.blobs("staging"), []);
});

test("a chunk that arrives while the upload is suspended is not part of the partial upload", async ({ fixture, disk, alice }) => {
  const { tag, transfer } = await alice.resume(content);
  using other = await Uploader.login(fixture, "Alice");
  const joined = await other.join(transfer);
  await alice.send(tag, content, 0);
  disk.hold("sync");
  alice[Symbol.dispose]();
  await disk.reached;
  await other.send(joined, content, 1);
  await assert.rejects(other.leave(joined), NOT_OPEN);
  disk.release();
  using again = await Uploader.login(fixture, "Alice");
  const { tag: last, offset } = await again.resume(content);
  assert.equal(offset, CHUNK_SIZE);
  await again.send(last, content, ...missing(content, offset));
  await again.end(last, content);
  using client = await fixture.client("Alice");
  assert.deepEqual(await got(client, "a"), content);
});

test("repeated races of a cancel and a chunk leave nothing behind", async ({ fixture, alice }) => {
  using other = await Uploader.login(fixture, "Alice");
  for (let turn = 0; turn < 50; turn++) {
    const { tag, transfer } = await alice.resume(content, { name: `${turn}` });
    const joined = await other.join(transfer);
    await Promise.all([alice.cancel(tag), other.send(joined, content, 0)]);
    await alice.settle();
    await assert.rejects(other.leave(joined), NOT_OPEN);
  }
  assert.deepEqual(fixture.blobs("staging"), []);
});
