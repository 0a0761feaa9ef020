/** Many files in one call: each is stored, changed or found by itself. */
import assert from "node:assert/strict";
import { UpdateWriter } from "../../../../protocol/v4/update.ts";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import { PackOutcomes, type PackResult } from "../../../../server/catalog/packs.ts";
import {
  alice,
  blob,
  catalogTest,
  concurrentCatalogTest,
  garbageOf,
  inlineFile,
  KEEP,
  key,
  login,
  partial,
  withBytes,
} from "../../../support/store/catalog_suite.ts";
import { commitPack, type PackedEntry, STORED_AT, utf8 } from "./commit_pack.ts";

/** The outcomes in words: `stored 2>1!` is version 2, which replaces version 1 of another key. */
function words({ outcomes }: PackResult): string[] {
  const all = new PackOutcomes(outcomes);
  return Array.from({ length: all.length }, (_, i) => {
    const replaced = all.replaced(i) === 0 ? "" : `>${all.replaced(i)}`;
    const version = all.version(i) === 0 ? "" : ` ${all.version(i)}`;
    return `${all.outcome(i)}${version}${replaced}${all.byOther(i) ? "!" : ""}`;
  });
}

async function names(catalog: Catalog): Promise<string[]> {
  return (await catalog.files.listAll(alice))
    .map(({ name, version, current }) => current ? `${name}@${version}` : `(${name}@${version})`);
}

concurrentCatalogTest("a pack stores its records, with content and metadata", async (catalog) => {
  await login(catalog);
  const result = await commitPack(catalog, [
    { name: "a", content: "one", mode: 0o600, mtime: -1n },
    { name: "b/c", content: "", entry: "folder" },
    { name: "b/d", content: "target", entry: "link" },
    { name: "e" },
  ]);
  assert.deepEqual(words(result), ["stored 1", "stored 1", "stored 1", "stored 1"]);
  assert.deepEqual([result.garbage, result.hasSurplus], [[], false]);
  const file = await catalog.files.find(alice, "a", { want: "all" });
  const { size, mode, kind, crc, storedAt, storedBy, verified, confirmedAt, current } = file ?? {};
  assert.deepEqual({ size, mode, kind, storedAt, verified, confirmedAt, current }, {
    ...{ size: 3, mode: 0o600, kind: "file", storedAt: STORED_AT, verified: true },
    ...{ confirmedAt: STORED_AT, current: true },
  });
  assert.deepEqual(storedBy, key(1));
  assert.equal(typeof crc, "number");
  assert.equal(file?.tree?.mtime, -1n);
  assert.deepEqual(file?.bytes, utf8.encode("one"));
  assert.deepEqual(file?.chunks, { size: 32, first: file?.tree?.digest });
  const empty = await catalog.files.find(alice, "e", { want: "all" });
  assert.deepEqual([empty?.chunks?.size, empty?.bytes?.length], [0, 0]);
  assert.deepEqual((await catalog.files.find(alice, "b/d"))?.kind, "link");
  const { bytes, files } = await catalog.files.usage(alice);
  assert.deepEqual({ bytes, files }, { bytes: 9, files: 4 });
  assert.equal((await catalog.accounts.find({ id: alice }))?.lastSeen, STORED_AT);
});

concurrentCatalogTest("a pack that is sent again changes only metadata", async (catalog) => {
  await login(catalog);
  const entries = [{ name: "a", content: "one" }, { name: "b", entry: "folder" as const }];
  await commitPack(catalog, entries, KEEP);
  const changed = entries.map((entry) => ({ ...entry, mode: 0o700, mtime: 9n }));
  assert.deepEqual(words(await commitPack(catalog, changed, { ...KEEP, storedAt: 4000 })), [
    ...["kept 1", "kept 1"],
  ]);
  assert.deepEqual(await names(catalog), ["a@1", "b@1"]);
  for (const name of ["a", "b"]) {
    const file = await catalog.files.find(alice, name);
    assert.deepEqual([file?.mode, file?.tree?.mtime, file?.storedAt], [0o700, 9n, STORED_AT]);
  }
  const { bytes, files, history } = await catalog.files.usage(alice);
  assert.deepEqual([bytes, files, history], [3, 2, { files: 0, bytes: 0 }]);
});

