/** Files in PostgreSQL, beyond the suite of all catalogs: several servers, groups of commits, long names, statistics. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../../protocol/bytes.ts";
import { PackWriter } from "../../../../protocol/v4/pack.ts";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import { PackOutcomes } from "../../../../server/catalog/packs.ts";
import {
  openPostgresCatalog,
  type PostgresCatalog,
} from "../../../../server/catalog/postgres/postgres_catalog.ts";
import { list } from "../../../../server/catalog/postgres/files/lists.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import {
  alice,
  blob,
  garbageOf,
  id,
  inlineFile,
  KEEP,
  key,
  login,
  partial,
  tree,
  v4File,
  withBytes,
} from "../../../support/store/catalog_suite.ts";
import { createDatabase } from "../../../support/store/postgres.ts";

/** Tests a number of servers on one database. */
function postgresTest(
  what: string,
  servers: number,
  body: (...catalogs: PostgresCatalog[]) => Promise<void>,
): void {
  Deno.test(`catalog PostgreSQL: ${what}`, async () => {
    await using database = await createDatabase();
    await using scope = new AsyncDisposableStack();
    const catalogs: PostgresCatalog[] = [];
    for (let i = 0; i < servers; i++) {
      catalogs.push(scope.use(await openPostgresCatalog(database.options)));
    }
    await login(catalogs[0] as Catalog);
    await body(...catalogs);
  });
}

const COUNT = 12;

/** Runs calls at the same time, on the catalogs in turn. */
function atOnce<T>(
  catalogs: readonly Catalog[],
  call: (catalog: Catalog, number: number) => Promise<T>,
): Promise<PromiseSettledResult<T>[]> {
  return Promise.allSettled(
    Array.from({ length: COUNT }, (_, i) => call(catalogs[i % catalogs.length] as Catalog, i + 1)),
  );
}

function valuesOf<T>(results: readonly PromiseSettledResult<T>[]): T[] {
  return results.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
}

/** The usage of Alice, counted again from all rows. */
async function countedUsage({ database }: PostgresCatalog) {
  const row = await database.read((queries) =>
    queries.get(
      `SELECT count(*) FILTER (WHERE current) AS files, count(*) FILTER (WHERE NOT current) AS old,
         coalesce(sum(size) FILTER (WHERE current), 0) AS bytes,
         coalesce(sum(size) FILTER (WHERE NOT current), 0) AS old_bytes
       FROM files WHERE client_id = $1`,
      alice,
    )
  );
  const { files, bytes, old, old_bytes } = row as Record<string, number>;
  return { files, bytes, history: { files: old, bytes: old_bytes } };
}

async function usage(catalog: Catalog) {
  const { files, bytes, history } = await catalog.files.usage(alice);
  return { files, bytes, history };
}

function packOf(names: readonly string[], content: string): Bytes {
  const writer = new PackWriter();
  const bytes = new TextEncoder().encode(content);
  for (const name of names) {
    writer.begin(name, bytes.length)?.set(bytes);
    writer.add({ entry: "file", mode: 0o644, mtime: 1n }, bytes.length);
  }
  return writer.payload.slice();
}

postgresTest(
  "writers of one name on two servers create one version each",
  2,
  async (...catalogs) => {
    const [one] = catalogs as [PostgresCatalog];
    const results = await atOnce(
      catalogs,
      (catalog, number) => catalog.files.commit(v4File(number, { crc: number }), KEEP),
    );
    const numbers = Array.from({ length: COUNT }, (_, i) => i + 1);
    const versions = valuesOf(results).map(({ version }) => version);
    assert.deepEqual(versions.toSorted((a, b) => a - b), numbers);
    assert.deepEqual(await usage(one), {
      ...{ files: 1, bytes: 10, history: { files: COUNT - 1, bytes: 10 * (COUNT - 1) } },
    });
  },
);

postgresTest("a quota holds for writers on two servers", 2, async (...catalogs) => {
  const [one] = catalogs as [PostgresCatalog];
  const options = { quota: { bytes: 45, files: 9 } };
  const results = await atOnce(
    catalogs,
    (catalog, number) => catalog.files.commit(v4File(number, { name: `${number}` }), options),
  );
  assert.equal(valuesOf(results).length, 4);
  assert.deepEqual(await usage(one), await countedUsage(one));
});

