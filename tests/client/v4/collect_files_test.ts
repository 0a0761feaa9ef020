/** Files collected below the paths that a user names. */
import assert from "node:assert/strict";
import { collectFiles, excluder, type SkipReason } from "../../../client/v4/collect_files.ts";
import { codesOf, namesOf } from "../../support/collected_files.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const RULES: readonly [patterns: string[], out: string[], kept: string[]][] = [
  [[], [], ["a", "b/"]],
  [["*.o"], ["x.o", "a/b/x.o", "dir.o/"], ["x.oo", "x.O", "o"]],
  [["/build"], ["build", "build/"], ["a/build", "build2"]],
  [["build/"], ["build/", "a/build/"], ["build"]],
  [["a/**/z"], ["a/z", "a/b/c/z"], ["z", "b/a/z"]],
  [["doc/*.txt"], ["doc/x.txt"], ["doc/a/x.txt", "a/doc/x.txt"]],
  [["*.o", "!keep.o"], ["x.o"], ["keep.o", "a/keep.o"]],
  [["[ab]?"], ["a1", "x/b2"], ["a", "c1"]],
  [["# comment", "\\#x"], ["#x"], ["# comment"]],
  [["ü*"], ["über"], ["uber"]],
];
for (const [patterns, out, kept] of RULES) {
  Deno.test(`--exclude ${patterns.join(" ") || "(nothing)"}: skips what a .gitignore would`, () => {
    const isExcluded = excluder(patterns);
    for (const path of out) assert.equal(isExcluded(path), true, `${path} is skipped`);
    for (const path of kept) assert.equal(isExcluded(path), false, `${path} is kept`);
  });
}

for (const pattern of ["", "  ", "a\nb"]) {
  Deno.test(`--exclude ${JSON.stringify(pattern)}: refused`, () => {
    assert.throws(() => excluder([pattern]), { name: "UsageError", code: "bad-pattern" });
  });
}

Deno.test("a folder: its files are sent by name; links and empty folders are skipped and reported", async () => {
  await using folder = await TemporaryFolder.create();
  const root = folder.join("tree");
  for (const path of ["b/deep", "a", "empty", "skipped/x", "only-skipped"]) {
    await Deno.mkdir(`${root}/${path}`, { recursive: true });
  }
  for (
    const path of ["b/deep/2", "b/1", "a/z", "top", "skipped/x/y", "b/3.tmp", "only-skipped/4.tmp"]
  ) {
    await Deno.writeTextFile(`${root}/${path}`, path);
  }
  await Deno.symlink("/etc", `${root}/link`);
  const skipped: [string, SkipReason][] = [];
  const { uploads, folders } = await collectFiles({
    ...{ paths: [root], identityFolder: folder.path, exclude: ["*.tmp", "/skipped/"] },
    onSkipped: (path, why) => skipped.push([path.slice(root.length), why]),
  });
  assert.deepEqual(uploads.map(({ name }) => name), [
    "tree/a/z",
    "tree/b/1",
    "tree/b/deep/2",
    "tree/top",
  ]);
  assert.deepEqual(folders, ["tree"]);
  assert.deepEqual(skipped, [
    ["/empty", "an empty folder"],
    ["/link", "a link or special file"],
  ]);
});

Deno.test("several files, some of them invalid: each has its reason, and the others are sent", async () => {
  await using folder = await TemporaryFolder.create();
  const identityFolder = folder.path;
  for (const name of ["x", "y"]) await Deno.mkdir(folder.join(name));
  const paths = ["a", "missing", "x/b", "y/b", "aux.c", "c"].map((name) => folder.join(name));
  for (const name of ["a", "x/b", "y/b", "aux.c", "c"]) await folder.write(name, name);
  const collected = await collectFiles({ identityFolder, paths: [...paths, ""] });
  assert.deepEqual(namesOf(collected), ["a", "b", "c"]);
  assert.deepEqual(codesOf(collected, folder.path), {
    "/missing": "cannot-read",
    "/y/b": "same-name",
    "/aux.c": "bad-file-name",
    "": "empty-path",
  });
  const [one] = paths as [string];
  const named = await collectFiles({ identityFolder, paths: [one], as: "../c" });
  assert.deepEqual(codesOf(named, folder.path), { "/a": "bad-file-name" });
  assert.match(named.failures[0]?.error.message ?? "", /a as ..\/c: the name has a part that/);
  await assert.rejects(collectFiles({ identityFolder, paths, as: "c" }), { code: "one-name" });
});

