/** Imports of local files and folders into an account. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { splitNanoseconds } from "../../../protocol/nanoseconds.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { readTime, setTime } from "../../../client/local/file_metadata.ts";
import {
  exportFile,
  importFiles,
  type ImportOutcome,
  type ImportRequest,
  listStored,
  measureUsage,
  setUserDisabled,
  setUserQuota,
  verify,
} from "../../../server/operator/mod.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { startInThisThread } from "../../support/server.ts";
import { tamper } from "../../support/store/database.ts";
import { listen } from "../../support/store/stored.ts";
import type { TemporaryFolder } from "../../support/temporary_folder.ts";
import { Fixture, got } from "../../support/v4/fixture.ts";

/** A data folder with the account Alice, which no server uses. */
async function createStore(): Promise<Fixture> {
  const fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  await fixture.server.close();
  return fixture;
}

/** `stored name`, or the code of the error and the last component of the path; sorted. */
async function importAll(
  dataFolder: string,
  paths: string[],
  options: Partial<ImportRequest> = {},
): Promise<string[]> {
  const outcomes: string[] = [];
  const onOutcome = (one: ImportOutcome) =>
    void outcomes.push(
      "error" in one
        ? `${one.error.code} ${one.path.split("/").at(-1)}`
        : `${one.state} ${one.name}`,
    );
  await importFiles({ dataFolder, userName: "Alice", paths, readTime, onOutcome, ...options });
  return outcomes.sort();
}

async function stored(dataFolder: string) {
  return (await listStored(dataFolder)).flatMap(({ files }) => files);
}

/** Everything is intact, and no upload is left. */
async function assertSound(dataFolder: string) {
  assert.equal((await verify({ dataFolder })).findings, 0);
  assert.deepEqual([...Deno.readDirSync(join(dataFolder, "staging"))], []);
}

const SIZES = [0, 1, 20_000, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE];

/** A tree with files of all sizes, an empty folder, links, and modes and times of its own. */
async function createTree(folder: TemporaryFolder): Promise<string> {
  const tree = folder.join("tree");
  await Deno.mkdir(join(tree, "deep", "empty"), { recursive: true });
  for (const size of SIZES) {
    await Deno.writeFile(join(tree, "deep", `${size}`), pseudoRandomBytes(size, size));
  }
  await Deno.writeTextFile(join(tree, "run"), "#!/bin/sh\n");
  await Deno.chmod(join(tree, "run"), 0o755);
  await Deno.chmod(join(tree, "deep", "empty"), 0o750);
  await Deno.symlink("../run", join(tree, "deep", "link"));
  await Deno.symlink("nowhere", join(tree, "dangling"));
  setTime(join(tree, "deep", "link"), 1_234_567_890_123_456_789n);
  setTime(join(tree, "run"), -1_000_000_000n);
  setTime(join(tree, "deep", "empty"), 1_000_000_001n);
  return tree;
}

/** The names of the tree. */
const NAMES = [
  "tree",
  "tree/dangling",
  "tree/deep",
  ...SIZES.map((size) => `tree/deep/${size}`),
  ...["tree/deep/empty", "tree/deep/link", "tree/run"],
];

Deno.test("import: files, folders and links are stored with mode and time, and unchanged ones only once", async () => {
  await using fixture = await createStore();
  const tree = await createTree(fixture.folder);
  assert.deepEqual(
    await importAll(fixture.data, [tree]),
    NAMES.map((name) => `stored ${name}`).sort(),
  );
  await assertSound(fixture.data);
  const files = await stored(fixture.data);
  assert.deepEqual(files.map(({ name }) => name), [...NAMES].sort());
  for (const { name, kind, mode, tree: digest, verified } of files) {
    const path = fixture.folder.join(name);
    const info = await Deno.lstat(path);
    const expected = info.isFile ? "file" : info.isSymlink ? "link" : "folder";
    assert.equal(kind ?? "file", expected, name);
    assert.equal(mode, (info.mode ?? 0) & 0o7777, name);
    assert.equal(digest?.mtime, readTime(path), name);
    assert.equal(verified, true);
    if (kind === "folder") continue;
    const target = fixture.folder.join("exported");
    await exportFile({ dataFolder: fixture.data, userName: "Alice", fileName: name, target });
    if (kind === "link") assert.equal(await Deno.readLink(target), await Deno.readLink(path));
    else {
      assert.deepEqual(await Deno.readFile(target), await Deno.readFile(path));
      const { mode, mtime } = await Deno.lstat(target);
      assert.equal((mode ?? 0) & 0o777, name === "tree/run" ? 0o700 : 0o600);
      assert.equal(mtime?.getTime(), splitNanoseconds(readTime(path)).ms);
    }
    await Deno.remove(target);
  }
  const folder = { dataFolder: fixture.data, userName: "Alice", fileName: "tree" };
  await assert.rejects(exportFile({ ...folder, target: fixture.folder.join("exported") }), {
    code: "no-such-file",
  });
  assert.deepEqual(
    await importAll(fixture.data, [tree]),
    NAMES.map((name) => `unchanged ${name}`).sort(),
  );
  assert.equal((await stored(fixture.data)).length, NAMES.length);
});

