/** The usage of accounts, and the largest files. */
import assert from "node:assert/strict";
import { backup, importFiles, type LargeFile, measureUsage } from "../../../server/operator/mod.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { Fixture, put } from "../../support/v4/fixture.ts";
import { Uploader } from "../../support/v4/raw_client.ts";

const MONTH_MS = 30 * 24 * 3600 * 1000;

async function store(fixture: Fixture, user: string, name: string, size: number) {
  using client = await fixture.client(user);
  const file = await fixture.source(`source-${size}`, pseudoRandomBytes(size, size));
  assert.equal(typeof (await put(client, [{ file, name }]))[0], "number");
}

/** Bob has most, Alice has history and a partial upload, Carol has nothing. */
async function createStore(): Promise<Fixture> {
  const fixture = await Fixture.create({ historyMs: MONTH_MS });
  await store(fixture, "Alice", "a", 300);
  await store(fixture, "Alice", "a", 200);
  await store(fixture, "Alice", "b", 50);
  await store(fixture, "Bob", "large", 3 * CHUNK_SIZE);
  (await fixture.client("Carol"))[Symbol.dispose]();
  const content = pseudoRandomBytes(2 * CHUNK_SIZE);
  {
    using alice = await Uploader.login(fixture, "Alice");
    const { transfer } = await alice.resume(content, { name: "partial" });
    using other = await Uploader.login(fixture, "Alice");
    const joined = await other.join(transfer);
    await other.send(joined, content, 0);
    await other.leave(joined);
  }
  await fixture.server.close();
  return fixture;
}

function shown(largest: readonly LargeFile[]): string[] {
  return largest.map(({ user, name, size, version, current }) =>
    `${user} ${name} ${size} ${version} ${current}`
  );
}

Deno.test("usage: accounts by size, with history and partial uploads, and the largest files and versions", async () => {
  await using fixture = await createStore();
  const { accounts, largest } = await measureUsage(fixture.data, { top: 3 });
  const none = { files: 0, bytes: 0 };
  assert.deepEqual(accounts.map(({ quota: _, ...account }) => account), [
    {
      user: "Bob",
      ...{ current: { files: 1, bytes: 3 * CHUNK_SIZE }, history: none, partialBytes: 0 },
    },
    {
      user: "Alice",
      ...{ current: { files: 2, bytes: 250 }, history: { files: 1, bytes: 300 } },
      partialBytes: CHUNK_SIZE,
    },
    { user: "Carol", current: none, history: none, partialBytes: 0 },
  ]);
  const expected = [
    `Bob large ${3 * CHUNK_SIZE} 1 true`,
    "Alice a 300 1 false",
    "Alice a 200 2 true",
    "Alice b 50 1 true",
  ];
  assert.deepEqual(shown(largest), expected.slice(0, 3));
  for (const top of [0, 1, 4, 100]) {
    const { largest } = await measureUsage(fixture.data, { top });
    assert.deepEqual(shown(largest), expected.slice(0, top));
  }
});

Deno.test("usage: folders count as entries, and are never among the largest files", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  await fixture.server.close();
  const folder = fixture.folder.join("photos");
  await Deno.mkdir(folder);
  await Deno.writeFile(`${folder}/sea.jpg`, pseudoRandomBytes(10));
  await importFiles({ dataFolder: fixture.data, userName: "Alice", paths: [folder] });
  const { accounts, largest } = await measureUsage(fixture.data, { top: 5 });
  assert.deepEqual(accounts.map(({ current }) => current), [{ files: 2, bytes: 10 }]);
  assert.deepEqual(shown(largest), ["Alice photos/sea.jpg 10 1 true"]);
});

Deno.test("usage: of a backup, which has no partial uploads", async () => {
  await using fixture = await createStore();
  await backup(fixture.data, fixture.folder.join("backup"));
  const location = { backup: fixture.folder.join("backup") };
  const { accounts, largest } = await measureUsage(location, { top: 1 });
  const sums = accounts.map(({ user, current, history, partialBytes }) =>
    [user, current.bytes, history.bytes, partialBytes].join(" ")
  );
  assert.deepEqual(sums, [`Bob ${3 * CHUNK_SIZE} 0 0`, "Alice 250 300 0", "Carol 0 0 0"]);
  assert.deepEqual(largest.map(({ name }) => name), ["large"]);
});
