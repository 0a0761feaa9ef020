/** Migrations bring a catalog of an earlier xfer up to date, with all of its data. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../../protocol/bytes.ts";
import { backup, listBackup, restore } from "../../../../server/operator/mod.ts";
import { MIGRATIONS } from "../../../../server/catalog/sqlite/migrations.ts";
import { SqliteCatalog } from "../../../../server/catalog/sqlite/sqlite_catalog.ts";
import { pseudoRandomBytes } from "../../../support/bytes.ts";
import { openDatabase, tamper } from "../../../support/store/database.ts";
import { TemporaryFolder } from "../../../support/temporary_folder.ts";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import { blobId } from "../../../support/store/ids.ts";
import type { BlobId } from "../../../../server/blobs/blob_store.ts";
import { PUBLISHED_SCHEMAS } from "./published_schemas.ts";

const NONE = { files: 0, bytes: 0 };
const id = (seed: number) => pseudoRandomBytes(16, seed);
const publicKey = pseudoRandomBytes(160);
const key = pseudoRandomBytes(32, 2);
const digest = pseudoRandomBytes(32, 3);
const chunks = pseudoRandomBytes(96, 4);

/** A catalog of an older schema, with two clients, and files of the first. */
function write(path: string, version: number): void {
  using database = openDatabase(path);
  for (const script of PUBLISHED_SCHEMAS.slice(0, version)) database.exec(script);
  database.exec(`PRAGMA user_version = ${version}`);
  const client = database.prepare(
    "INSERT INTO clients (id, name, public_key, first_seen, last_seen) VALUES (?, ?, ?, 1, 2)",
  );
  client.run(id(1), "Alice", publicKey);
  client.run(id(2), "Bob", null);
  const [columns, values] = version < 4 ? ["", ""] : ["version, current, ", "1, 1, "];
  const file = database.prepare(
    `INSERT INTO files (${columns}client_id, name, path, size, crc, stored_at, verified)
     VALUES (${values}?, ?, ?, ?, ?, ?, ?)`,
  );
  file.run(id(1), "a", blobId("files/1/a"), 10, 2 ** 32 - 1, 1000, 1);
  file.run(id(1), "ü", blobId("files/1/b"), 2 ** 32, 0, 2000, 0);
  database.prepare("INSERT INTO orphans (path) VALUES ('files/1/c')").run();
  if (version < 2) return;
  database.prepare("UPDATE clients SET edition = '2024', habits = 'frames' WHERE name = 'Bob'")
    .run();
  if (version < 3) return;
  database.prepare("UPDATE clients SET edition = '4' WHERE name = 'Alice'").run();
  database.prepare("INSERT INTO keys VALUES (?, ?, 5)").run(id(1), key);
  database.prepare("UPDATE files SET mtime = 7, digest = ? WHERE name = 'a'").run(digest);
  const addChunks = version < 8
    ? "UPDATE files SET chunks = ? WHERE name = 'a'"
    : "INSERT INTO contents (file, chunks) SELECT id, ? FROM files WHERE name = 'a'";
  database.prepare(addChunks).run(chunks);
}

Deno.test("migrations: the published schemas are unchanged", () => {
  const plain = (script: string) => script.replace(/\s+/g, " ").replace(/ ?([(),;]) ?/g, "$1");
  assert.deepEqual(MIGRATIONS.slice(0, 8).map(plain).map((text) => text.trim()), [
    ...PUBLISHED_SCHEMAS.map(plain).map((text) => text.trim()),
  ]);
});

for (const version of [1, 2, 3, 4, 5, 6, 7, 8]) {
  Deno.test(`migrations: a catalog of schema ${version} keeps its clients, files, keys and orphans`, async () => {
    await using folder = await TemporaryFolder.create();
    const path = folder.join("catalog.db");
    write(path, version);
    assert.throws(() => SqliteCatalog.openToRead(path), { code: "catalog-too-old" });
    for (let opened = 0; opened < 2; opened++) {
      await using catalog = SqliteCatalog.open(path);
      await compare(catalog, version);
    }
    await using reader = SqliteCatalog.openToRead(path);
    await compare(reader, version);
  });
}

