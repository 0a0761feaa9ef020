/** Folders: listed by level, renamed and removed with everything below. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import {
  alice,
  blob,
  bob,
  catalogTest,
  garbageOf,
  id,
  KEEP,
  login,
  stored,
  v4File,
} from "../../../support/store/catalog_suite.ts";

const CONFLICT = new CatalogRefusal("name-conflict");

/** Stores entries of Alice, each with a numbered blob. Names that end in `/` become folders. */
async function storeAll(catalog: Catalog, names: readonly string[]): Promise<void> {
  await login(catalog);
  for (const [i, name] of names.entries()) await catalog.files.commit(entry(i, name), KEEP);
}

function entry(number: number, name: string) {
  return name.endsWith("/")
    ? v4File(number, { name: name.slice(0, -1), kind: "folder", size: 0 })
    : v4File(number, { name });
}

async function names(catalog: Catalog, account = alice): Promise<string[]> {
  return (await catalog.files.list(account, { limit: 99 })).map(({ name }) => name);
}

/** Names of an account with their versions; history in brackets. */
async function versions(catalog: Catalog): Promise<string> {
  return (await catalog.files.listAll(alice))
    .map(({ name, version, current }) => current ? `${name}@${version}` : `(${name}@${version})`)
    .join(" ");
}

catalogTest("only folders have names below them", async (catalog) => {
  await storeAll(catalog, ["d/", "d/e/", "d/e/f", "a"]);
  const { files } = catalog;
  const store = (number: number, name: string) => files.commit(entry(number, name));
  for (const name of ["d", "d/e", "a/b", "a/b/", "d/e/f/g/"]) {
    await assert.rejects(store(9, name), CONFLICT, name);
  }
  await store(9, "a/");
  await store(10, "a/b");
  await assert.rejects(store(11, "a"), CONFLICT);
  await files.remove(alice, "a/b", { now: 1 });
  await store(11, "a");
  await store(12, "d/e/f/");
});

catalogTest(
  "a level has files and folders; folders without a row have no version",
  async (catalog) => {
    await storeAll(catalog, ["a", "d/x/y", "d-", "d0", "e/", "e/f/", "e/f/g", "ü/e\u0301/x"]);
    const level = async (prefix: string, after = "", limit = 99) => {
      const { files, next } = await catalog.files.listLevel(alice, { prefix, after, limit });
      return [files.map(({ name, version }) => `${name}@${version}`).join(" "), next];
    };
    assert.deepEqual(await level(""), ["a@1 d-@1 d@0 d0@1 e@1 ü@0", undefined]);
    assert.deepEqual(await level("d/"), ["d/x@0", undefined]);
    assert.deepEqual(await level("e/"), ["e/f@1", undefined]);
    assert.deepEqual(await level("u\u0308/"), ["ü/e\u0301@0", undefined], "as it was given");
    assert.deepEqual(await level("none/"), ["", undefined]);
    for (let [found, after] = ["", "" as string | undefined]; after !== undefined;) {
      const [one, next] = await level("", after, 1);
      found += `${one} `;
      after = next;
      if (after === undefined) assert.equal(found.trim(), "a@1 d-@1 d@0 d0@1 e@1 ü@0");
    }
  },
);

catalogTest("a level is what its names say, in pages of any size", async (catalog) => {
  const part = fc.constantFrom("a", "a-", "a0", "-", "0", "\u{10000}", "\u{10ffff}");
  const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  let number = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(name, fc.boolean()), { maxLength: 12 }),
      fc.option(name, { nil: undefined }),
      fc.integer({ min: 1, max: 3 }),
      async (wanted, folder, limit) => {
        const accountId = id(++number);
        await login(catalog, { id: accountId, name: `User${number}` });
        const entries = wanted.map(([name, isFolder]) => ({
          ...entry(++number, isFolder ? `${name}/` : name),
          accountId,
        }));
        await Promise.allSettled(entries.map((one) => catalog.files.commit(one)));
        const prefix = folder === undefined ? "" : `${folder}/`;
        const expected = new Set(
          (await names(catalog, accountId)).filter((name) => name.startsWith(prefix))
            .map((name) => prefix + name.slice(prefix.length).split("/")[0]),
        );
        const found: string[] = [];
        for (let after: string | undefined = ""; after !== undefined;) {
          const page = { prefix, after, limit };
          const { files, next }: Awaited<ReturnType<Catalog["files"]["listLevel"]>> = await catalog
            .files.listLevel(accountId, page);
          found.push(...files.map(({ name }) => name));
          after = next;
        }
        assert.deepEqual(found.toSorted(), [...expected].toSorted());
      },
    ),
    { numRuns: 60, seed: 7 },
  );
});

