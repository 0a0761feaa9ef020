/** Folders over protocol 4: listed by level, renamed, removed and restored with everything below; usage; the log. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import type { MessageOf } from "../../../protocol/v4/messages.ts";
import type { V4Client } from "../../../client/v4/client.ts";
import { MAX_GARBAGE } from "../../../server/catalog/bounds.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { takeLogs } from "../../support/server_log.ts";
import { Fixture, ON_DISK, put } from "../../support/v4/fixture.ts";
import { Uploader } from "../../support/v4/raw_client.ts";

const KEEP = { historyMs: 24 * 60 * 60_000 };

/** Stores files of 10 bytes. */
async function storeAll(fixture: Fixture, client: V4Client, names: readonly string[], seed = 1) {
  const file = await fixture.source("source", pseudoRandomBytes(10, seed));
  const outcomes = await put(client, names.map((name) => ({ file, name })));
  assert.ok(outcomes.every((outcome) => typeof outcome === "number"), `${outcomes}`);
}

function counts({ entries, bytes }: { readonly entries: number; readonly bytes: number }) {
  return { entries, bytes };
}

async function listed(
  client: V4Client,
  prefix = "",
  scope: "below" | "level" | "removed" = "below",
): Promise<string[]> {
  const names: string[] = [];
  await client.list(prefix, ({ name, version }) => names.push(`${name}@${version}`), { scope });
  return names;
}

Deno.test("folders: one level, everything below, and removed names are listed", async () => {
  await using fixture = await Fixture.create(KEEP);
  using client = await fixture.client("Alice");
  await storeAll(fixture, client, ["a", "d/e/f", "d/e/g", "d/h", "d0"]);
  assert.deepEqual(await listed(client, "", "level"), ["a@1", "d@0", "d0@1"]);
  assert.deepEqual(await listed(client, "d/", "level"), ["d/e@0", "d/h@1"]);
  await client.remove("d/e", { recursive: true });
  assert.deepEqual(await listed(client, "", "removed"), ["d/e/f@1", "d/e/g@1"]);
  assert.deepEqual(await listed(client, "x", "removed"), []);
  assert.deepEqual(await listed(client), ["a@1", "d/h@1", "d0@1"]);
});

Deno.test("folders: renamed, removed and restored with everything below, and counted", async () => {
  await using fixture = await Fixture.create({ ...KEEP, quota: 1000, quotaFiles: 9 });
  using client = await fixture.client("Alice");
  await storeAll(fixture, client, ["d/a", "d/b/c", "x"]);
  assert.deepEqual(counts(await client.rename("d", "e")), { entries: 2, bytes: 20 });
  await assert.rejects(client.rename("e", "e/f"), { code: "bad-file-name" });
  await assert.rejects(client.rename("e", "x"), { code: "file-exists" });
  await assert.rejects(client.rename("d", "y"), { code: "no-such-file" });
  await assert.rejects(client.remove("e"), { code: "not-empty" });
  await assert.rejects(client.remove("d", { recursive: true }), { code: "no-such-file" });
  assert.deepEqual(counts(await client.remove("e", { recursive: true })), {
    entries: 2,
    bytes: 20,
  });
  const { kind: _, tag: __, ...usage } = await client.usage() as MessageOf<"totals">;
  assert.deepEqual(usage, {
    ...{ entries: 1, bytes: 10, historyBytes: 20, quotaEntries: 9, quotaBytes: 1000 },
    historyTime: KEEP.historyMs,
  });
  const since = Date.now() - 60_000;
  assert.deepEqual(counts(await client.restore("e", { since })), { entries: 2, bytes: 20 });
  await assert.rejects(client.restore("e"), { code: "no-such-file" });
  assert.deepEqual(await listed(client), ["e/a@2", "e/b/c@2", "x@1"]);
  await client.remove("e/a");
  assert.deepEqual(counts(await client.remove("e/a", { forever: true })), {
    entries: 1,
    bytes: 10,
  });
  await assert.rejects(client.restore("e/a"), { code: "no-such-file" });
  const { historyBytes, quotaBytes } = await client.usage();
  assert.deepEqual([historyBytes, quotaBytes], [0, 1000]);
});

Deno.test("restore: a version, while the quota has room for it", async () => {
  await using fixture = await Fixture.create({ ...KEEP, quotaFiles: 2 });
  using client = await fixture.client("Alice");
  for (const seed of [5, 6]) await storeAll(fixture, client, ["a"], seed);
  assert.deepEqual(counts(await client.restore("a", { version: 1 })), { entries: 1, bytes: 10 });
  assert.deepEqual(counts(await client.restore("a", { version: 3 })), { entries: 0, bytes: 0 });
  await assert.rejects(client.restore("a", { version: 9 }), { code: "no-such-file" });
  await client.remove("a");
  await storeAll(fixture, client, ["b", "c"]);
  await assert.rejects(client.restore("a"), { code: "no-such-file" }, "two files fill the quota");
});

Deno.test("remove forever: all blobs are deleted, however many", async () => {
  await using fixture = await Fixture.create({ ...ON_DISK, ...KEEP });
  using client = await fixture.client("Alice");
  const count = MAX_GARBAGE + 10;
  await storeAll(fixture, client, Array.from({ length: count }, (_, i) => `d/${i}`));
  assert.equal(fixture.blobs("files").length, count);
  const removed = await client.remove("d", { recursive: true, forever: true });
  assert.deepEqual(counts(removed), { entries: count, bytes: 10 * count });
  await fixture.server.close();
  assert.ok(fixture.blobs("files").length <= 10, "the rest is deleted in the background");
  await fixture.restart();
  assert.deepEqual(fixture.blobs("files"), []);
});

Deno.test("an upload continues while its folder is renamed or removed", async () => {
  await using fixture = await Fixture.create({ ...KEEP, quota: 6 * CHUNK_SIZE, quotaFiles: 3 });
  using client = await fixture.client("Alice");
  await storeAll(fixture, client, ["d/a", "d/b"]);
  using alice = await Uploader.login(fixture, "Alice");
  const content = pseudoRandomBytes(CHUNK_SIZE + 1);
  const tag = await alice.begin(content, { name: "d/a" });
  await client.rename("d", "e");
  await client.remove("e", { recursive: true });
  await alice.send(tag, content, 0, 1);
  await alice.end(tag, content);
  assert.deepEqual(await listed(client), ["d/a@1"]);
  assert.equal((await client.stat("d/a")).size, content.length);
  await client.restore("e");
  assert.deepEqual(await listed(client), ["d/a@1", "e/a@2", "e/b@2"]);
  const other = await fixture.source("other", pseudoRandomBytes(10));
  assert.deepEqual(await put(client, [{ file: other, name: "f" }]), ["over-limit"]);
});

Deno.test("the log names changes of folders with their entries and bytes", async () => {
  const events: unknown[] = [];
  await using fixture = await Fixture.create(KEEP);
  using client = await fixture.client("Alice");
  await storeAll(fixture, client, ["d/a", "d/b"]);
  await takeLogs("info", ({ properties }) => {
    const { event, file, oldName, user, entries, bytes } = properties;
    events.push([event, oldName, file, user, entries, bytes].join(" "));
  });
  await client.rename("d", "e\u001b");
  await client.remove("e\u001b", { recursive: true });
  await client.restore("e\u001b");
  assert.deepEqual(events, [
    String.raw`file.renamed d e\u{1b} Alice 2 20`,
    String.raw`file.removed  e\u{1b} Alice 2 20`,
    String.raw`file.restored  e\u{1b} Alice 2 20`,
  ]);
});
