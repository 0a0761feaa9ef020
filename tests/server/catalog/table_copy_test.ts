/** Whole catalogs are copied from one database to another. */
import assert from "node:assert/strict";
import { openPostgresCatalog } from "../../../server/catalog/postgres/postgres_catalog.ts";
import { SqliteCatalog } from "../../../server/catalog/sqlite/sqlite_catalog.ts";
import type { BlobId, BlobToCopy } from "../../../server/blobs/blob_store.ts";
import { alice, enrolV3 } from "../../support/store/catalog_suite.ts";
import { rowsOf } from "../../support/store/copied_rows.ts";
import { tamper } from "../../support/store/database.ts";
import { createDatabase } from "../../support/store/postgres.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

/** More rows than a page, and more content than one. */
const [FILES, LARGE] = [1200, 30];
const unmoved = ({ id }: BlobToCopy) => id;
const NO_VALUES = new Map();

/** A SQLite catalog with many files: small and large inline ones, blobs, old versions, damage, long names. */
async function filled(path: string): Promise<SqliteCatalog> {
  const catalog = SqliteCatalog.open(path);
  await enrolV3(catalog);
  const insert =
    `INSERT INTO files (client_id, name, given, version, current, kind, mode, path, size,
      crc, stored_at, ended_at, stored_by, verified, mtime, mtime_ns, digest, damage)
    SELECT clients.id, CASE i % 3 WHEN 0 THEN 'ä' || i ELSE printf('%.1000c', 'n') || i END,
      iif(i % 7 = 0, 'given' || i, NULL), 1 + i % 2, i % 2, 0, iif(i % 5 = 0, 420, NULL),
      iif(i % 2 = 0, 'catalog/' || i, 'files/0123/' || printf('%032x', i)),
      length(content), i * 3, 1000 + i, iif(i % 2 = 1, NULL, 2000 + i), NULL, 1, -i, i, randomblob(32),
      iif(i % 11 = 0 AND i % 2 = 1, 'missing', NULL)
    FROM clients, (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${FILES})
      SELECT i, randomblob(iif(i <= 2 * ${LARGE}, 60000, 100)) AS content FROM n)`;
  tamper(
    path,
    `${insert};
    INSERT INTO contents (file, chunks, content)
      SELECT id, iif(current = 1, randomblob(36), NULL), iif(current = 0, randomblob(size), NULL) FROM files;
    UPDATE clients SET disabled = 1, quota_bytes = -1, quota_files = 5;
    INSERT INTO tokens (hash, client_id, label, uses_left, used, expires_at, made_at)
      SELECT randomblob(32), NULL, 'for all', 3, 1, 9, 8 UNION ALL
      SELECT randomblob(32), id, NULL, 1, 0, 7, 6 FROM clients;
    INSERT INTO keys SELECT id, randomblob(32), 5 FROM clients;
    INSERT OR REPLACE INTO usage SELECT client_id, sum(current), sum(current * size),
      sum(1 - current), sum((1 - current) * size) FROM files;`,
  );
  return catalog;
}

Deno.test("catalog copy: from SQLite to PostgreSQL and back, every row is the same", async () => {
  await using folder = await TemporaryFolder.create();
  await using database = await createDatabase();
  await using first = await filled(folder.join("catalog.db"));
  await using middle = await openPostgresCatalog(database.options);
  const expected = await rowsOf(first);
  assert.equal(expected.files.length, FILES);
  await middle.reserveAll(await blobsOf(first));
  await middle.fill({ from: first, idOf: unmoved, values: new Map([["key", alice]]) });
  assert.deepEqual(await rowsOf(middle), expected);
  assert.deepEqual(await middle.values.find("key"), alice);
  assert.deepEqual(await middle.blobs.garbage(undefined, 9), []);
  await using last = await SqliteCatalog.copy(middle, folder.join("copy.db"));
  assert.deepEqual(await rowsOf(last), expected);
  for (const copy of [middle, last]) {
    assert.deepEqual(await copy.accounts.list(), await first.accounts.list());
  }
});

/** The ids of all blobs. */
async function blobsOf(catalog: SqliteCatalog): Promise<BlobId[]> {
  const found: BlobId[] = [];
  let after: BlobId | undefined;
  for (;;) {
    const page = await catalog.files.scan(after, FILES);
    const last = page.at(-1);
    if (last === undefined) return found;
    after = last.content.id;
    found.push(
      ...page.filter(({ content: { kind } }) => kind === "blob").map(({ content }) => content.id),
    );
  }
}

Deno.test("catalog copy: if a server has deleted contents meanwhile, nothing is copied", async () => {
  await using folder = await TemporaryFolder.create();
  await using database = await createDatabase();
  await using first = await filled(folder.join("catalog.db"));
  await using copy = await openPostgresCatalog(database.options);
  const blobs = await blobsOf(first);
  await copy.reserveAll(blobs.slice(1));
  const filling = { from: first, idOf: unmoved, values: NO_VALUES };
  await assert.rejects(copy.fill(filling), { code: "copy-swept" });
  await copy.reserveAll(blobs);
  // A server is about to delete them.
  assert.deepEqual(await copy.openUploads.condemn(blobs.slice(0, 1)), blobs.slice(0, 1));
  await assert.rejects(copy.fill(filling), { code: "copy-swept" });
  assert.deepEqual(await copy.accounts.list(), []);
  await copy.reserveAll(blobs);
  await copy.fill(filling);
  assert.equal((await copy.accounts.list()).length, 1);
});

Deno.test("catalog copy: a catalog with accounts or invitations, or with a running server, is refused", async () => {
  await using folder = await TemporaryFolder.create();
  await using first = SqliteCatalog.open(folder.join("catalog.db"));
  const filling = { from: first, idOf: unmoved, values: NO_VALUES };
  await using database = await createDatabase();
  await using copy = await openPostgresCatalog(database.options);
  await using server = await openPostgresCatalog(database.options);
  const joined = await server.nodes.join("server 1", 600_000);
  await assert.rejects(copy.fill(filling), { code: "catalog-in-use", message: /server 1/ });
  assert.deepEqual(await copy.running(), ["server 1"]);
  if ("epoch" in joined) await server.nodes.leave(joined.epoch);
  await copy.fill(filling);
  await enrolV3(copy);
  await assert.rejects(copy.fill(filling), { code: "target-not-empty" });
});