Deno.test("import: a changed mode or time is updated without a new version; other content becomes one, and history stays", async () => {
  await using fixture = await createStore();
  const tree = await createTree(fixture.folder);
  await importAll(fixture.data, [tree]);
  await Deno.chmod(join(tree, "run"), 0o700);
  setTime(join(tree, "deep", "20000"), 5n);
  await Deno.writeTextFile(join(tree, "deep", "1"), "2");
  await Deno.remove(join(tree, "dangling"));
  await Deno.symlink("elsewhere", join(tree, "dangling"));
  const changed = (await importAll(fixture.data, [tree]))
    .filter((outcome) => !outcome.startsWith("unchanged"));
  assert.deepEqual(changed, [
    "metadata tree", // something in it was removed and added
    "metadata tree/deep/20000",
    "metadata tree/run",
    "stored tree/dangling",
    "stored tree/deep/1",
  ]);
  const versions = (await stored(fixture.data))
    .filter(({ name }) => ["tree/deep/1", "tree/run", "tree/dangling"].includes(name))
    .map(({ name, version, current, mode }) => `${name} ${version} ${current} ${mode === 0o700}`);
  assert.deepEqual(versions, [
    ...["tree/dangling 1 false false", "tree/dangling 2 true false"],
    ...["tree/deep/1 1 false false", "tree/deep/1 2 true false"],
    "tree/run 1 true true",
  ]);
  await assertSound(fixture.data);
});

Deno.test("import: while a server runs, its clients see the files at once", async () => {
  await using fixture = await Fixture.create();
  using client = await fixture.client("Alice");
  const content = pseudoRandomBytes(2 * CHUNK_SIZE + 5);
  const path = await fixture.folder.write("large", content);
  assert.deepEqual(await importAll(fixture.data, [path], { as: "docs/x" }), ["stored docs/x"]);
  assert.deepEqual(await got(client, "docs/x"), content);
});

Deno.test("import: a file over the quota is refused by itself, and the usage is exact", async () => {
  await using fixture = await createStore();
  await setUserQuota(fixture.data, "Alice", { bytes: 50_000, files: 3 });
  const paths: string[] = [];
  for (const [name, size] of [["a", 30_000], ["b", 30_000], ["c", 20_000], ["d", 0], ["e", 0]]) {
    const content = pseudoRandomBytes(Number(size));
    paths.push(await fixture.folder.write(`${name}`, content));
  }
  const outcomes: string[] = [];
  for (const path of paths) outcomes.push(...await importAll(fixture.data, [path]));
  assert.deepEqual(outcomes, [
    ...["stored a", "over-limit b", "stored c", "stored d", "over-limit e"],
  ]);
  const { accounts: [alice] } = await measureUsage(fixture.data, { top: 0 });
  assert.deepEqual(alice?.current, { files: 3, bytes: 50_000 });
  // All at once, no more is stored than fits.
  const many = await importAll(fixture.data, paths);
  assert.deepEqual(many, [
    ...["over-limit b", "over-limit e", "unchanged a", "unchanged c", "unchanged d"],
  ]);
  await assertSound(fixture.data);
});

Deno.test("import: entries that cannot be stored fail by themselves, special files and data folders are skipped", async () => {
  await using fixture = await createStore();
  const tree = fixture.folder.join("tree");
  await Deno.mkdir(join(tree, "a"), { recursive: true });
  await Deno.writeTextFile(join(tree, "a", "b"), "b");
  await Deno.writeTextFile(join(tree, "ok"), "ok");
  await Deno.mkdir(join(tree, ...Array(128).fill("d")), { recursive: true });
  await new Deno.Command("mkfifo", { args: [join(tree, "pipe")] }).output();
  await Deno.rename(fixture.data, join(tree, "data"));
  const data = join(tree, "data");
  const skipped: string[] = [];
  const onSkipped = (path: string, why: string) =>
    void skipped.push(`${path.split("/").at(-1)}: ${why}`);
  const outcomes = await importAll(data, [tree, join(tree, "none")], { onSkipped });
  assert.deepEqual(outcomes.filter((one) => !one.startsWith("stored tree/d")), [
    ...["bad-file-name d", "cannot-read none"],
    ...["stored tree", "stored tree/a", "stored tree/a/b", "stored tree/ok"],
  ]);
  const file = await fixture.folder.write("file", "file");
  assert.deepEqual(await importAll(data, [file], { as: "tree/a" }), ["bad-file-name file"]);
  assert.deepEqual(await importAll(data, [file], { as: "tree/ok/b" }), ["bad-file-name file"]);
  assert.deepEqual(skipped.sort(), ["data: a server's data folder", "pipe: a special file"]);
  await assertSound(data);
  await Deno.rename(data, fixture.data);
});