postgresTest(
  "packs, commits, renames, removals and restorations on two servers leave exact counts",
  2,
  async (...catalogs) => {
    const [one] = catalogs as [PostgresCatalog];
    const names = ["d/a", "d/b", "e/c", "f"];
    const results = await atOnce(catalogs, async ({ files, uploads }, number) => {
      const accepted = new Uint8Array(names.length).fill(1);
      await files.commitPack(alice, packOf(names, `content ${number}`), {
        ...{ accepted, storedAt: number, storedBy: key(1), ...KEEP },
      });
      await uploads.save(partial(number), { max: 99 });
      await files.commit(v4File(number, { name: "d/a", crc: number }), KEEP);
      await files.rename(alice, "d", `g/${number}`);
      await files.remove(alice, "e", { recursive: true, now: number, ...KEEP });
      await files.remove(alice, "f", { forever: number % 2 === 0, now: number });
      await files.restore(alice, "e", { now: number, ...KEEP });
      await files.expireHistory(number, 3);
    });
    for (const result of results) {
      if (result.status === "rejected") assert.ok(result.reason instanceof CatalogRefusal);
    }
    const { bytes, ...rest } = await usage(one);
    const held = 5 * COUNT;
    assert.deepEqual({ ...rest, bytes: bytes - held }, await countedUsage(one));
    const listed = await one.files.list(alice, { limit: 99 });
    assert.equal(listed.length, rest.files);
  },
);

postgresTest(
  "commits that wait share a transaction, and fail by themselves",
  1,
  async (catalog) => {
    await catalog.blobs.reserve(blob(5));
    const results = await atOnce([catalog], (_, number) => {
      if (number === 3) return catalog.files.commit(v4File(3, { name: "1/below" }));
      // This blob belongs to another file already.
      if (number === 4) return catalog.files.commit(v4File(2, { name: "4" }));
      return catalog.files.commit(v4File(number, { name: `${number}` }));
    });
    assert.deepEqual(
      results.flatMap((one, i) => one.status === "rejected" ? [i + 1] : []),
      [3, 4],
    );
    assert.deepEqual(
      (results[2] as PromiseRejectedResult).reason,
      new CatalogRefusal("name-conflict"),
    );
    assert.deepEqual(await garbageOf(catalog), []);
    await Promise.all(
      Array.from({ length: 9 }, (_, i) => catalog.files.commit(v4File(100 + i, { name: `n${i}` }))),
    );
    const row = await catalog.database.read((queries) =>
      queries.get("SELECT count(DISTINCT xmin::text) AS count FROM files WHERE name LIKE 'n%'")
    );
    assert.equal(row?.["count"], 2, "the first goes alone, all others of the account together");
  },
);

postgresTest("commits of several accounts share transactions", 1, async (catalog) => {
  const owners = Array.from({ length: 40 }, (_, i) => id(100 + i));
  // The last one has no account.
  for (const [i, owner] of owners.slice(0, -1).entries()) {
    await login(catalog, { id: owner, name: `u${i}` });
  }
  await catalog.accounts.update(owners[0] as Bytes, { disabled: true });
  const results = await Promise.allSettled(
    owners.flatMap((accountId, i) =>
      [0, 1].map((n) =>
        catalog.files.commit(
          v4File(10 * i + n, { accountId, name: `${n}`, storedAt: i }),
          { quota: { bytes: i === 1 ? 15 : 99, files: 99 } },
        )
      )
    ),
  );
  const refused = results.flatMap((one, i) =>
    one.status === "rejected" ? [[i, one.reason.reason ?? "missing"]] : []
  );
  assert.deepEqual(refused, [
    ...[[0, "account-disabled"], [1, "account-disabled"], [3, "quota-bytes"]],
    ...[[78, "missing"], [79, "missing"]],
  ]);
  const row = await catalog.database.read((queries) =>
    queries.get(`SELECT count(DISTINCT xmin::text) AS transactions, count(*) AS files,
      (SELECT count(*) FROM usage WHERE files > 0 AND bytes = 10 * files) AS counted,
      (SELECT count(*) FROM clients WHERE last_seen < 100) AS seen FROM files`)
  );
  assert.deepEqual({ ...row, transactions: 0 }, {
    transactions: 0,
    files: 75,
    counted: 38,
    seen: 38,
  });
  assert.ok(row?.["transactions"] as number <= 8, `${row?.["transactions"]} transactions`);
});

/** A name of 4,096 bytes that cannot be compressed to fit into an index, with 3 bytes in each character. */
function longName(seed: number): string {
  let state = seed;
  const character = () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return String.fromCodePoint(0x4e00 + (state >> 8) % 20_000);
  };
  const parts = Array.from({ length: 17 }, () => Array.from({ length: 79 }, character).join(""));
  return parts.join("/");
}

