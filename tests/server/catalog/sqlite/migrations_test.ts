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

/** The schema as versions 1 to 8 created it, written again here: published schemas do not change. */
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
  `ALTER TABLE clients ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1));
   ALTER TABLE clients ADD COLUMN quota_bytes INTEGER;
   ALTER TABLE clients ADD COLUMN quota_files INTEGER;
   CREATE TABLE all_files (
     client_id BLOB NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
     name TEXT NOT NULL,
     version INTEGER NOT NULL,
     current INTEGER NOT NULL CHECK (current IN (0, 1)),
     path TEXT NOT NULL UNIQUE,
     size INTEGER NOT NULL,
     crc INTEGER NOT NULL,
     stored_at INTEGER NOT NULL,
     verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
     mtime INTEGER,
     digest BLOB,
     chunks BLOB,
     PRIMARY KEY (client_id, name, version)
   ) STRICT;
   INSERT INTO all_files
     SELECT client_id, name, 1, 1, path, size, crc, stored_at, verified, mtime, digest, chunks
     FROM files;
   DROP TABLE files;
   ALTER TABLE all_files RENAME TO files;
   CREATE UNIQUE INDEX current_files ON files (client_id, name) WHERE current = 1;
   -- What each client has stored, as the files are changed: to sum it up for every file that is stored takes ever longer.
   CREATE TABLE usage (
     client_id BLOB NOT NULL PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
     files INTEGER NOT NULL,
     bytes INTEGER NOT NULL
   ) STRICT;
   INSERT INTO usage SELECT client_id, sum(current), sum(size) FROM files GROUP BY client_id;
   CREATE TRIGGER file_added AFTER INSERT ON files BEGIN
     INSERT INTO usage VALUES (new.client_id, new.current, new.size)
       ON CONFLICT DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes;
   END;
   CREATE TRIGGER file_changed AFTER UPDATE OF client_id, current, size ON files BEGIN
     UPDATE usage SET files = files - old.current, bytes = bytes - old.size
       WHERE client_id = old.client_id;
     INSERT INTO usage VALUES (new.client_id, new.current, new.size)
       ON CONFLICT DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes;
   END;
   CREATE TRIGGER file_removed AFTER DELETE ON files BEGIN
     UPDATE usage SET files = files - old.current, bytes = bytes - old.size
       WHERE client_id = old.client_id;
   END;
   CREATE TABLE partials (
     client_id BLOB NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
     name TEXT NOT NULL,
     size INTEGER NOT NULL,
     mtime INTEGER NOT NULL,
     path TEXT NOT NULL UNIQUE,
     held INTEGER NOT NULL,
     sums BLOB NOT NULL,
     updated_at INTEGER NOT NULL,
     PRIMARY KEY (client_id, name)
   ) STRICT;
   CREATE TABLE tokens (
     hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
     client_id BLOB REFERENCES clients (id) ON DELETE CASCADE,
     uses_left INTEGER NOT NULL,
     expires_at INTEGER NOT NULL,
     made_at INTEGER NOT NULL
   ) STRICT;`,
  `ALTER TABLE files ADD COLUMN content BLOB;`,
  `ALTER TABLE files ADD COLUMN damage TEXT CHECK (damage IN ('missing', 'size', 'content'));
   -- Files that a repair moves to quarantine, from before the move until their rows are gone.
   CREATE TABLE repairs (path TEXT NOT NULL PRIMARY KEY, moved_to TEXT, record TEXT NOT NULL) STRICT;`,
  `-- What an operator calls an invitation, and how many have registered with it.
   ALTER TABLE tokens ADD COLUMN label TEXT;
   ALTER TABLE tokens ADD COLUMN used INTEGER NOT NULL DEFAULT 0;`,
  `-- Content and digests of chunks are in a table of their own: renaming a file or making it history must not write them
  -- again.
  CREATE TABLE contents (
    file INTEGER NOT NULL PRIMARY KEY,
    chunks BLOB,
    content BLOB
  ) STRICT;
  CREATE TABLE entries (
    id INTEGER NOT NULL PRIMARY KEY,
    client_id BLOB NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    -- In Unicode normalization form C.
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    current INTEGER NOT NULL CHECK (current IN (0, 1)),
    kind INTEGER NOT NULL DEFAULT 0 CHECK (kind IN (0, 1, 2)),
    mode INTEGER,
    path TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    ended_at INTEGER,
    stored_by BLOB,
    verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
    mtime INTEGER,
    mtime_ns INTEGER NOT NULL DEFAULT 0,
    digest BLOB,
    damage TEXT CHECK (damage IN ('missing', 'size', 'content')),
    -- The name as the client gave it, if it differs.
    given TEXT,
    UNIQUE (client_id, name, version),
    CHECK ((current = 1) = (ended_at IS NULL))
  ) STRICT;
  INSERT INTO entries (client_id, name, version, current, path, size, crc, stored_at, ended_at,
      verified, mtime, digest, damage)
    SELECT client_id, name, version, current, path, size, crc, stored_at,
      CASE current WHEN 0 THEN CAST(strftime('%s', 'now') AS INTEGER) * 1000 END,
      verified, mtime, digest, damage
    FROM files ORDER BY client_id, name, version;
  INSERT INTO contents
    SELECT id, chunks, content FROM files JOIN entries USING (path)
    WHERE chunks IS NOT NULL OR content IS NOT NULL ORDER BY id;
  DROP TABLE files;
  ALTER TABLE entries RENAME TO files;
  CREATE UNIQUE INDEX current_files ON files (client_id, name) WHERE current = 1;
  CREATE INDEX account_history ON files (client_id, ended_at) WHERE current = 0;
  CREATE INDEX history ON files (ended_at) WHERE current = 0;
  -- History outside the catalog: deleting it makes room on the disk.
  CREATE INDEX blob_history ON files (ended_at)
    WHERE current = 0 AND substr(path, 1, 8) <> 'catalog/';
  CREATE INDEX damaged_files ON files (client_id, name) WHERE damage IS NOT NULL;
  CREATE INDEX given_names ON files (client_id, name) WHERE given IS NOT NULL;
  -- The columns files and bytes count current files. History does not count towards a quota.
  DROP TABLE usage;
  CREATE TABLE usage (
    client_id BLOB NOT NULL PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    history_files INTEGER NOT NULL,
    history_bytes INTEGER NOT NULL
  ) STRICT;
  INSERT INTO usage
    SELECT client_id, sum(current), sum(current * size), sum(1 - current), sum((1 - current) * size)
    FROM files GROUP BY client_id;
  CREATE TRIGGER file_added AFTER INSERT ON files BEGIN
    INSERT INTO usage VALUES (new.client_id, new.current, new.current * new.size,
        1 - new.current, (1 - new.current) * new.size)
      ON CONFLICT DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes,
        history_files = history_files + excluded.history_files,
        history_bytes = history_bytes + excluded.history_bytes;
  END;
  CREATE TRIGGER file_changed AFTER UPDATE OF current, size ON files BEGIN
    UPDATE usage SET files = files + new.current - old.current,
        bytes = bytes + new.current * new.size - old.current * old.size,
        history_files = history_files - new.current + old.current,
        history_bytes = history_bytes + (1 - new.current) * new.size - (1 - old.current) * old.size
      WHERE client_id = new.client_id;
  END;
  CREATE TRIGGER file_removed AFTER DELETE ON files BEGIN
    DELETE FROM contents WHERE file = old.id;
    UPDATE usage SET files = files - old.current, bytes = bytes - old.current * old.size,
        history_files = history_files - (1 - old.current),
        history_bytes = history_bytes - (1 - old.current) * old.size
      WHERE client_id = old.client_id;
  END;
  ALTER TABLE partials ADD COLUMN mtime_ns INTEGER NOT NULL DEFAULT 0;
  -- Whether a commit has reserved the blob, which is garbage only after a crash.
  ALTER TABLE orphans ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved IN (0, 1));`,
];

const NONE = { files: 0, bytes: 0 };
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
    ...SCHEMAS.map(plain).map((text) => text.trim()),
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
  const seen = { firstSeen: 1, lastSeen: 2, disabled: false, quota: {} };
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