async function compare(catalog: SqliteCatalog, version: number): Promise<void> {
  const storedProfile = (edition: string, ...quirks: string[]) => ({ edition, quirks });
  const seen = { firstSeen: 1, lastSeen: 2, disabled: false, quota: {}, access: "full" };
  assert.deepEqual(await catalog.accounts.list(), [
    {
      ...{ id: id(1), name: "Alice", publicKey, ...seen },
      storedProfile: version < 3 ? storedProfile("2023c") : storedProfile("4"),
      ...{ protocol: version < 3 ? 3 : 4, keys: version < 3 ? 0 : 1, history: NONE },
      usage: { files: 2, bytes: 2 ** 32 + 10 },
    },
    {
      ...{ id: id(2), name: "Bob", publicKey: undefined, ...seen },
      storedProfile: version < 2 ? storedProfile("2023c") : storedProfile("2024", "frames"),
      ...{ protocol: 3, keys: 0, history: NONE, usage: NONE },
    },
  ]);
  const stored = (name: string, path: string, size: number, crc: number, storedAt: number) => ({
    ...{ accountId: id(1), name, version: 1, current: true, kind: "file", size, crc, storedAt },
    content: { kind: "blob", id: path },
  });
  const tree = version < 3 ? {} : { tree: { mtime: 7_000_000n, digest }, confirmedAt: 1000 };
  const files = [
    { ...stored("a", blobId("files/1/a"), 10, 2 ** 32 - 1, 1000), verified: true, ...tree },
    { ...stored("ü", blobId("files/1/b"), 2 ** 32, 0, 2000), verified: false },
  ];
  assert.deepEqual(await catalog.files.listAll(id(1)), files);
  assert.deepEqual(await catalog.files.list(id(1), { limit: 9 }), files);
  assert.deepEqual(await catalog.files.find(id(1), "a"), files[0]);
  assert.deepEqual(await catalog.files.find(id(1), "a", { version: 1 }), files[0]);
  assert.deepEqual(
    await catalog.files.chunkDigests(blobId("files/1/a")),
    version < 3 ? undefined : chunks,
  );
  const keys = (await catalog.accounts.find({ id: id(1) }))?.keys.map(({ key }) => key);
  assert.deepEqual(keys, version < 3 ? [] : [key]);
  assert.deepEqual(await usageOf(catalog, id(1)), { files: 2, bytes: 2 ** 32 + 10 });
  assert.deepEqual(await usageOf(catalog, id(2)), { files: 0, bytes: 0 });
  assert.deepEqual(await catalog.blobs.garbage(undefined, 9), [blobId("files/1/c")]);
  assert.deepEqual(await catalog.repairs.list(), []);
  assert.deepEqual(await catalog.faults(), []);
}

Deno.test("migrations: a migrated file can be marked as damaged, and repaired", async () => {
  await using folder = await TemporaryFolder.create();
  write(folder.join("catalog.db"), 5);
  await using catalog = SqliteCatalog.open(folder.join("catalog.db"));
  assert.equal(await catalog.files.setDamage(blobId("files/1/a"), "content"), true);
  assert.equal(await catalog.files.setDamage(blobId("files/1/a"), "content"), false);
  assert.equal((await catalog.files.find(id(1), "a"))?.damage, "content");
  assert.equal(await catalog.files.setDamage(blobId("files/1/a"), undefined), true);
  assert.equal((await catalog.files.find(id(1), "a"))?.damage, undefined);
  assert.equal(await catalog.files.setDamage(blobId("files/1/none"), "missing"), false);
});