catalogTest("a file is renamed to a free name, with its history", async (catalog) => {
  await storeAll(catalog, ["a/b", "ab", "ab", "z"]);
  const { files } = catalog;
  const nothing = { entries: 0, bytes: 0 };
  assert.deepEqual(await files.rename(alice, "ab", "z"), { outcome: "taken", ...nothing });
  assert.deepEqual(await files.rename(alice, "ab", "ab"), { outcome: "taken", ...nothing });
  assert.deepEqual(await files.rename(alice, "none", "new"), { outcome: "missing", ...nothing });
  assert.deepEqual(await files.rename(bob, "ab", "new"), { outcome: "missing", ...nothing });
  await assert.rejects(files.rename(alice, "ab", "a"), CONFLICT);
  await assert.rejects(files.rename(alice, "ab", "z/y"), CONFLICT);
  assert.equal(await versions(catalog), "a/b@1 (ab@1) ab@2 z@1");
  const renamed = { outcome: "renamed", entries: 1, bytes: 10 };
  assert.deepEqual(await files.rename(alice, "ab", "ab/c"), renamed);
  assert.equal(await versions(catalog), "a/b@1 (ab/c@1) ab/c@2 z@1");
});

catalogTest("a folder is renamed with everything below, also with history", async (catalog) => {
  await storeAll(catalog, ["d/", "d/a", "d/a", "d/e/f", "d0", "x"]);
  await catalog.files.remove(alice, "d/e/f", { now: 5, ...KEEP });
  const { files } = catalog;
  await assert.rejects(files.rename(alice, "d", "d/e"), new CatalogRefusal("below-itself"));
  await assert.rejects(files.rename(alice, "d", "x/y"), CONFLICT);
  assert.equal((await files.rename(alice, "d", "x")).outcome, "taken");
  assert.equal((await files.rename(alice, "d", "d")).outcome, "taken");
  const renamed = await files.rename(alice, "d", "new/d");
  assert.deepEqual(renamed, { outcome: "renamed", entries: 2, bytes: 10 });
  assert.equal(await versions(catalog), "d0@1 new/d@1 (new/d/a@1) new/d/a@2 (new/d/e/f@1) x@1");
  assert.equal(
    (await files.rename(alice, "new", "d")).outcome,
    "renamed",
    "a folder without a row",
  );
  assert.equal((await files.rename(alice, "d/d", "d")).outcome, "taken");
});

catalogTest("renamed onto history: the versions are numbered after it", async (catalog) => {
  await storeAll(catalog, ["b/x", "b/x", "b/y", "a/", "a/x", "a/x", "a/z"]);
  const { files } = catalog;
  await files.remove(alice, "b", { now: 5, recursive: true, ...KEEP });
  assert.equal((await files.rename(alice, "a", "b")).outcome, "renamed");
  assert.equal(await versions(catalog), "b@1 (b/x@1) (b/x@2) (b/x@3) b/x@4 (b/y@1) b/z@1");
});

catalogTest("a rename keeps the given form of the rest of each name", async (catalog) => {
  await storeAll(catalog, ["e\u0301/a\u0308", "\u00e9/b"]);
  const { files } = catalog;
  assert.equal((await files.rename(alice, "\u00e9", "o\u0308/p")).entries, 2);
  assert.deepEqual(await names(catalog), ["o\u0308/p/b", "o\u0308/p/a\u0308"]);
  assert.equal((await files.rename(alice, "\u00f6", "q")).entries, 2);
  assert.deepEqual(await names(catalog), ["q/p/b", "q/p/a\u0308"]);
  assert.equal((await files.find(alice, "q/p/\u00e4"))?.name, "q/p/a\u0308");
});

