/** A catalog of an earlier xfer is brought up to date with all that is in it. */
import assert from "node:assert/strict";
import { type Bytes, restore } from "../../mod.ts";
import { MIGRATIONS } from "../../server/store/migrations.ts";
import { SqliteCatalog } from "../../server/store/sqlite_catalog.ts";
import { pseudoRandomBytes } from "../helpers/bytes.ts";
import { openDatabase } from "../helpers/database.ts";
import { TemporaryFolder } from "../helpers/temporary.ts";

/** The schema as versions 1 to 3 of it made it, written down again: what is published does not change. */
const SCHEMAS = [
  `CREATE TABLE clients (id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16), name TEXT NOT NULL UNIQUE,
     public_key BLOB, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL) STRICT;
   CREATE TABLE files (client_id BLOB NOT NULL REFERENCES clients (id) ON DELETE CASCADE, name TEXT NOT NULL,
     path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, crc INTEGER NOT NULL, stored_at INTEGER NOT NULL,
     verified INTEGER NOT NULL CHECK (verified IN (0, 1)), PRIMARY KEY (client_id, name)) STRICT;
   CREATE TABLE orphans (path TEXT NOT NULL PRIMARY KEY) STRICT;`,
  `ALTER TABLE clients ADD COLUMN edition TEXT NOT NULL DEFAULT '2023c';
   ALTER TABLE clients ADD COLUMN habits TEXT NOT NULL DEFAULT '';`,
  `CREATE TABLE keys (client_id BLOB NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
     key BLOB NOT NULL CHECK (length(key) = 32), added_at INTEGER NOT NULL, PRIMARY KEY (client_id, key)) STRICT;
   ALTER TABLE files ADD COLUMN mtime INTEGER;
   ALTER TABLE files ADD COLUMN digest BLOB;
   ALTER TABLE files ADD COLUMN chunks BLOB;`,
];

const id = (seed: number) => pseudoRandomBytes(16, seed);
const publicKey = pseudoRandomBytes(160);
const key = pseudoRandomBytes(32, 2);
const digest = pseudoRandomBytes(32, 3);
const chunks = pseudoRandomBytes(96, 4);

/** A catalog of an older schema, with two clients, and files of the first. */
function write(path: string, version: number): void {
  using database = openDatabase(path);
  for (const script of SCHEMAS.slice(0, version)) database.exec(script);
  database.exec(`PRAGMA user_version = ${version}`);
  const client = database.prepare(
    "INSERT INTO clients (id, name, public_key, first_seen, last_seen) VALUES (?, ?, ?, 1, 2)",
  );
  client.run(id(1), "Alice", publicKey);
  client.run(id(2), "Bob", null);
  const file = database.prepare(
    `INSERT INTO files (client_id, name, path, size, crc, stored_at, verified)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  file.run(id(1), "a", "files/1/a", 10, 2 ** 32 - 1, 1000, 1);
  file.run(id(1), "ü", "files/1/b", 2 ** 32, 0, 2000, 0);
  database.prepare("INSERT INTO orphans VALUES ('files/1/c')").run();
  if (version < 2) return;
  database.prepare("UPDATE clients SET edition = '2024', habits = 'frames' WHERE name = 'Bob'")
    .run();
  if (version < 3) return;
  database.prepare("UPDATE clients SET edition = '4' WHERE name = 'Alice'").run();
  database.prepare("INSERT INTO keys VALUES (?, ?, 5)").run(id(1), key);
  database.prepare("UPDATE files SET mtime = 7, digest = ?, chunks = ? WHERE name = 'a'")
    .run(digest, chunks);
}

Deno.test("migrations: what was published is as it was", () => {
  const plain = (script: string) => script.replace(/\s+/g, " ").replace(/ ?([(),;]) ?/g, "$1");
  assert.deepEqual(MIGRATIONS.slice(0, 3).map(plain).map((text) => text.trim()), [
    ...SCHEMAS.map(plain).map((text) => text.trim()),
  ]);
});

for (const version of [1, 2, 3]) {
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
  const speech = (edition: string, ...habits: string[]) => ({ edition, habits });
  const seen = { firstSeen: 1, lastSeen: 2, disabled: false, quota: {} };
  assert.deepEqual(await catalog.listClients(), [
    {
      ...{ id: id(1), name: "Alice", publicKey, ...seen },
      speech: version < 3 ? speech("2023c") : speech("4"),
    },
    {
      ...{ id: id(2), name: "Bob", publicKey: undefined, ...seen },
      speech: version < 2 ? speech("2023c") : speech("2024", "frames"),
    },
  ]);
  const stored = (name: string, path: string, size: number, crc: number, storedAt: number) => ({
    ...{ clientId: id(1), name, version: 1, current: true, path, size, crc, storedAt },
  });
  const tree = version < 3 ? {} : { tree: { mtime: 7, digest } };
  const files = [
    { ...stored("a", "files/1/a", 10, 2 ** 32 - 1, 1000), verified: true, ...tree },
    { ...stored("ü", "files/1/b", 2 ** 32, 0, 2000), verified: false },
  ];
  assert.deepEqual(await catalog.listFiles(id(1)), files);
  assert.deepEqual(await catalog.listFilesBelow(id(1), "", "", 9), files);
  assert.deepEqual(await catalog.findFile(id(1), "a"), files[0]);
  assert.deepEqual(await catalog.findFile(id(1), "a", 1), files[0]);
  assert.deepEqual(await catalog.findChunks("files/1/a"), version < 3 ? undefined : chunks);
  const keys = (await catalog.findAccount(id(1)))?.keys.map(({ key }) => key);
  assert.deepEqual(keys, version < 3 ? [] : [key]);
  assert.deepEqual(await catalog.usage(id(1)), { files: 2, bytes: 2 ** 32 + 10 });
  assert.deepEqual(await catalog.usage(id(2)), { files: 0, bytes: 0 });
  assert.deepEqual(await catalog.listOrphans(), ["files/1/c"]);
  assert.deepEqual(await catalog.listFaults(), []);
}

Deno.test("migrations: a migrated file is replaced, kept and counted like any other", async () => {
  await using folder = await TemporaryFolder.create();
  write(folder.join("catalog.db"), 3);
  await using catalog = SqliteCatalog.open(folder.join("catalog.db"));
  const next = (path: string): Parameters<typeof catalog.storeFile> => [
    {
      ...{ clientId: id(1), name: "a", path, size: 5, crc: 1 },
      ...{ storedAt: 3000, verified: true, tree: { mtime: 1, digest } },
    },
    { keep: 1, chunks: new Uint8Array(0) as Bytes },
  ];
  assert.deepEqual(await catalog.storeFile(...next("files/1/d")), { version: 2, dropped: [] });
  assert.deepEqual(await catalog.usage(id(1)), { files: 2, bytes: 2 ** 32 + 15 });
  assert.deepEqual(await catalog.storeFile(...next("files/1/e")), {
    ...{ version: 3, dropped: ["files/1/a"] },
  });
  assert.deepEqual(await catalog.usage(id(1)), { files: 2, bytes: 2 ** 32 + 10 });
});

Deno.test("migrations: a backup that an older xfer made is restored, and stays as it is", async () => {
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
  assert.equal((await catalog.findClientByName("Bob"))?.speech.edition, "2024");
});
