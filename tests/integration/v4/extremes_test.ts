/** Protocol 4: values at the ends of their fields. */
import assert from "node:assert/strict";
import { listStored } from "../../../server/operator/list_files.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { MAX_TIME } from "../../../protocol/v4/fields.ts";
import { connectRaw, Fixture, loginRaw } from "../../support/v4/fixture.ts";
import { FILE_PUT, ms } from "../../support/v4/message_fields.ts";

Deno.test("v4: an out-of-range mtime is clamped, and the file stays readable", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  using raw = await connectRaw(fixture.server.address);
  await loginRaw(raw, fixture.folder.join("Alice"));
  const { mux } = raw;
  const times = [2 ** 60, -(2 ** 62), 2 ** 53, MAX_TIME + 1, MAX_TIME, -1].map(ms);
  for (const [i, mtime] of times.entries()) {
    const tag = mux.nextTag();
    const stored = mux.answerOf(tag, "stored");
    await mux.send({ ...FILE_PUT, kind: "put", tag, name: `${i}`, size: 0, mtime, resume: 0 });
    await mux.send({ kind: "end", tag, ...new ChunkDigests(0).sums() });
    await stored;
  }
  using client = await fixture.client("Alice");
  const kept: bigint[] = [];
  await client.list("", ({ mtime }) => kept.push(mtime));
  assert.deepEqual(kept, [MAX_TIME, -MAX_TIME, MAX_TIME, MAX_TIME, MAX_TIME, -1].map(ms));
  const [user] = await listStored(fixture.folder.join("data"));
  assert.equal(user?.files.length, times.length);
});

Deno.test("v4: a name as long as a frame is refused like any other, and the connection stays open", async () => {
  await using fixture = await Fixture.create();
  using client = await fixture.client("Alice");
  const name = "x".repeat(65_530);
  await assert.rejects(client.stat(name), { code: "no-such-file" });
  await assert.rejects(client.remove(name), { code: "no-such-file" });
  await assert.rejects(client.rename("ü".repeat(30_000), "a"), { code: "no-such-file" });
  await client.list(name, () => assert.fail("no file has this name"));
});

Deno.test("v4: a request with the tag reserved for the connection ends it", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  using raw = await connectRaw(fixture.server.address);
  await loginRaw(raw, fixture.folder.join("Alice"));
  const asked = raw.mux.ask({ kind: "list", tag: 0, prefix: "", scope: "below" }, () => true);
  await assert.rejects(asked, { code: "bad-frame" });
});