catalogTest(
  "a name is renamed to another form of itself, with its history and everything below",
  async (catalog) => {
    await storeAll(catalog, ["e\u0301/a\u0308", "e\u0301/b", "e\u0301/b", "u\u0308", "u\u0308"]);
    const { files } = catalog;
    assert.deepEqual(await files.rename(alice, "u\u0308", "\u00fc"), {
      ...{ outcome: "renamed", entries: 1, bytes: 10 },
    });
    assert.equal((await files.rename(alice, "\u00e9", "e\u0301")).entries, 2);
    assert.deepEqual(await names(catalog), ["e\u0301/b", "e\u0301/a\u0308", "\u00fc"]);
    assert.equal((await files.rename(alice, "e\u0301", "\u00e9")).entries, 2);
    assert.deepEqual(await names(catalog), ["\u00e9/b", "\u00e9/a\u0308", "\u00fc"]);
    assert.equal((await files.rename(alice, "\u00fc", "\u00fc")).outcome, "taken");
    const found = await files.versions(alice, "\u00fc", { before: Infinity, limit: 9 });
    assert.deepEqual(found.map(({ name, version }) => [name, version]), [["\u00fc", 2], [
      "\u00fc",
      1,
    ]]);
  },
);

catalogTest("a rename makes no name too long or too deep", async (catalog) => {
  const [long, deep] = ["x".repeat(4000), Array(120).fill("y").join("/")];
  await storeAll(catalog, [`d/${long}`, `e/${deep}`]);
  const tooLong = new CatalogRefusal("name-too-long");
  await assert.rejects(catalog.files.rename(alice, "d", "n".repeat(96)), tooLong);
  await assert.rejects(catalog.files.rename(alice, "e", "1/2/3/4/5/6/7/8/9"), tooLong);
  assert.equal((await catalog.files.rename(alice, "d", "n".repeat(95))).outcome, "renamed");
  assert.equal((await catalog.files.rename(alice, "e", "1/2/3/4/5/6/7/8")).outcome, "renamed");
});

catalogTest("a folder is removed only with everything below", async (catalog) => {
  await storeAll(catalog, ["d/", "d/a", "d/e/f", "d0"]);
  const { files } = catalog;
  const nothing = { entries: 0, bytes: 0, garbage: [], isMore: false };
  const remove = (name: string, options = {}) => files.remove(alice, name, { now: 5, ...options });
  for (const name of ["d", "d/e"]) {
    assert.deepEqual(await remove(name), { outcome: "not-empty", ...nothing });
  }
  assert.deepEqual(await remove("none", { recursive: true }), { outcome: "missing", ...nothing });
  assert.equal((await files.remove(bob, "d0", { now: 5 })).outcome, "missing");
  const removed = await remove("d", { recursive: true, ...KEEP });
  assert.deepEqual(removed, {
    outcome: "removed",
    entries: 3,
    bytes: 20,
    garbage: [],
    isMore: false,
  });
  assert.equal(await versions(catalog), "(d@1) (d/a@1) (d/e/f@1) d0@1");
  assert.equal((await remove("d", { recursive: true, ...KEEP })).outcome, "missing");
});

catalogTest("a removed file becomes history, garbage, or is gone forever", async (catalog) => {
  await storeAll(catalog, ["a", "a", "b", "b", "c", "c/d"].slice(0, 5));
  const { files } = catalog;
  await files.remove(alice, "a", { now: 5, ...KEEP });
  assert.deepEqual(await files.versions(alice, "a", { limit: 9 }), [
    stored(v4File(1), 2, 5),
    stored(v4File(0), 1, 3000),
  ]);
  const dropped = await files.remove(alice, "b", { now: 5 });
  assert.deepEqual(dropped.garbage, [blob(3)]);
  assert.equal(await versions(catalog), "(a@1) (a@2) (b@1) c@1");
  const forever = await files.remove(alice, "a", { now: 6, forever: true, ...KEEP });
  assert.deepEqual(forever, {
    ...{ outcome: "removed", entries: 1, bytes: 20, isMore: false },
    garbage: forever.garbage,
  });
  assert.deepEqual(forever.garbage.toSorted(), [blob(0), blob(1)]);
  assert.equal((await files.remove(alice, "a", { now: 6, forever: true })).outcome, "missing");
  assert.deepEqual(await garbageOf(catalog), [blob(0), blob(1), blob(3)]);
  assert.equal((await files.commit(v4File(9))).version, 1);
});
