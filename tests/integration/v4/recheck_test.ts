/** A client that received a damaged chunk asks the server to check its own copy. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import type { V4Client } from "../../../client/v4/client.ts";
import { getOutcomes } from "../../support/v4/get_outcomes.ts";
import { getStream } from "../../../client/v4/stream_download.ts";
import { ServerLog } from "../../support/server_log.ts";
import { Fixture, got, ON_DISK } from "../../support/v4/fixture.ts";
import { blobOf, flipByte, markOf, putFirst, spoil } from "../../support/v4/damage.ts";

const SIZE = 2 * CHUNK_SIZE + 5;

async function recheck({ session: { mux } }: V4Client, name: string, offset: number, version = 0) {
  const request = { kind: "recheck", tag: mux.nextTag(), name, version, offset } as const;
  return await mux.askFor(request, "done").then(({ kind }) => kind, ({ code }) => code);
}

Deno.test("recheck: only a damaged chunk is damaged; afterwards the file is", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  const { name } = await putFirst(fixture, "one file", SIZE);
  await flipByte(await blobOf(fixture, name), CHUNK_SIZE + 1);
  using client = await fixture.client("Alice");
  for (const offset of [0, 1, CHUNK_SIZE - 1, 2 * CHUNK_SIZE, SIZE, 2 ** 40]) {
    assert.equal(await recheck(client, name, offset), "done", `${offset}`);
  }
  assert.equal(markOf(fixture, name), null);
  assert.equal(await recheck(client, name, CHUNK_SIZE), "damaged");
  assert.equal(markOf(fixture, name), "content");
  assert.equal(await recheck(client, name, 0), "damaged");
});

Deno.test("recheck: a file in the catalog, an unknown name, an unknown version", async () => {
  await using fixture = await Fixture.create();
  const { name } = await putFirst(fixture, "one file");
  using client = await fixture.client("Alice");
  assert.equal(await recheck(client, name, 0), "done");
  assert.equal(await recheck(client, "nothing", 0), "no-such-file");
  assert.equal(await recheck(client, name, 0, 2), "no-such-file");
  await spoil(fixture, name);
  assert.equal(await recheck(client, name, 0), "damaged");
});

for (const size of [1000, SIZE]) {
  for (const parallel of [1, 3]) {
    Deno.test(`recheck: a download of ${size} bytes over ${parallel} connections from a damaged copy says so`, async () => {
      await using log = await ServerLog.take();
      await using fixture = await Fixture.create(ON_DISK);
      const { name } = await putFirst(fixture, "one file", size);
      await flipByte(await blobOf(fixture, name), size - 1);
      const target = fixture.folder.join("got");
      const connect = await fixture.options("Alice");
      const transfer = { parallel, retries: 0 };
      const [outcome] = await getOutcomes({ connect, transfer, names: [name], target });
      assert.equal(outcome !== undefined && "error" in outcome && outcome.error.code, "damaged");
      assert.equal(markOf(fixture, name), "content");
      assert.equal(log.of("file.damaged").length, 1);
      assert.deepEqual(await Deno.stat(target).catch(({ name }) => name), "NotFound");
    });
  }
}

Deno.test("recheck: a download to standard output from a damaged copy says so", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  const { name } = await putFirst(fixture, "one file", SIZE);
  await flipByte(await blobOf(fixture, name), SIZE - 1);
  const connect = await fixture.options("Alice");
  let bytes = 0;
  const write = (chunk: Uint8Array) => Promise.resolve(void (bytes += chunk.length));
  await assert.rejects(getStream({ connect, name, write }), { code: "damaged" });
  assert.equal(bytes, 2 * CHUNK_SIZE);
});

Deno.test("recheck: a copy that was damaged only when it was read is not called damaged", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  const { name } = await putFirst(fixture, "one file");
  const blob = await blobOf(fixture, name);
  await flipByte(blob);
  using client = await fixture.client("Alice");
  // The disk delivers the right bytes again before the server checks.
  const { mux } = client.session;
  const { askFor } = mux;
  mux.askFor = async function (message, kind) {
    await flipByte(blob);
    return await askFor.call(mux, message, kind) as never;
  };
  await assert.rejects(got(client, name), { code: "not-what-was-stored" });
  assert.equal(markOf(fixture, name), null);
});