Deno.test("migrations: a migrated file is overwritten, kept and counted like any other", async () => {
  await using folder = await TemporaryFolder.create();
  write(folder.join("catalog.db"), 5);
  await using catalog = SqliteCatalog.open(folder.join("catalog.db"));
  const next = (path: BlobId): Parameters<typeof catalog.files.commit> => [
    {
      ...{ accountId: id(1), name: "a", content: { kind: "blob", id: path }, size: 5, crc: 1 },
      ...{ storedAt: 3000, verified: true, tree: { mtime: 1n, digest } },
    },
    { keepHistory: true, chunks: new Uint8Array(0) as Bytes },
  ];
  const replaced = (version: number) => ({ version, byOther: false });
  assert.deepEqual(await catalog.files.commit(...next(blobId("files/1/d"))), {
    ...{ version: 2, replaced: replaced(1), garbage: [], hasSurplus: false },
  });
  assert.deepEqual(await usageOf(catalog, id(1)), { files: 2, bytes: 2 ** 32 + 5 });
  assert.deepEqual((await catalog.files.usage(id(1))).history, { files: 1, bytes: 10 });
  assert.deepEqual((await catalog.files.expireHistory(3001, 9)).garbage, [blobId("files/1/a")]);
});

Deno.test("migrations: old versions become history that ends now", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("catalog.db");
  write(path, 7);
  tamper(
    path,
    `UPDATE files SET current = 0 WHERE name = 'a';
     INSERT INTO files (client_id, name, version, current, path, size, crc, stored_at, verified,
         content, mtime, digest, chunks, damage)
       SELECT client_id, name, 2, 1, 'catalog/1', 3, 1, 5000, 1, x'010203', 9, digest, x'04', NULL
       FROM files WHERE name = 'a';
     UPDATE files SET damage = 'content' WHERE name = 'a' AND version = 1;
     INSERT INTO partials VALUES ((SELECT client_id FROM files LIMIT 1), 'p', 9, -1, 'staging/1', 5,
       x'00', 6);`,
  );
  const before = Math.floor(Date.now() / 1000) * 1000;
  await using catalog = SqliteCatalog.open(path);
  const [current, old] = await catalog.files.versions(id(1), "a", { limit: 9 });
  assert.deepEqual(current, {
    ...{ accountId: id(1), name: "a", version: 2, current: true, kind: "file", size: 3, crc: 1 },
    ...{ content: { kind: "inline", id: "catalog/1" }, storedAt: 5000, verified: true },
    ...{ tree: { mtime: 9_000_000n, digest }, confirmedAt: 5000 },
  });
  assert.deepEqual([old?.version, old?.current, old?.damage], [1, false, "content"]);
  assert.ok((old?.endedAt ?? 0) >= before && (old?.endedAt ?? 0) <= Date.now());
  assert.deepEqual(await catalog.files.content(blobId("catalog/1")), new Uint8Array([1, 2, 3]));
  assert.deepEqual(await catalog.files.chunkDigests(blobId("catalog/1")), new Uint8Array([4]));
  assert.deepEqual(await catalog.files.chunkDigests(blobId("files/1/a")), chunks);
  const { bytes, files, history } = await catalog.files.usage(id(1));
  assert.deepEqual([bytes, files, history], [2 ** 32 + 8, 2, { bytes: 10, files: 1 }]);
  assert.equal((await catalog.uploads.find(id(1), "p"))?.mtime, -1_000_000n);
  assert.deepEqual(await catalog.files.restore(id(1), "a", { now: 6000, keepHistory: true }), {
    ...{ entries: 1, bytes: 10, garbage: [], hasSurplus: false },
  });
});

