/** Properties of SQLite only: how its database is opened, and which rows its statements read. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { MAX_INVITATIONS } from "../../../../server/catalog/bounds.ts";
import { SqliteCatalog } from "../../../../server/catalog/sqlite/sqlite_catalog.ts";
import { TemporaryFolder } from "../../../support/temporary_folder.ts";
import {
  alice,
  blob,
  enrolV3,
  id,
  inlineFile,
  KEEP,
  key,
  login,
  NO_QUOTA,
  partial,
  registration,
  stored,
  token,
  tree,
  upload,
  v3File,
  v4File,
  withBytes,
} from "../../../support/store/catalog_suite.ts";
import { openDatabase, tamper } from "../../../support/store/database.ts";

Deno.test("SqliteCatalog: a database of a later version is refused and not modified", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("catalog.db");
  await using _catalog = SqliteCatalog.open(path);
  using database = openDatabase(path);
  database.exec("PRAGMA user_version = 999");
  assert.throws(() => SqliteCatalog.open(path), { code: "catalog-too-new" });
  assert.deepEqual({ ...database.prepare("PRAGMA user_version").get() }, { user_version: 999 });
});

Deno.test("SqliteCatalog: it uses a write-ahead log, so that reads and writes run in parallel", async () => {
  await using folder = await TemporaryFolder.create();
  await using _catalog = SqliteCatalog.open(folder.join("catalog.db"));
  using database = openDatabase(folder.join("catalog.db"));
  assert.deepEqual({ ...database.prepare("PRAGMA journal_mode").get() }, { journal_mode: "wal" });
});

Deno.test("SqliteCatalog: every commit is synced to the disk", async () => {
  await using folder = await TemporaryFolder.create();
  const exec = DatabaseSync.prototype.exec;
  let opened: DatabaseSync | undefined;
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string) {
    opened = this;
    return exec.call(this, sql);
  };
  try {
    await using _catalog = SqliteCatalog.open(folder.join("catalog.db"));
    const FULL = 2;
    const row = opened?.prepare("PRAGMA synchronous").get();
    assert.deepEqual({ ...row }, { synchronous: FULL });
  } finally {
    DatabaseSync.prototype.exec = exec;
  }
});

Deno.test("SqliteCatalog: opening it to read modifies nothing, not even an older schema", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("catalog.db");
  {
    await using catalog = SqliteCatalog.open(path);
    await catalog.accounts.registerV3(registration());
  }
  {
    await using reader = SqliteCatalog.openToRead(path);
    assert.equal((await reader.accounts.list()).length, 1);
    await assert.rejects(reader.accounts.touch(alice, 1), /readonly/);
  }
  using database = openDatabase(path);
  database.exec("PRAGMA user_version = 1");
  assert.throws(() => SqliteCatalog.openToRead(path), { code: "catalog-too-old" });
  assert.deepEqual({ ...database.prepare("PRAGMA user_version").get() }, { user_version: 1 });
});

Deno.test("SqliteCatalog: all data persists after it was closed and opened", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("catalog.db");
  const all = async ({ accounts, files, uploads, blobs, tokens }: SqliteCatalog) => [
    ...[await accounts.list(), await files.listAll(alice), await uploads.find(alice, "file1")],
    ...[await blobs.garbage(undefined, 9), await tokens.invitations(1500)],
  ];
  let before: unknown;
  {
    await using catalog = SqliteCatalog.open(path);
    await enrolV3(catalog);
    await catalog.files.commit(v3File(1));
    await catalog.accounts.setProfile(alice, { edition: "2024", quirks: ["frames"] });
    await catalog.accounts.update(alice, { quota: { bytes: 50, files: Infinity } });
    await catalog.uploads.save(partial(1), { max: 9, quota: NO_QUOTA });
    await catalog.blobs.reserve(blob(2));
    await catalog.tokens.add(token(1, { label: "lab 3" }));
    before = await all(catalog);
  }
  await using again = SqliteCatalog.open(path);
  assert.deepEqual(await all(again), before);
  assert.deepEqual(await again.files.listAll(alice), [stored(v3File(1))]);
});

Deno.test("SqliteCatalog: missing content, or content of another size, is damaged", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("catalog.db");
  await using catalog = SqliteCatalog.open(path);
  await login(catalog);
  await catalog.files.commit(withBytes(inlineFile(1), key(1)));
  const damage = async () => (await catalog.files.find(alice, "a"))?.damage;
  assert.equal(await damage(), undefined);
  tamper(path, "UPDATE contents SET content = x'00'");
  assert.equal(await damage(), "size");
  tamper(path, "UPDATE contents SET content = NULL");
  assert.equal(await damage(), "missing");
});

Deno.test("SqliteCatalog: invitations are bounded; long-expired ones make room", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("catalog.db");
  await using catalog = SqliteCatalog.open(path);
  using database = openDatabase(path);
  database.exec(`PRAGMA busy_timeout = 5000;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${MAX_INVITATIONS - 1})
    INSERT INTO tokens (hash, uses_left, expires_at, made_at)
    SELECT randomblob(32), 1, 2000, 1000 FROM n`);
  assert.equal(await catalog.tokens.add(token(1)), true);
  assert.equal((await catalog.tokens.invitations(1500)).length, MAX_INVITATIONS);
  assert.equal(await catalog.tokens.add(token(2)), false);
  const later = 2000 + 31 * 24 * 60 * 60_000;
  assert.equal(await catalog.tokens.add(token(3, { madeAt: later, expiresAt: 2e12 })), true);
  const [row] = database.prepare("SELECT count(*) AS count FROM tokens").all();
  assert.equal(row?.["count"], 1);
});

Deno.test("SqliteCatalog: a copy contains everything durable, and nothing in progress", async () => {
  await using folder = await TemporaryFolder.create();
  await using catalog = SqliteCatalog.open(folder.join("catalog.db"));
  await login(catalog);
  await catalog.files.commit(withBytes(inlineFile(1), key(1)));
  await catalog.uploads.save(partial(1), { max: 9, quota: NO_QUOTA });
  await catalog.blobs.reserve(blob(2));
  await catalog.repairs.begin({ path: blob(3), record: "{}" });
  await catalog.checks.begin(1000, false);
  await using copy = await SqliteCatalog.copy(catalog, folder.join("copy.db"));
  await catalog.files.remove(alice, "a", { now: 1 });
  const [file] = await copy.files.listAll(alice);
  assert.deepEqual(file && await copy.files.content(file.content.id), key(1));
  assert.deepEqual(await copy.accounts.list().then((all) => all.map(({ keys }) => keys)), [1]);
  const underWay = await Promise.all([
    copy.uploads.scan(undefined, 9),
    copy.blobs.garbage(undefined, 9),
    copy.repairs.list(),
    copy.checks.list(),
  ]);
  assert.deepEqual(underWay, [[], [], [], []]);
  await copy.finish();
  assert.deepEqual(await catalog.faults(), []);
});

Deno.test("SqliteCatalog: every query of files uses an index, and sorts nothing", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("catalog.db");
  const statements = new Set<string>();
  await using catalog = SqliteCatalog.open(path, (path) => {
    const database = new DatabaseSync(path);
    const prepare = database.prepare.bind(database);
    database.prepare = (sql: string) => {
      statements.add(sql);
      return prepare(sql);
    };
    return database;
  });
  await login(catalog);
  statements.clear();
  const quota = { bytes: 1e9, files: 1e9 };
  for (const [i, name] of ["a", "a", "b/c", "d"].entries()) {
    await catalog.files.commit(v4File(i, { name }), { quota, ...KEEP });
  }
  await Promise.all([
    catalog.files.usage(alice, { name: "a", open: ["b"] }),
    catalog.files.update(alice, "a", 2, { mode: 0, mtime: 0n }),
    catalog.files.listLevel(alice, { prefix: "b/", limit: 10 }),
    catalog.files.listRemoved(alice, { prefix: "b/", limit: 10 }),
    catalog.files.trimHistory(alice, { bytes: 30, files: 1e9 }),
    catalog.files.expireHistory(1, 10),
    catalog.files.dropOldestHistory(1, 1),
    catalog.files.find(alice, "a"),
    catalog.files.find(alice, "a", { version: 1, want: "all" }),
    catalog.files.list(alice, { after: "a", limit: 10 }),
    catalog.files.list(alice, { prefix: "b/", limit: 10 }),
    catalog.files.versions(alice, "a", { limit: 10 }),
    catalog.files.listAll(alice),
    catalog.files.scan(blob(1), 10),
    catalog.files.chunkDigests(blob(9)),
    catalog.files.content(blob(9)),
    catalog.files.setDigests(blob(9), tree, key(1)),
    catalog.files.setDamage(blob(9), "missing"),
    catalog.repairs.end(blob(9)),
    catalog.blobs.owner(upload(9)),
    catalog.files.rename(alice, "b", "e"),
    catalog.files.rename(alice, "d", "e/c/d").catch(() => undefined),
    catalog.files.remove(alice, "e", { now: 1, recursive: true, ...KEEP }),
    catalog.files.restore(alice, "e", { now: 1 }),
    catalog.files.restore(alice, "a", { now: 1 }),
    catalog.files.remove(alice, "a", { now: 1, forever: true }),
    catalog.files.forget(blob(9)),
    catalog.accounts.remove(id(9)),
  ]);
  using database = openDatabase(path);
  const looks = [...statements].filter((sql) => /\bfiles\b/.test(sql) && !/^INSERT/.test(sql));
  assert.ok(looks.length > 15, `${looks.length} statements were seen`);
  for (const sql of looks) {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
    const steps = plan.map(({ detail }) => detail).join("; ");
    assert.doesNotMatch(steps, /\bSCAN\b(?! \(subquery)|TEMP B-TREE/, `${sql}: ${steps}`);
  }
});
