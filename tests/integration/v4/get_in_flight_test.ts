/** Downloads whose file changes meanwhile: they finish with one content or fail, and never deliver a mixture. */
import assert from "node:assert/strict";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import type { V4Client } from "../../../client/v4/client.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { areEqual, pseudoRandomBytes } from "../../support/bytes.ts";
import { Fixture, got, put } from "../../support/v4/fixture.ts";
import { watched } from "../../support/v4/traced.ts";

/** More than socket buffers hold, so that the server is still sending when the client has the first chunk. */
const LARGE = 48 * CHUNK_SIZE;
const old = pseudoRandomBytes(LARGE, 1);
const next = pseudoRandomBytes(LARGE, 2);

async function store(fixture: Fixture, client: V4Client, bytes: Bytes): Promise<void> {
  const [outcome] = await put(client, [{ file: await fixture.source("source", bytes), name: "a" }]);
  assert.equal(typeof outcome, "number", `${outcome}`);
}

/** Changes to the file "a" during its download, with what a later request finds. */
const DONE: Record<string, (fixture: Fixture, other: V4Client) => Promise<unknown>> = {
  "is removed": (_, other) => other.remove("a"),
  "is replaced": (fixture, other) => store(fixture, other, next),
  "is renamed": (_, other) => other.rename("a", "b"),
  "is renamed, and its name used again": async (fixture, other) => {
    await other.rename("a", "b");
    await store(fixture, other, next);
  },
};

for (const [what, work] of Object.entries(DONE)) {
  Deno.test(`get: a download in progress finishes unchanged if the file ${what}`, async () => {
    await using fixture = await Fixture.create();
    using client = await fixture.client("Alice");
    using other = await fixture.client("Alice");
    await store(fixture, client, old);
    const chunks: Bytes[] = [];
    const file = await client.get({ name: "a" }, async (chunk) => {
      if (chunks.length === 0) await work(fixture, other);
      chunks.push(chunk.slice());
    });
    assert.equal(file.version, 1);
    // `deepEqual` would take many times the memory.
    assert.ok(areEqual(concatBytes(...chunks), old), "it is the content that was stored");
  });
}

Deno.test("get: consecutive ranges each report the file that they belong to", async () => {
  await using fixture = await Fixture.create();
  using client = await fixture.client("Alice");
  const [first, second] = [old, next].map((content) => content.slice(0, 2 * CHUNK_SIZE + 9));
  await store(fixture, client, first as Bytes);
  const part = async (from: number, to: number) => {
    const chunks: Bytes[] = [];
    const write = (chunk: Bytes) => Promise.resolve(void chunks.push(chunk.slice()));
    const { digest } = await client.get({ name: "a", from, to }, write);
    return { digest, bytes: concatBytes(...chunks) };
  };
  const before = await part(0, CHUNK_SIZE);
  await store(fixture, client, second as Bytes);
  const after = await part(CHUNK_SIZE, 2 ** 40);
  assert.notDeepEqual(
    after.digest,
    before.digest,
    "a client that resumes sees that the file is another",
  );
  assert.deepEqual(after.bytes, second?.slice(CHUNK_SIZE));
  await client.remove("a");
  await assert.rejects(part(CHUNK_SIZE, 2 ** 40), { code: "no-such-file" });
});

/** Runs between the look into the catalog and the opening of the file. */
const IN_BETWEEN: Record<
  string,
  [(fixture: Fixture, other: V4Client) => Promise<unknown>, Bytes | string]
> = {
  "is replaced": [(fixture, other) => store(fixture, other, next.slice(0, 10)), next.slice(0, 10)],
  "is removed": [(_, other) => other.remove("a"), "no-such-file"],
  "is renamed": [(_, other) => other.rename("a", "b"), old.slice(0, 100)],
  "is missing on disk": [
    async (fixture) => {
      for (const path of fixture.blobs("files")) await Deno.remove(path);
    },
    "damaged",
  ],
};

for (const [what, [work, expected]] of Object.entries(IN_BETWEEN)) {
  Deno.test(`get: the file is looked up again if it ${what} before it is opened`, async () => {
    await using fixture = await Fixture.create();
    const watch = await watched(fixture);
    using client = await fixture.client("Alice");
    using other = await fixture.client("Alice");
    await store(fixture, client, old.slice(0, 100));
    let times = 0;
    watch.before = async () => {
      if (times++ === 0) await work(fixture, other);
    };
    if (typeof expected === "string") await assert.rejects(got(client, "a"), { code: expected });
    else assert.deepEqual(await got(client, "a"), expected);
    assert.ok(times > 0);
  });
}

Deno.test("get: a file that is overwritten before each attempt is refused in the end", async () => {
  await using fixture = await Fixture.create();
  const watch = await watched(fixture);
  using client = await fixture.client("Alice");
  using other = await fixture.client("Alice");
  await store(fixture, client, old.slice(0, 100));
  let [times, working] = [0, false];
  watch.before = async () => {
    if (working) return;
    working = true;
    await store(fixture, other, pseudoRandomBytes(10, ++times));
    working = false;
  };
  await assert.rejects(got(client, "a"), { code: "cannot-store", message: /overwritten faster/ });
  watch.before = () => Promise.resolve();
  assert.deepEqual(await got(client, "a"), pseudoRandomBytes(10, times));
});

Deno.test("get: a file is opened once, however long it is", async () => {
  await using fixture = await Fixture.create();
  const watch = await watched(fixture);
  using client = await fixture.client("Alice");
  const content = old.slice(0, 5 * CHUNK_SIZE);
  await store(fixture, client, content);
  watch.opened = 0;
  assert.deepEqual(await got(client, "a"), content);
  assert.equal(watch.opened, 1);
  assert.equal((await got(client, "a", { from: 0, to: 0 })).length, 0);
  assert.equal(watch.opened, 1, "a request for digests opens no file");
});