catalogTest("a record of a pack replaces a version with other content", async (catalog) => {
  await login(catalog);
  await commitPack(catalog, [{ name: "a", content: "one" }, { name: "b", content: "x" }], {
    storedBy: key(2),
  });
  const next = [{ name: "a", content: "other" }, { name: "b", content: "y" }];
  assert.deepEqual(words(await commitPack(catalog, next, KEEP)), ["stored 2>1!", "stored 2>1!"]);
  assert.deepEqual(words(await commitPack(catalog, [{ name: "a", content: "three" }])), [
    "stored 3>2",
  ]);
  assert.deepEqual(await names(catalog), ["(a@1)", "a@3", "(b@1)", "b@2"]);
  const { bytes, files, history } = await catalog.files.usage(alice);
  assert.deepEqual([bytes, files, history], [6, 2, { files: 2, bytes: 4 }]);
  await catalog.files.remove(alice, "b", { ...KEEP, now: 5000 });
  assert.deepEqual(words(await commitPack(catalog, [{ name: "b", content: "y" }])), ["stored 3"]);
});

catalogTest("a pack can have a name more than once", async (catalog) => {
  await login(catalog);
  const entries = ["one", "one", "other"].map((content) => ({ name: "a", content }));
  assert.deepEqual(words(await commitPack(catalog, entries, KEEP)), [
    ...["stored 1", "kept 1", "stored 2>1"],
  ]);
  const { bytes, files, history } = await catalog.files.usage(alice);
  assert.deepEqual([bytes, files, history], [5, 1, { files: 1, bytes: 3 }]);
});

const BESIDE_STORED: readonly {
  readonly what: string;
  readonly stored: readonly string[];
  readonly removed?: string;
  readonly pack: readonly string[];
  readonly outcomes: readonly string[];
}[] = [
  {
    what: "between stored names",
    ...{ stored: ["b", "d"], pack: ["a", "aa", "b", "c", "d", "e"] },
    outcomes: ["stored 1", "stored 1", "stored 2>1", "stored 1", "stored 2>1", "stored 1"],
  },
  {
    what: "above stored names",
    ...{ stored: ["m-1", "m/x"], pack: ["a", "l", "m", "n"] },
    outcomes: ["stored 1", "stored 1", "name-conflict", "stored 1"],
  },
  {
    what: "of removed files",
    ...{ stored: ["b"], removed: "b", pack: ["a", "b", "c"] },
    outcomes: ["stored 1", "stored 2", "stored 1"],
  },
  {
    what: "above and below others of the pack",
    ...{ stored: [], pack: ["c", "a/b", "a", "c/d", "d/e", "d"] },
    outcomes: [
      "stored 1",
      "stored 1",
      "name-conflict",
      "name-conflict",
      "stored 1",
      "name-conflict",
    ],
  },
  {
    what: "in descending order, and again",
    ...{ stored: [], pack: ["c", "b", "a", "c", "b"] },
    outcomes: ["stored 1", "stored 1", "stored 1", "stored 2>1", "stored 2>1"],
  },
  {
    what: "that UTF-8 and UTF-16 order otherwise",
    ...{ stored: ["\uffee", "\u{1f600}"], pack: ["a", "\uffee", "\u{1f600}", "\uffef"] },
    outcomes: ["stored 1", "stored 2>1", "stored 2>1", "stored 1"],
  },
];

for (const { what, stored, removed, pack, outcomes } of BESIDE_STORED) {
  catalogTest(`a pack can have names ${what}`, async (catalog) => {
    await login(catalog);
    if (stored.length > 0) {
      await commitPack(catalog, stored.map((name) => ({ name, content: "before" })), KEEP);
    }
    if (removed !== undefined) await catalog.files.remove(alice, removed, { ...KEEP, now: 3500 });
    const entries = pack.map((name, i) => ({ name, content: `${i}` }));
    assert.deepEqual(words(await commitPack(catalog, entries, KEEP)), outcomes);
  });
}

