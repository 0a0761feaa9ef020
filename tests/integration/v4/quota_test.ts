/** Protocol 4: the quota includes uploads in progress, and no file that fits is refused. */
import assert from "node:assert/strict";
import { batchedCatalog, commitTogether, lookUp } from "../../../server/catalog/sqlite/batching.ts";
import { SqliteCatalog } from "../../../server/catalog/sqlite/sqlite_catalog.ts";
import { RefusedError } from "../../../protocol/errors.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { Fixture, got, put } from "../../support/v4/fixture.ts";
import { missing, type Sent, Uploader } from "../../support/v4/raw_client.ts";
import { REMOVE } from "../../support/v4/message_fields.ts";

const content = pseudoRandomBytes(2 * CHUNK_SIZE);
const OVER = { code: "over-limit" };

async function createFixture(
  ...[limits, options]: Parameters<typeof Fixture.create>
): Promise<Fixture> {
  const fixture = await Fixture.create(limits, options);
  (await fixture.client("Alice"))[Symbol.dispose]();
  return fixture;
}

/** Signs in several times. */
async function uploaders(fixture: Fixture, count: number) {
  const stack = new DisposableStack();
  const all: Uploader[] = [];
  for (let i = 0; i < count; i++) all.push(stack.use(await Uploader.login(fixture, "Alice")));
  return { all, [Symbol.dispose]: () => stack.dispose() };
}

/** Sends the first chunks of a file. Resolves when the server has them. */
async function take(fixture: Fixture, alice: Uploader, count: number, as: Sent): Promise<void> {
  const { transfer } = await alice.resume(content, as);
  using other = await Uploader.login(fixture, "Alice");
  const joined = await other.join(transfer);
  await other.send(joined, content, ...missing(content, 0).slice(0, count));
  await other.leave(joined);
}

/** The number of staged bytes. */
function staged(fixture: Fixture): number {
  return fixture.blobs("staging").reduce((sum, path) => sum + Deno.statSync(path).size, 0);
}

Deno.test("v4 quota: parallel uploads are admitted while they fit, and partial uploads keep to it when they are cut off", async () => {
  await using fixture = await createFixture({ quota: 2 * content.length });
  {
    using clients = await uploaders(fixture, 10);
    const outcomes = await Promise.allSettled(
      clients.all.map((alice, i) => take(fixture, alice, 1, { name: `f${i}` })),
    );
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    assert.deepEqual(refused.map(({ reason }) => reason.code), Array(8).fill("over-limit"));
  }
  await fixture.server.close();
  assert.equal(staged(fixture), 2 * CHUNK_SIZE);
});

Deno.test("v4 quota: a refusal says how much is used, how much is needed and what the quota is", async () => {
  await using fixture = await createFixture({ quota: 1000 });
  using client = await fixture.client("Alice");
  await put(client, [{ file: await fixture.source("a", pseudoRandomBytes(700)) }]);
  const results: unknown[] = [];
  const file = await fixture.source("b", pseudoRandomBytes(400));
  await client.put([{ file }], (_, result) => results.push(result));
  const [refused] = results;
  assert.ok(refused instanceof RefusedError);
  assert.equal(
    refused.message,
    "the server refused: the upload would exceed your quota of 1000 bytes: 700 are used, and 400 " +
      "are needed",
  );
});

Deno.test("v4 quota: uploads in progress count as files, unless they overwrite one", async () => {
  await using fixture = await createFixture({ quotaFiles: 2 });
  using clients = await uploaders(fixture, 4);
  const [first, second, third, fourth] = clients.all as [Uploader, Uploader, Uploader, Uploader];
  await first.end(...await sent(first, "a"));
  const again = await first.resume(content, { name: "a", mtime: 2 });
  const b = await second.resume(content, { name: "b" });
  await assert.rejects(third.resume(content, { name: "c" }), OVER);
  // The client of the second upload disconnects and returns.
  const tag = await fourth.begin(content, { name: "b" });
  await fourth.send(tag, content, 0, 1);
  await fourth.end(tag, content);
  await second.cancel(b.tag);
  await first.send(again.tag, content, 0, 1);
  await first.end(again.tag, content);
});

/** Sends a file without its end. */
async function sent(alice: Uploader, name: string): Promise<[number, typeof content]> {
  const { tag, offset } = await alice.resume(content, { name });
  await alice.send(tag, content, ...missing(content, offset));
  return [tag, content];
}

const ENDS: Readonly<Record<string, (alice: Uploader) => Promise<unknown>>> = {
  "its client cancels": async (alice) => await alice.cancel((await alice.resume(content)).tag),
  "its sums differ": async (alice) => {
    const [tag] = await sent(alice, "a");
    const sums = { size: content.length, cksum: 0, digest: new Uint8Array(32) };
    await alice.mux.askFor({ kind: "end", tag, ...sums }, "mismatch");
  },
  "it is cut off within the first chunk": async (alice) => {
    await alice.resume(content);
    alice[Symbol.dispose]();
  },
  "it is stored and removed": async (alice) => {
    await alice.end(...await sent(alice, "a"));
    await alice.mux.askFor(
      { ...REMOVE, tag: alice.mux.nextTag(), name: "a" },
      "changed",
    );
  },
  "another of its name is stored and removed": async (alice) => {
    await alice.end(...await sent(alice, "a"));
    await alice.end(...await sent(alice, "a"));
    await alice.mux.askFor(
      { ...REMOVE, tag: alice.mux.nextTag(), name: "a" },
      "changed",
    );
  },
};

