/** A server whose accounts and files are in a database and an object store. */
import assert from "node:assert/strict";
import { UnavailableError } from "../../../protocol/errors.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import type { SharedCatalog } from "../../../server/catalog/shared_catalog.ts";
import { listUsers } from "../../../server/operator/users.ts";
import { areEqual, pseudoRandomBytes } from "../../support/bytes.ts";
import { ServerLog } from "../../support/server_log.ts";
import {
  clusterSecret,
  type Elsewhere,
  elsewhereForReal,
  ElsewhereInMemory,
  optionsOf,
} from "../../support/store/elsewhere.ts";
import { seedDataFolder } from "../../support/store/seeded_folder.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";
import { kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { Fixture, got, put, startServer } from "../../support/v4/fixture.ts";
import { Uploader } from "../../support/v4/raw_client.ts";

const PART_SIZE = 2 * CHUNK_SIZE;
const content = pseudoRandomBytes(7 * CHUNK_SIZE + 3);

/** Collects the fingerprints of servers, which have other addresses each time. */
function noting() {
  const shown: string[] = [];
  return { shown, onNewServer: (fingerprint: string) => shown.push(fingerprint) > 0 };
}

const IMPLEMENTATIONS: Readonly<Record<string, () => Promise<Elsewhere>>> = {
  "in memory": () => Promise.resolve(new ElsewhereInMemory(PART_SIZE)),
  "PostgreSQL and S3": () => elsewhereForReal(PART_SIZE),
};

function test(
  what: string,
  body: (elsewhere: Elsewhere, fixture: Fixture) => Promise<void>,
): void {
  for (const [implementation, open] of Object.entries(IMPLEMENTATIONS)) {
    Deno.test(`stores elsewhere, ${implementation}: ${what}`, async () => {
      await using elsewhere = await open();
      await using fixture = await Fixture.create({}, optionsOf(elsewhere));
      await body(elsewhere, fixture);
    });
  }
}

test(
  "a server needs no data folder, and the next one has the same files and shows the same key",
  async (elsewhere, fixture) => {
    const { shown, onNewServer } = noting();
    {
      using client = await fixture.client("Alice", { onNewServer });
      const file = await fixture.source("a", content);
      assert.equal(typeof (await put(client, [{ file, name: "a" }]))[0], "number");
    }
    await using log = await ServerLog.take();
    await fixture.restart(optionsOf(elsewhere));
    const [started] = await log.awaits("server.listening");
    assert.equal(started?.["folder"], "postgres://db.example.org/xfer and s3://files/xfer");
    using client = await fixture.client("Alice", { onNewServer });
    assert.ok(areEqual(await got(client, "a"), content));
    assert.equal(shown.length, 2);
    assert.equal(shown[0], shown[1]);
    await assert.rejects(Deno.stat(fixture.data), Deno.errors.NotFound);
  },
);

test(
  "without the secret of the cluster, the next server does not start",
  async (elsewhere, fixture) => {
    await fixture.server.close();
    const other = { ...optionsOf(elsewhere), clusterSecret: clusterSecret("x".repeat(32)) };
    await assert.rejects(startServer(fixture.data, {}, other), { code: "cluster-secret-wrong" });
    fixture.server = await startServer(fixture.data, {}, optionsOf(elsewhere));
  },
);

test("entries are renamed, removed and listed over protocol 4", async (_, fixture) => {
  using client = await fixture.client("Alice");
  await put(client, [{ file: await fixture.source("a", content), name: "dir/a" }]);
  await put(client, [{ file: await fixture.source("b", content.slice(1)), name: "dir/b" }]);
  await client.rename("dir", "other");
  await client.remove("other/b");
  const names: string[] = [];
  await client.list("", ({ name }) => names.push(name));
  assert.deepEqual(names, ["other/a"]);
  assert.ok(
    areEqual(await got(client, "other/a", { from: CHUNK_SIZE }), content.slice(CHUNK_SIZE)),
  );
});

test("an upload resumes at its last whole part after a restart", async (elsewhere, fixture) => {
  (await fixture.client("Alice"))[Symbol.dispose]();
  {
    using alice = await Uploader.login(fixture, "Alice");
    const { tag } = await alice.resume(content);
    await alice.send(tag, content, 0, 1, 2, 3, 4);
    await assert.rejects(alice.settle());
  }
  await fixture.restart(optionsOf(elsewhere));
  using alice = await Uploader.login(fixture, "Alice");
  const { tag, offset } = await alice.resume(content);
  assert.equal(offset, 2 * PART_SIZE);
  await alice.send(tag, content, 4, 5, 6, 7);
  await alice.end(tag, content);
  assert.deepEqual(elsewhere.counts, { blobs: 1, uploads: 0 });
});

Deno.test(
  "stores elsewhere: an upload whose commit the database does not answer resumes",
  async () => {
    const elsewhere = new ElsewhereInMemory(PART_SIZE);
    let isAway = false;
    const catalog = async (url: string): Promise<SharedCatalog> => {
      const shared = await elsewhere.openers.catalog(url);
      const away = () => Promise.reject(new UnavailableError("unavailable", "it is away"));
      const intercepted = interceptedCatalog(
        shared,
        (method, _args, next) => isAway && method === "blobs.reserve" ? away() : next(),
      );
      return { ...shared, ...intercepted };
    };
    await using fixture = await Fixture.create(
      {},
      optionsOf({ openers: { ...elsewhere.openers, catalog } }),
    );
    (await fixture.client("Alice"))[Symbol.dispose]();
    {
      using alice = await Uploader.login(fixture, "Alice");
      const { tag } = await alice.resume(content);
      await alice.send(tag, content, 0, 1, 2, 3, 4);
      await assert.rejects(alice.settle());
    }
    using alice = await Uploader.login(fixture, "Alice");
    const { tag } = await alice.resume(content);
    await alice.send(tag, content, 4, 5, 6, 7);
    isAway = true;
    await assert.rejects(alice.end(tag, content), { code: "unavailable" });
    isAway = false;
    using again = await Uploader.login(fixture, "Alice");
    const resumed = await again.resume(content);
    assert.equal(resumed.offset, 2 * PART_SIZE);
    await again.send(resumed.tag, content, 4, 5, 6, 7);
    await again.end(resumed.tag, content);
    assert.deepEqual(elsewhere.counts, { blobs: 1, uploads: 0 });
  },
);

test("files are stored over protocol 3", async (elsewhere, fixture) => {
  using peer = await RawClient.connect(fixture.server.address);
  await peer.enrol("Carol");
  await peer.sendFile("good", content);
  assert.equal(kindOf(await peer.judge("crcValid", "good")), "messageReceived");
  assert.deepEqual(elsewhere.counts, { blobs: 1, uploads: 0 });
});

Deno.test("stores elsewhere: contents alone can be in an object store", async () => {
  const elsewhere = new ElsewhereInMemory(PART_SIZE);
  const { catalog: _, ...blobs } = optionsOf(elsewhere);
  await using fixture = await Fixture.create({}, blobs);
  const { shown, onNewServer } = noting();
  {
    using client = await fixture.client("Alice", { onNewServer });
    await put(client, [{ file: await fixture.source("a", content), name: "a" }]);
  }
  assert.deepEqual(elsewhere.counts, { blobs: 1, uploads: 0 });
  assert.deepEqual((await listUsers(fixture.data)).map(({ name }) => name), ["Alice"]);
  await fixture.restart(blobs);
  using client = await fixture.client("Alice", { onNewServer });
  assert.ok(areEqual(await got(client, "a"), content));
  assert.equal(shown[0], shown[1]);
  assert.deepEqual([...Deno.readDirSync(fixture.data)].filter(({ name }) => name === "files"), []);
});

Deno.test("stores elsewhere: the catalog alone can be in a database", async () => {
  const elsewhere = new ElsewhereInMemory(PART_SIZE);
  const { blobs: _, ...catalog } = optionsOf(elsewhere);
  await using fixture = await Fixture.create({}, catalog);
  {
    using client = await fixture.client("Alice");
    await put(client, [{ file: await fixture.source("a", content), name: "a" }]);
  }
  await fixture.restart(catalog);
  using client = await fixture.client("Alice");
  assert.ok(areEqual(await got(client, "a"), content));
  assert.equal(fixture.blobs("files").length, 1);
  await assert.rejects(Deno.stat(fixture.folder.join("data", "catalog.db")), Deno.errors.NotFound);
});

for (
  const [what, prepare] of [
    [
      "of a server that has its catalog there",
      (folder: string) => seedDataFolder(folder, { secure: true }),
    ],
    ["with other files", async (folder: string) => {
      await Deno.mkdir(folder, { mode: 0o700 });
      await Deno.writeTextFile(`${folder}/letter`, "");
    }],
    ["of another database", async (folder: string) => {
      const { blobs: _, ...other } = optionsOf(new ElsewhereInMemory(PART_SIZE));
      await (await startServer(folder, {}, other)).close();
    }],
  ] as const
) {
  Deno.test(`stores elsewhere: a folder ${what} is refused for contents`, async () => {
    await using folder = await TemporaryFolder.create();
    const data = folder.join("data");
    await prepare(data);
    const before = await Array.fromAsync(Deno.readDir(data));
    const { blobs: _, ...catalog } = optionsOf(new ElsewhereInMemory(PART_SIZE));
    await assert.rejects(startServer(data, {}, catalog), { code: "blobs-of-other-catalog" });
    assert.deepEqual(await Array.fromAsync(Deno.readDir(data)), before);
  });
}