concurrentCatalogTest("a refused record of a pack does not affect the others", async (catalog) => {
  await login(catalog);
  await commitPack(catalog, [{ name: "f", content: "x" }, { name: "\u00c5" }, { name: "d/x" }]);
  const result = await commitPack(catalog, [
    { name: "f/below", content: "y" },
    { name: "ok", content: "1" },
    { name: "A\u030a", content: "z" },
    { name: "d", content: "a file" },
    { name: "skipped", content: "2" },
    { name: "new" },
    { name: "new/below" },
  ], { accepted: new Uint8Array([1, 1, 1, 1, 0, 1, 1]) });
  assert.deepEqual(words(result), [
    ...["name-conflict", "stored 1", "other-form", "name-conflict", "skipped", "stored 1"],
    "name-conflict",
  ]);
  assert.deepEqual(await names(catalog), ["d/x@1", "f@1", "new@1", "ok@1", "\u00c5@1"]);
});

catalogTest("a pack stores what the quota has room for", async (catalog) => {
  await login(catalog);
  const entries = ["12345", "12345678", "123"].map((content, i) => ({ name: `${i}`, content }));
  const quota = { bytes: 10, files: 3 };
  assert.deepEqual(words(await commitPack(catalog, entries, { quota })), [
    ...["stored 1", "quota-bytes", "stored 1"],
  ]);
  const more = ["", "", "1"].map((content, i) => ({ name: `m${i}`, content }));
  assert.deepEqual(words(await commitPack(catalog, more, { quota })), [
    ...["stored 1", "quota-files", "quota-files"],
  ]);
  const again = [{ name: "0", content: "abcdefg" }, { name: "2", content: "abcd" }];
  const reserved = { bytes: 1, files: 0 };
  assert.deepEqual(words(await commitPack(catalog, again, { quota, reserved })), [
    ...["quota-bytes", "stored 2>1"],
  ]);
  await catalog.accounts.update(alice, { quota: { bytes: 1 } });
  assert.deepEqual(words(await commitPack(catalog, [entries[0] as PackedEntry], { quota })), [
    "kept 1",
  ]);
  assert.deepEqual(words(await commitPack(catalog, [{ name: "0", content: "a" }], { quota })), [
    "quota-bytes",
  ]);
});

catalogTest("a pack drops history that is over the quota", async (catalog) => {
  await login(catalog);
  const quota = { bytes: 10, files: Infinity };
  for (const content of ["1234", "12345", "123456"]) {
    await commitPack(catalog, [{ name: "a", content }], { ...KEEP, quota });
  }
  assert.deepEqual(await names(catalog), ["a@3"]);
  assert.deepEqual((await catalog.files.usage(alice)).history, { files: 0, bytes: 0 });
});

catalogTest("records of a pack can have blobs", async (catalog) => {
  await login(catalog);
  for (const number of [1, 2, 3]) await catalog.blobs.reserve(blob(number));
  await commitPack(catalog, [{ name: "f" }]);
  const entries = [{ name: "a", content: "one" }, { name: "f/b", content: "x" }];
  const blobs = (a: number, b: number) => new Map([[0, blob(a)], [1, blob(b)]]);
  const first = await commitPack(catalog, entries, { blobs: blobs(1, 2) });
  assert.deepEqual(words(first), ["stored 1", "name-conflict"]);
  assert.deepEqual(first.garbage, [blob(2)]);
  assert.deepEqual(await garbageOf(catalog), [blob(2), blob(3)]);
  const file = await catalog.files.find(alice, "a", { want: "all" });
  assert.deepEqual([file?.content, file?.bytes], [{ kind: "blob", id: blob(1) }, undefined]);
  const again = await commitPack(catalog, entries.slice(0, 1), { blobs: new Map([[0, blob(3)]]) });
  assert.deepEqual([words(again), again.garbage], [["kept 1"], [blob(1)]]);
  const mended = await catalog.files.find(alice, "a", { want: "all" });
  assert.deepEqual(mended?.content, { kind: "blob", id: blob(3) }, "the new blob is there");
  assert.deepEqual(await garbageOf(catalog), [blob(1), blob(2)]);
  assert.deepEqual(words(await commitPack(catalog, entries.slice(0, 1))), ["kept 1"]);
  const inline = await catalog.files.find(alice, "a", { want: "all" });
  assert.deepEqual([inline?.content.kind, inline?.bytes], ["inline", utf8.encode("one")]);
  assert.deepEqual(inline?.chunks?.first, inline?.tree?.digest);
});