Deno.test("migrations: files of schema 8 are counted as before, and those of no digest are unconfirmed", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("catalog.db");
  write(path, 8);
  tamper(path, "UPDATE files SET damage = 'content', digest = zeroblob(32) WHERE name = 'ü'");
  await using catalog = SqliteCatalog.open(path);
  const [a, other] = await catalog.files.list(id(1), { limit: 9 });
  assert.deepEqual([a?.confirmedAt, other?.confirmedAt, other?.damage], [
    ...[1000, undefined, "content"],
  ]);
  const added = {
    ...{ accountId: id(1), name: "b", content: { kind: "blob", id: blobId("files/1/d") } as const },
    ...{ size: 5, crc: 1, storedAt: 3000, verified: true, tree: { mtime: 1n, digest } },
  };
  await catalog.files.commit(added);
  assert.deepEqual(await usageOf(catalog, id(1)), { files: 3, bytes: 2 ** 32 + 15 });
  await catalog.files.remove(id(1), "b", { now: 4000 });
  assert.deepEqual(await usageOf(catalog, id(1)), { files: 2, bytes: 2 ** 32 + 10 });
});

Deno.test("migrations: names that differ only in form are all kept", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("catalog.db");
  write(path, 7);
  const forms = ["\u00c5", "A\u030a", "\u212b", "o\u0308"];
  using database = openDatabase(path);
  const insert = database.prepare(
    `INSERT INTO files (client_id, name, version, current, path, size, crc, stored_at, verified)
     VALUES (?, ?, ?, ?, ?, 1, 1, 1, 1)`,
  );
  for (const [i, form] of forms.entries()) {
    for (const version of [1, 2]) {
      insert.run(id(1), form, version, version - 1, `files/2/${i}${version}`);
    }
  }
  await using catalog = SqliteCatalog.open(path);
  const found = (await catalog.files.listAll(id(1))).slice(1)
    .map(({ name, version, content }) => `${name} ${version} ${content.id}`);
  assert.deepEqual(found, [
    ...["\u00c5 1 files/2/01", "\u00c5 2 files/2/02"],
    ...["\u00c5 (2) 1 files/2/11", "\u00c5 (2) 2 files/2/12"],
    ...["\u00c5 (3) 1 files/2/21", "\u00c5 (3) 2 files/2/22"],
    ...["o\u0308 1 files/2/31", "o\u0308 2 files/2/32"],
    "\u00fc 1 files/1/b",
  ]);
  assert.equal((await catalog.files.find(id(1), "\u00f6"))?.content.id, blobId("files/2/32"));
});

Deno.test("migrations: a backup by an older xfer is restored, and is not modified", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("backup", "files", "1"), { recursive: true });
  const path = folder.join("backup", "backup.db");
  write(path, 2);
  const before = await Deno.readFile(path);
  await folder.write("backup/files/1/a", "not what the catalog has");
  const report = await restore(folder.join("backup"), folder.join("data"));
  assert.deepEqual([report.files, report.damaged.map(({ name }) => name)], [0, ["a", "ü"]]);
  assert.deepEqual(await Deno.readFile(path), before);
  await using catalog = SqliteCatalog.openToRead(folder.join("data", "catalog.db"));
  assert.equal((await catalog.accounts.find({ name: "Bob" }))?.storedProfile.edition, "2024");
});

Deno.test("migrations: a backup by an older xfer gets another state, and its own state is not modified", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("backup", "files", "1"), { recursive: true });
  const path = folder.join("backup", "backup.db");
  write(path, 2);
  const before = await Deno.readFile(path);
  const contents = ["a", "0".repeat(32)].map((name) => folder.join("backup", "files", "1", name));
  for (const content of contents) await Deno.writeTextFile(content, "of the old state, or none");
  await restore(folder.join("backup"), folder.join("data"));
  const { state, newFiles } = await backup(folder.join("data"), folder.join("backup"));
  assert.deepEqual(await Deno.readFile(path), before);
  const states = await listBackup(folder.join("backup"));
  assert.deepEqual([states[0]?.files, states[1]?.name, newFiles], [2, state, 0]);
});

async function usageOf(catalog: Catalog, owner: Bytes) {
  const { bytes, files } = await catalog.files.usage(owner);
  return { files, bytes };
}
