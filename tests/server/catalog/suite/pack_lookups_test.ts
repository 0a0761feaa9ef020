/** Contents and lists of many files in one call. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../../protocol/bytes.ts";
import { ContentsReader } from "../../../../protocol/v4/contents.ts";
import { EntriesReader } from "../../../../protocol/v4/entries.ts";
import { FetchWriter } from "../../../../protocol/v4/fetch.ts";
import type { BlobId } from "../../../../server/blobs/blob_store.ts";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import {
  alice,
  bob,
  catalogTest,
  concurrentCatalogTest,
  KEEP,
  login,
  v3File,
  v4File,
} from "../../../support/store/catalog_suite.ts";
import { commitPack } from "./commit_pack.ts";

function fetchOf(...wanted: readonly (readonly [string, number])[]): Bytes {
  const writer = new FetchWriter();
  for (const [name, version] of wanted) writer.add(name, version);
  return writer.payload.slice();
}

const contentsOf = (bytes: Bytes) => {
  const found: string[] = [];
  if (bytes.length === 0) return found;
  const reader = new ContentsReader(bytes);
  while (reader.next()) {
    assert.equal(reader.findDifference(), undefined);
    found.push(`${reader.name}@${reader.version} ${new TextDecoder().decode(reader.content)}`);
  }
  return found;
};

concurrentCatalogTest("a fetch has the contents in order", async (catalog) => {
  await login(catalog);
  await commitPack(catalog, [{ name: "a", content: "one" }, { name: "b", content: "two" }]);
  await commitPack(catalog, [{ name: "a", content: "three" }], KEEP);
  await catalog.files.commit(v4File(1, { name: "blob" }));
  const wanted = fetchOf(["b", 0], ["a", 1], ["none", 0], ["blob", 0], ["a", 0], ["a", 9]);
  const pages = [];
  for (let from = 0; from < 6; from = pages.at(-1)?.next ?? 6) {
    pages.push(await catalog.files.fetchPack(alice, wanted, from));
  }
  const seen = pages.map(({ contents, others, next }) => ({
    contents: contentsOf(contents),
    others: others.map((file) => file?.name),
    next,
  }));
  assert.deepEqual(seen, [
    { contents: ["b@1 two", "a@1 one"], others: [undefined, "blob"], next: 4 },
    { contents: ["a@2 three"], others: [undefined], next: 6 },
  ]);
  assert.deepEqual((await catalog.files.fetchPack(bob, fetchOf(["a", 0]), 0)).others, [undefined]);
});

concurrentCatalogTest("a fetch of more than a frame has several pages", async (catalog) => {
  await login(catalog);
  const content = "x".repeat(60_000);
  const all = Array.from({ length: 40 }, (_, i) => `${i}`);
  for (const half of [all.slice(0, 16), all.slice(16, 32), all.slice(32)]) {
    await commitPack(catalog, half.map((name) => ({ name, content })));
  }
  const wanted = fetchOf(...all.map((name) => [name, 0] as const));
  const found: string[] = [];
  let [pages, next] = [0, 0];
  for (; next < all.length; pages++) {
    const page = await catalog.files.fetchPack(alice, wanted, next);
    assert.deepEqual(page.others, []);
    found.push(...contentsOf(page.contents).map((one) => one.split("@")[0] as string));
    next = page.next;
  }
  assert.deepEqual(found, all);
  assert.ok(pages >= 3, `${pages} pages`);
});

/** All entries in words, and the files that the catalog leaves to its caller. */
async function listed(catalog: Catalog, prefix: string, bytes: number) {
  const found: string[] = [];
  const unchecked: string[] = [];
  let after: string | undefined = "";
  let pages = 0;
  for (; after !== undefined; pages++) {
    const page: Awaited<ReturnType<typeof catalog.files.listEncoded>> = await catalog.files
      .listEncoded(alice, { prefix, after, bytes, part: 1000 });
    const names: string[] = [];
    const reader = page.entries.length === 0 ? undefined : new EntriesReader(page.entries);
    while (reader?.next()) names.push(`${reader.name}${reader.isDamaged ? " damaged" : ""}`);
    let begin = 0;
    let parts = 0;
    for (const end of page.ends) {
      for (const part = new EntriesReader(page.entries.subarray(begin, end)); part.next();) parts++;
      begin = end;
    }
    assert.deepEqual(
      [begin, parts],
      [page.entries.length, names.length],
      "parts are whole records",
    );
    for (const { index, file } of page.unchecked) {
      assert.equal(names[index], file.name);
      unchecked.push(file.name);
    }
    found.push(...names, ...page.others.map(({ name }) => `${name} without digest`));
    after = page.next;
  }
  return { found, unchecked, pages };
}

concurrentCatalogTest("a list of records has all entries in order", async (catalog) => {
  await login(catalog);
  const all = Array.from({ length: 600 }, (_, i) => `n/${String(i).padStart(4, "0")}`);
  await commitPack(catalog, all.map((name) => ({ name, content: name })));
  await commitPack(catalog, [{ name: "n", entry: "folder" }, { name: "z" }, { name: "A\u030a" }]);
  await catalog.files.commit(v4File(1, { name: "n/0100b" }));
  const damaged = await catalog.files.find(alice, "n/0003");
  await catalog.files.setDamage(damaged?.content.id as BlobId, "missing");
  const expected = all.map((name) => name === "n/0003" ? `${name} damaged` : name)
    .toSpliced(101, 0, "n/0100b");
  const whole = await listed(catalog, "", 48 * 1024);
  assert.deepEqual(whole.found, ["n", ...expected, "z", "A\u030a"]);
  assert.deepEqual(whole.unchecked, ["n/0100b"]);
  assert.equal(whole.pages, 2);
  assert.deepEqual((await listed(catalog, "n/", 1024)).found, expected);
  const some = expected.filter((name) => name.startsWith("n/01"));
  const single = await listed(catalog, "n/01", 1);
  assert.deepEqual([single.found, single.pages], [some, some.length]);
  assert.deepEqual((await listed(catalog, "none", 1024)).found, []);
});

catalogTest("a list of records leaves files without a digest to its caller", async (catalog) => {
  await catalog.accounts.registerV3({
    ...{ id: alice, name: "Alice", now: 1, storedProfile: { edition: "2023c", quirks: [] } },
    ...{ expiredBefore: 0, claimedIds: [] },
  });
  for (const [number, name] of ["a", "b", "d"].entries()) {
    await catalog.files.commit(v3File(number, { name }));
  }
  await catalog.files.commit(v4File(9, { name: "c" }));
  const { found } = await listed(catalog, "", 1024);
  assert.deepEqual(found, ["a without digest", "b without digest", "c", "d without digest"]);
  assert.deepEqual((await catalog.files.usage(alice)).files, 4);
});