Deno.test("import: a folder replaces a file of its name, which becomes history", async () => {
  await using fixture = await createStore();
  const file = await fixture.folder.write("file", "file");
  await importAll(fixture.data, [file], { as: "tree" });
  const tree = await createTree(fixture.folder);
  assert.deepEqual(
    await importAll(fixture.data, [tree]),
    NAMES.map((name) => `stored ${name}`).sort(),
  );
});

Deno.test("import: a link is stored as one, unless the path ends in a slash", async () => {
  await using fixture = await createStore();
  await Deno.mkdir(fixture.folder.join("real"));
  await fixture.folder.write("real/file", "x");
  await Deno.symlink("real", fixture.folder.join("link"));
  const path = fixture.folder.join("link");
  assert.deepEqual(await importAll(fixture.data, [path], { as: "one" }), ["stored one"]);
  assert.deepEqual(await importAll(fixture.data, [`${path}/`], { as: "two" }), [
    ...["stored two", "stored two/file"],
  ]);
});

Deno.test("import: an unknown or disabled account and two paths with one name are refused", async () => {
  await using fixture = await createStore();
  const path = await fixture.folder.write("a", "a");
  await assert.rejects(importAll(fixture.data, [path], { userName: "Bob" }), {
    code: "no-such-user",
  });
  await assert.rejects(importAll(fixture.data, [path, path], { as: "b" }), { code: "one-name" });
  await assert.rejects(importAll(fixture.folder.join("none"), [path]), { code: "no-data-folder" });
  await setUserDisabled(fixture.data, "Alice", true);
  assert.deepEqual(await importAll(fixture.data, [path]), ["account-disabled a"]);
  await assertSound(fixture.data);
});

Deno.test("import: a file that changes while it is read is not stored", async () => {
  await using fixture = await createStore();
  const path = await fixture.folder.write("growing", pseudoRandomBytes(3 * CHUNK_SIZE));
  const fileSystem = {
    ...Deno,
    // Opened when the upload begins, before the first chunk is written.
    open: async (name: string | URL, options?: Deno.OpenOptions) => {
      if (`${name}`.includes("staging")) await Deno.writeFile(path, new Uint8Array(9));
      return await Deno.open(name, options);
    },
  };
  assert.deepEqual(await importAll(fixture.data, [path], { fileSystem }), ["file-changed growing"]);
  assert.deepEqual(await stored(fixture.data), []);
  await assertSound(fixture.data);
});

Deno.test("import: an interrupted one ends with the entries in progress, each complete or not stored", async () => {
  await using fixture = await createStore();
  const paths: string[] = [];
  for (let i = 0; i < 40; i++) {
    paths.push(await fixture.folder.write(`f${i}`, pseudoRandomBytes(30_000, i)));
  }
  const aborter = new AbortController();
  let count = 0;
  const onOutcome = (one: ImportOutcome) => {
    if (!("error" in one)) count++;
    aborter.abort();
  };
  const { signal } = aborter;
  await assert.rejects(importAll(fixture.data, paths, { signal, onOutcome }), {
    code: "interrupted",
  });
  assert.ok(count < 40);
  assert.equal((await stored(fixture.data)).length, count);
  await assertSound(fixture.data);
});

Deno.test("import: a second one at the same time is refused", async () => {
  await using fixture = await createStore();
  const path = await fixture.folder.write("large", pseudoRandomBytes(100_000));
  let seconds = 0;
  const fileSystem = {
    ...Deno,
    rename: async (from: string | URL, to: string | URL) => {
      seconds++;
      await assert.rejects(importAll(fixture.data, [path]), { code: "import-in-progress" });
      await Deno.rename(from, to);
    },
  };
  assert.deepEqual(await importAll(fixture.data, [path], { fileSystem }), ["stored large"]);
  assert.equal(seconds, 1);
});

Deno.test("import: a server that starts in the meantime removes nothing of it, and the next start removes leftovers", async () => {
  await using fixture = await createStore();
  const { data } = fixture;
  const leftover = join(data, "staging", "0".repeat(32));
  await Deno.writeTextFile(leftover, "of a killed server");
  const path = await fixture.folder.write("large", pseudoRandomBytes(100_000));
  let starts = 0;
  const fileSystem = {
    ...Deno,
    // The content is staged and reserved, and is about to get its place.
    rename: async (from: string | URL, to: string | URL) => {
      if (dirname(`${from}`).endsWith("staging")) {
        starts++;
        await (await startInThisThread({ listen, dataFolder: data })).close();
      }
      await Deno.rename(from, to);
    },
  };
  assert.deepEqual(await importAll(data, [path], { fileSystem }), ["stored large"]);
  assert.equal(starts, 1);
  assert.equal((await verify({ dataFolder: data })).findings, 0);
  await Deno.lstat(leftover);
  await (await startInThisThread({ listen, dataFolder: data })).close();
  await assertSound(data);
  // The lock is not left locked.
  tamper(join(data, "import.db"), "BEGIN EXCLUSIVE; COMMIT");
});