Deno.test("the same path in several spellings: sent once", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("d"));
  for (const name of ["a", "d/b", "d/aux"]) await folder.write(name, name);
  await Deno.mkdir(folder.join("links"));
  await Deno.symlink(folder.join("d"), folder.join("links/d"));
  const ways = ["a", "d/../a", "d", "d/", "d/.", "links/d", "none", "none"];
  const collected = await collectFiles({
    identityFolder: folder.path,
    paths: ways.map((way) => `${folder.path}/${way}`),
  });
  assert.deepEqual(namesOf(collected), ["a", "d/b"]);
  assert.deepEqual(codesOf(collected, folder.path), {
    "/d/aux": "bad-file-name",
    "/none": "cannot-read",
  });
});

Deno.test({
  name: "two names in a folder that are one in NFC: the first is sent, the second refused",
  // If the file system treats the two names as one, nothing can be tested.
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TemporaryFolder.create();
    await Deno.mkdir(folder.join("d"));
    for (const name of ["e\u0301", "\u00e9", "f"]) await folder.write(`d/${name}`, name);
    const collected = await collectFiles({
      identityFolder: folder.path,
      paths: [folder.join("d")],
    });
    assert.deepEqual(namesOf(collected), ["d/\u00e9", "d/f"]);
    assert.deepEqual(codesOf(collected, folder.path), { "/d/\u00e9": "same-name" });
    assert.match(collected.failures[0]?.error.message ?? "", /: another file has this name with/);
  },
});

Deno.test({
  name: "invalid names in a folder: each is refused, a folder's once for all files in it",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using folder = await TemporaryFolder.create();
    const bad = ["aux.c", "dot.", "a\nb", "x\\y", "con"];
    await Deno.mkdir(folder.join("d/nul/deep"), { recursive: true });
    for (const name of [...bad, "nul/1", "nul/deep/2", "good"]) await folder.write(`d/${name}`, "");
    const collected = await collectFiles({
      identityFolder: folder.path,
      paths: [folder.join("d")],
    });
    assert.deepEqual(namesOf(collected), ["d/good"]);
    assert.deepEqual(
      codesOf(collected, folder.join("d/")),
      Object.fromEntries([...bad, "nul"].map((name) => [name, "bad-file-name"])),
    );
    const backslash = collected.failures.find(({ path }) => path.endsWith("x\\y"));
    assert.match(backslash?.error.message ?? "", /contains a slash, a backslash or a NUL/);
  },
});

Deno.test("files and folders vanish while a folder is listed: they are refused, and the others sent", async () => {
  await using folder = await TemporaryFolder.create();
  const root = folder.join("d");
  await Deno.mkdir(`${root}/m`, { recursive: true });
  await Deno.mkdir(`${root}/b`);
  for (const name of ["a", "m/1", "n", "z"]) await folder.write(`d/${name}`, name);
  const collected = await collectFiles({
    ...{ identityFolder: folder.path, paths: [root] },
    // The empty folder comes first. The names of the others are known by then.
    onSkipped: (path) => {
      assert.equal(path, `${root}/b`);
      Deno.removeSync(`${root}/m`, { recursive: true });
      Deno.removeSync(`${root}/n`);
    },
  });
  assert.deepEqual(namesOf(collected), ["d/a", "d/z"]);
  assert.deepEqual(codesOf(collected, root), { "/m": "cannot-read", "/n": "cannot-read" });
});

Deno.test({
  name: "a folder without permission to read: refused, and its siblings are sent",
  // Root may read everything.
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
  fn: async () => {
    await using folder = await TemporaryFolder.create();
    await Deno.mkdir(folder.join("d/closed"), { recursive: true });
    await folder.write("d/a", "");
    await Deno.chmod(folder.join("d/closed"), 0);
    const collected = await collectFiles({ identityFolder: folder.path, paths: [folder.join("d")] })
      .finally(() => Deno.chmod(folder.join("d/closed"), 0o700));
    assert.deepEqual(namesOf(collected), ["d/a"]);
    assert.deepEqual(codesOf(collected, folder.path), { "/d/closed": "cannot-read" });
  },
});