postgresTest("names of the maximum length that no index can hold", 1, async ({ files }) => {
  const folder = longName(1);
  const names = ["a", "b", "c"].map((last) => `${folder}/${last}`);
  assert.ok(new TextEncoder().encode(names[0]).length > 4000);
  for (const [i, name] of names.entries()) {
    await files.commit(v4File(10 + i, { name }), KEEP);
    assert.equal((await files.commit(v4File(20 + i, { name, crc: 1 }), KEEP)).version, 2);
  }
  await files.commit(v4File(30, { name: "short" }));
  const conflict = new CatalogRefusal("name-conflict");
  await assert.rejects(files.commit(v4File(31, { name: folder })), conflict);
  await assert.rejects(files.commit(v4File(32, { name: `${names[0]}/x` })), conflict);
  const found = await Promise.all(names.map((name) => files.find(alice, name)));
  assert.deepEqual(found.map((file) => file?.version), [2, 2, 2]);
  const list = async (after: string) =>
    (await files.list(alice, { prefix: `${folder}/`, after, limit: 2 })).map(({ name }) => name);
  assert.deepEqual(await list(""), names.slice(0, 2));
  assert.deepEqual(await list(names[1] as string), names.slice(2));
  const level = await files.listLevel(alice, { prefix: `${folder}/`, limit: 9 });
  assert.deepEqual(level.files.map(({ name }) => name), names);
  assert.equal((await files.versions(alice, names[1] as string, { limit: 9 })).length, 2);
  assert.equal((await files.rename(alice, folder, "d")).entries, 3);
  assert.deepEqual(
    (await files.list(alice, { limit: 9 })).map(({ name }) => name),
    ["d/a", "d/b", "d/c", "short"],
  );
});

postgresTest(
  "a page is read by the index, although the statistics know no files",
  1,
  async ({ files, database }) => {
    for (let pack = 0; pack < 3; pack++) {
      const names = Array.from({ length: 1000 }, (_, i) => `d${pack}/${i}`);
      const options = { storedAt: 1, storedBy: key(1), accepted: new Uint8Array(1000).fill(1) };
      const { outcomes } = await files.commitPack(alice, packOf(names, "x"), options);
      assert.equal(new PackOutcomes(outcomes).outcome(999), "stored");
    }
    const read = await database.transaction(async (transaction) => {
      assert.equal((await list(transaction, alice, { after: "d0/", limit: 10 })).length, 10);
      const row = await transaction.get(`SELECT seq_tup_read + idx_tup_fetch AS read
        FROM pg_stat_xact_user_tables WHERE relname = 'files'`);
      return row?.["read"] as number;
    });
    assert.ok(read < 100, `${read} rows for a page of 10`);
  },
);

postgresTest(
  "a folder with more names than a page is restored as a whole",
  1,
  async ({ files }) => {
    const names = Array.from({ length: 1000 }, (_, i) => `d/${i}`);
    const options = { storedAt: 1, storedBy: key(1), accepted: new Uint8Array(1000).fill(1) };
    await files.commitPack(alice, packOf(names, "x"), options);
    await files.commit(v4File(1, { name: "d/5000" }));
    // A file and names below it exclude each other, also if they are on different pages.
    await files.remove(alice, "d", { recursive: true, now: 5, ...KEEP });
    await files.commit(v4File(2, { name: "d/0/x" }));
    await files.remove(alice, "d/0/x", { now: 6, ...KEEP });
    const restored = await files.restore(alice, "d", { now: 7, ...KEEP });
    assert.equal(restored?.entries, 1001);
    assert.equal(await files.find(alice, "d/0"), undefined);
    assert.equal((await files.find(alice, "d/0/x"))?.version, 2);
    assert.equal((await files.usage(alice)).files, 1001);
  },
);

postgresTest("content is stored once, and moves with its row", 1, async ({ files, database }) => {
  const content = crypto.getRandomValues(new Uint8Array(60_000));
  const file = withBytes(inlineFile(1, { size: content.length, tree }), content);
  await files.commit(file, KEEP);
  const size = async () =>
    (await database.read((queries) =>
      queries.get(`SELECT pg_relation_size(reltoastrelid) AS size FROM pg_class
        WHERE relname = 'files'`)
    ))?.["size"] as number;
  const before = await size();
  assert.ok(before >= content.length);
  await files.rename(alice, "a", "b");
  await files.remove(alice, "b", { now: 5, ...KEEP });
  await files.restore(alice, "b", { now: 6, ...KEEP });
  assert.equal(await size(), before, "changes of the row do not write the content again");
  assert.deepEqual((await files.find(alice, "b", { want: "all" }))?.bytes, content);
  assert.equal(await files.find(id(9), "b"), undefined);
});