for (const [how, end] of Object.entries(ENDS)) {
  Deno.test(`v4 quota: an upload no longer counts when ${how}`, async () => {
    await using fixture = await createFixture({ quota: content.length, quotaFiles: 1 });
    using alice = await Uploader.login(fixture, "Alice");
    await end(alice);
    using other = await Uploader.login(fixture, "Alice");
    // The server notices a disconnected client after a while.
    for (let looks = 0;; looks++) {
      try {
        await other.resume(content, { name: "b" });
        break;
      } catch (error) {
        if (looks === 400) throw error;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  });
}

Deno.test("v4 quota: a partial upload counts once when it is resumed", async () => {
  await using fixture = await createFixture({ quota: content.length + CHUNK_SIZE });
  {
    using first = await Uploader.login(fixture, "Alice");
    await take(fixture, first, 1, {});
  }
  using again = await Uploader.login(fixture, "Alice");
  const { tag, offset } = await again.resume(content);
  assert.equal(offset, CHUNK_SIZE);
  using other = await Uploader.login(fixture, "Alice");
  const small = content.slice(0, CHUNK_SIZE);
  const { tag: second } = await other.resume(small, { name: "b" });
  await other.send(second, small, 0);
  await other.end(second, small);
  await again.send(tag, content, ...missing(content, offset));
  await again.end(tag, content);
});

Deno.test("v4 quota: a partial upload must fit next to the file that it will overwrite", async () => {
  await using fixture = await createFixture({ quota: content.length + CHUNK_SIZE });
  using alice = await Uploader.login(fixture, "Alice");
  await alice.end(...await sent(alice, "a"));
  for (const [chunks, offsetExpected] of [[1, CHUNK_SIZE], [2, 0]] as const) {
    {
      using cut = await Uploader.login(fixture, "Alice");
      await take(fixture, cut, chunks, { mtime: 2 + chunks });
    }
    using next = await Uploader.login(fixture, "Alice");
    const { offset, tag: last } = await next.resume(content, { mtime: 2 + chunks });
    assert.equal(offset, offsetExpected);
    await next.cancel(last);
    await next.settle();
  }
  using client = await fixture.client("Alice");
  assert.deepEqual(await got(client, "a"), content);
  assert.deepEqual(fixture.blobs("staging"), []);
});

/** A catalog that commits at once and answers late. */
function openLate(path: string) {
  const catalog = SqliteCatalog.open(path);
  return Promise.resolve(batchedCatalog({
    read: (calls) => lookUp(catalog, calls),
    write: async (calls) => {
      const outcomes = await commitTogether(catalog, calls);
      await new Promise((resolve) => setTimeout(resolve, 5));
      return outcomes;
    },
    close: () => catalog[Symbol.asyncDispose](),
  }));
}

for (const [what, inlineSize] of [["in the catalog", 1000], ["on disk", 0]] as const) {
  Deno.test(`v4 quota: small files ${what} that fill it exactly are all stored, and all overwritten`, async () => {
    const count = 60;
    const [size, connections] = [1000, 3];
    const all = count * connections;
    const limits = { inlineSize, quota: all * size, quotaFiles: all };
    await using fixture = await createFixture(limits, { openCatalog: openLate });
    for (const seed of [1, 2]) {
      const outcomes = await Promise.all(
        Array.from({ length: connections }, async (_, connection) => {
          using client = await fixture.client("Alice");
          const file = await fixture.source(`${seed}-${connection}`, pseudoRandomBytes(size, seed));
          const names = Array.from({ length: count }, (_, i) => `${connection}-${i}`);
          const codes: unknown[] = [];
          await client.put(names.map((name) => ({ file, name })), (_, outcome) => {
            codes.push(typeof outcome === "number" ? "stored" : outcome);
          });
          return codes;
        }),
      );
      assert.deepEqual(outcomes.flat(), Array(all).fill("stored"), `${seed}`);
    }
    using client = await fixture.client("Alice");
    const one = await fixture.source("one", new Uint8Array(1));
    assert.deepEqual(await put(client, [{ file: one }]), ["over-limit"]);
  });
}

Deno.test("v4 quota: a refused restore says how much is used, how much is needed and what the quota is", async () => {
  await using fixture = await createFixture({ historyMs: Infinity });
  {
    using client = await fixture.client("Alice");
    const files = [await fixture.source("a", content), await fixture.source("b", content)];
    await put(client, files.map((file) => ({ file })));
    await client.remove("a");
  }
  const size = content.length;
  for (
    const [limits, words] of [
      [
        { quota: size + 10 },
        `quota of ${size + 10} bytes: ${size} are used, and ${size} are needed`,
      ],
      [{ quotaFiles: 1 }, "quota of 1 files: 1 are used, and 1 are needed"],
    ] as const
  ) {
    await fixture.restart({ limits });
    using client = await fixture.client("Alice");
    const message = `the server refused: restoring would exceed your ${words}`;
    await assert.rejects(client.restore("a"), { code: "over-limit", message });
  }
});

Deno.test("v4 quota: uploads of one name in two Unicode forms count as one file", async () => {
  await using fixture = await createFixture({ quotaFiles: 1 });
  using clients = await uploaders(fixture, 2);
  const [first, second] = clients.all as [Uploader, Uploader];
  const tag = await first.begin(content, { name: "\u00e9" });
  await first.send(tag, content, 0, 1);
  const other = await second.begin(content, { name: "e\u0301" });
  await second.send(other, content, 0, 1);
  assert.equal((await first.end(tag, content)).version, 1);
  await assert.rejects(second.end(other, content), { code: "other-form" });
});
