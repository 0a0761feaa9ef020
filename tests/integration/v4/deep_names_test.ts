/** Names with many parts: their cost for other users' uploads. */
import assert from "node:assert/strict";
import { DataFolder } from "../../../server/data_folder/data_folder.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { CountedDatabase } from "../../support/store/counted_database.ts";
import { SourceFile } from "../../../client/local/source_file.ts";
import type { V4Client } from "../../../client/v4/client.ts";
import { Fixture, got, put } from "../../support/v4/fixture.ts";
import { blobId } from "../../support/store/ids.ts";

const MAX_PARTS = 128;
/** A query whether a folder of the name exists as a file. */
const ONE_LOOK = 1;
const deep = (parts: number, file = "f") => `${"d/".repeat(parts - 1)}${file}`;

interface Counted {
  readonly fixture: Fixture;
  readonly client: V4Client;
  readonly database: CountedDatabase;
  /** Uploads an empty file under each name, and returns the outcomes. */
  readonly putAll: (names: readonly string[]) => Promise<(number | string)[]>;
  /** Uploads an empty file, and returns the number of statements about files. */
  readonly costOf: (name: string) => Promise<number>;
}

function test(what: string, body: (counted: Counted) => Promise<void>) {
  Deno.test(`deep names: ${what}`, async () => {
    const database = new CountedDatabase();
    const openCatalog = (path: string) => openInThisThread(path, database.open);
    await using fixture = await Fixture.create({}, { openCatalog });
    using client = await fixture.client("Alice");
    const empty = await fixture.folder.write("empty", "");
    const putAll = async (names: readonly string[]) => {
      const files = names.map(async (name) => ({ file: await SourceFile.inspect(empty), name }));
      return await put(client, await Promise.all(files));
    };
    const costOf = async (name: string) => {
      database.forget();
      const [outcome] = await putAll([name]);
      assert.equal(typeof outcome, "number", `${outcome}`);
      return database.aboutFiles.length;
    };
    await body({ fixture, client, database, putAll, costOf });
  });
}

test("128 parts are stored, 129 are refused without a query of the catalog", async ({ putAll, database }) => {
  const names = [deep(MAX_PARTS), deep(MAX_PARTS + 1, "g"), deep(2030, "h")];
  const outcomes = await putAll(names);
  assert.deepEqual(outcomes.slice(1), ["bad-file-name", "bad-file-name"]);
  assert.equal(typeof outcomes[0], "number");
  database.forget();
  await putAll([deep(MAX_PARTS + 1)]);
  assert.deepEqual(database.aboutFiles, []);
});

test("storing one takes at most one statement more than any other name", async ({ costOf }) => {
  const cost = await costOf("a/b");
  for (const file of ["f", "another"]) {
    assert.ok(await costOf(deep(MAX_PARTS, file)) <= cost + ONE_LOOK);
  }
});

test("names stored before the bound existed are listed, read, renamed and removed", async ({ fixture, client }) => {
  const content = pseudoRandomBytes(100);
  const names = [deep(500, "a"), deep(2000, "b")];
  const sums = new ChunkDigests(content.length);
  sums.add(0, content);
  const { cksum: crc, digest } = sums.sums();
  {
    await using folder = await DataFolder.openToChange(fixture.data, Deno);
    const owner = await folder.catalog.accounts.find({ name: "Alice" }) ?? assert.fail();
    for (const [i, name] of names.entries()) {
      await folder.catalog.files.commit({
        ...{
          accountId: owner.id,
          name,
          content: { kind: "inline", id: blobId(`catalog/${i}`), bytes: content },
          size: content.length,
          crc,
        },
        ...{ storedAt: 1, verified: true, tree: { mtime: 1n, digest } },
      }, { chunks: sums.digests });
    }
  }
  const [first = "", second = ""] = names;
  const listed: string[] = [];
  await client.list("", ({ name }) => void listed.push(name));
  assert.deepEqual(listed, [...names].sort());
  assert.deepEqual(await got(client, first), content);
  assert.equal((await client.stat(second)).size, content.length);
  await client.rename(first, "a");
  assert.deepEqual(await got(client, "a"), content);
  await assert.rejects(client.rename("a", first), { code: "bad-file-name" });
  await client.remove(second);
  await assert.rejects(client.stat(second), { code: "no-such-file" });
});

test("attack: 256 names of 128 parts and 4,096 bytes at once cost at most one statement more each than others", async ({ putAll, database, costOf }) => {
  const cost = await costOf("one");
  const head = Array(MAX_PARTS - 1).fill("x".repeat(31)).join("/");
  const names = Array.from({ length: 256 }, (_, i) => `${head}/${`${i}`.padStart(32, "0")}`);
  database.forget();
  const outcomes = await putAll(names);
  assert.ok(outcomes.every((outcome) => typeof outcome === "number"));
  assert.ok(
    database.aboutFiles.length <= names.length * (cost + ONE_LOOK),
    `${database.aboutFiles.length}`,
  );
});

test("attack: names that sort between a folder and its files hide no conflict, and cost at most one query more", async ({ client, putAll, costOf }) => {
  const parents = Array.from({ length: MAX_PARTS - 2 }, (_, i) => deep(i + 2, "").slice(0, -1));
  // "-" sorts before "/", so each name comes between a folder and its files.
  await putAll(parents.map((parent) => `${parent}-`));
  const cost = await costOf("one");
  assert.ok(await costOf(deep(MAX_PARTS)) <= cost + ONE_LOOK);
  const outcomes = await putAll(parents);
  assert.deepEqual(new Set(outcomes), new Set(["bad-file-name"]), "each is a folder of that file");
  await client.remove(deep(MAX_PARTS));
  assert.ok(await costOf(parents.at(-1) ?? "") <= cost + ONE_LOOK);
  assert.deepEqual(await putAll([deep(MAX_PARTS)]), ["bad-file-name"]);
});

test("attack: repeated renames between deep names stay within the bound and its cost", async ({ client, database, costOf }) => {
  await costOf("a");
  const costs: number[] = [];
  const names = ["a", deep(MAX_PARTS), "b", deep(MAX_PARTS, "g"), "c"];
  for (const [i, name] of names.entries()) {
    const next = names[i + 1];
    if (next === undefined) break;
    database.forget();
    await client.rename(name, next);
    costs.push(database.aboutFiles.length);
  }
  assert.ok(Math.max(...costs) <= Math.min(...costs) + ONE_LOOK, `${costs}`);
  database.forget();
  for (const parts of [MAX_PARTS + 1, 2000]) {
    await assert.rejects(client.rename("c", deep(parts)), { code: "bad-file-name" });
  }
  assert.deepEqual(database.aboutFiles, []);
});