catalogTest(
  "a file of one commit is kept like that of a pack, a damaged one is not",
  async (catalog) => {
    await login(catalog);
    await commitPack(catalog, [{ name: "a", content: "one" }]);
    const found = await catalog.files.find(alice, "a");
    assert.ok(found?.tree !== undefined);
    const { size, crc, tree } = found;
    const file = (number: number) =>
      withBytes(inlineFile(number, { name: "a", size, crc, tree }), utf8.encode("one"));
    assert.equal((await catalog.files.commit(file(1))).version, 1);
    await catalog.files.setDamage(found.content.id, "content");
    assert.deepEqual(words(await commitPack(catalog, [{ name: "a", content: "one" }])), [
      "stored 2>1",
    ]);
    assert.deepEqual(await names(catalog), ["a@2"], "the damaged version is discarded");
  },
);

catalogTest("a pack ends partial uploads of its names", async (catalog) => {
  await login(catalog);
  await catalog.uploads.save(partial(1), { max: 9 });
  await catalog.uploads.save(partial(2), { max: 9 });
  const { garbage } = await commitPack(catalog, [{ name: "file1", content: "x" }, {
    name: "other",
  }]);
  assert.deepEqual(garbage, [partial(1).id]);
  assert.equal(await catalog.uploads.find(alice, "file1"), undefined);
  assert.notEqual(await catalog.uploads.find(alice, "file2"), undefined);
});

catalogTest(
  "a pack of a disabled account is refused, that of a missing one fails",
  async (catalog) => {
    await login(catalog);
    await catalog.accounts.update(alice, { disabled: true });
    assert.deepEqual(words(await commitPack(catalog, [{ name: "a" }, { name: "b" }])), [
      ...["account-disabled", "account-disabled"],
    ]);
    await catalog.accounts.remove(alice);
    await assert.rejects(commitPack(catalog, [{ name: "a" }]));
  },
);

concurrentCatalogTest("packs at the same time are all stored", async (catalog) => {
  await login(catalog);
  const content = "x".repeat(60_000);
  const packs = Array.from({ length: 12 }, (_, i) => [
    ...Array.from({ length: 16 }, (_, j) => ({ name: `${i}/${j}`, content })),
  ]);
  const results = await Promise.all(packs.map((entries) => commitPack(catalog, entries)));
  for (const result of results) assert.deepEqual(words(result), Array(16).fill("stored 1"));
  const { bytes, files } = await catalog.files.usage(alice);
  assert.deepEqual([bytes, files], [12 * 16 * 60_000, 12 * 16]);
});

concurrentCatalogTest("an update changes the metadata of current versions", async (catalog) => {
  await login(catalog);
  await commitPack(catalog, ["a", "b", "c"].map((name) => ({ name, content: name })));
  const writer = new UpdateWriter();
  const change = { mode: 0o640, mtime: 77n };
  for (const [name, version] of [["a", 1], ["b", 2], ["none", 1], ["c", 1]] as const) {
    writer.add(name, version, change);
  }
  const result = await catalog.files.updatePack(alice, writer.payload.slice(), {
    accepted: new Uint8Array([1, 1, 1, 0]),
  });
  assert.deepEqual(words(result), ["kept 1", "changed", "missing", "skipped"]);
  const modes = (await catalog.files.list(alice, { limit: 9 })).map(({ mode }) => mode);
  assert.deepEqual(modes, [0o640, undefined, undefined]);
});
