/** Files collected below the paths that a user names. */
import assert from "node:assert/strict";
import { excluder } from "../../../client/v4/collect_files.ts";
import type { SkipReason } from "../../../client/v4/tree_walk.ts";
import { codesOf, collectAll, entriesOf, namesOf } from "../../support/collected_files.ts";
import { setTime } from "../../../client/local/file_metadata.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { runTool } from "../../support/tools.ts";

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

Deno.test("a folder: everything in it is sent by name, each folder before its content; excluded names are not", async () => {
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
  const collected = await collectAll({
    ...{ paths: [root], identityFolder: folder.path, exclude: ["*.tmp", "/skipped/"] },
    onSkipped: (path) => assert.fail(path),
  });
  assert.deepEqual(entriesOf(collected), [
    ...["folder tree", "folder tree/a", "file tree/a/z"],
    ...["folder tree/b", "file tree/b/1", "folder tree/b/deep", "file tree/b/deep/2"],
    ...["folder tree/empty", "link tree/link", "folder tree/only-skipped", "file tree/top"],
  ]);
  assert.deepEqual(collected.folders, ["tree"]);
  assert.deepEqual(collected.skipped, []);
});

Deno.test("several files, some of them invalid: each has its reason, and the others are sent", async () => {
  await using folder = await TemporaryFolder.create();
  const identityFolder = folder.path;
  for (const name of ["x", "y"]) await Deno.mkdir(folder.join(name));
  const paths = ["a", "missing", "x/b", "y/b", "aux.c", "c"].map((name) => folder.join(name));
  for (const name of ["a", "x/b", "y/b", "aux.c", "c"]) await folder.write(name, name);
  const collected = await collectAll({ identityFolder, paths: [...paths, ""] });
  assert.deepEqual(namesOf(collected), ["a", "b", "aux.c", "c"]);
  assert.deepEqual(codesOf(collected, folder.path), {
    "/missing": "cannot-read",
    "/y/b": "same-name",
    "": "empty-path",
  });
  const [one] = paths as [string];
  const named = await collectAll({ identityFolder, paths: [one], as: "../c" });
  assert.deepEqual(codesOf(named, folder.path), { "/a": "bad-file-name" });
  assert.match(named.failures[0]?.error.message ?? "", /a as ..\/c: the name has a part that/);
  await assert.rejects(collectAll({ identityFolder, paths, as: "c" }), { code: "one-name" });
});

Deno.test("a folder under a chosen name: slashes at its end are ignored, a bad name is refused once", async () => {
  await using folder = await TemporaryFolder.create();
  const [identityFolder, root] = [folder.path, folder.join("tree")];
  await Deno.mkdir(root);
  await folder.write("tree/a", "a");
  const named = await collectAll({ identityFolder, paths: [root], as: "x/y//" });
  assert.deepEqual(entriesOf(named), ["folder x/y", "file x/y/a"]);
  assert.deepEqual(named.folders, ["x/y"]);
  for (const as of ["", ".", "../x", "/x", "x//y", "/"]) {
    const refused = await collectAll({ identityFolder, paths: [root], as });
    assert.deepEqual(entriesOf(refused), [], as);
    assert.deepEqual(codesOf(refused, folder.path), { "/tree": "bad-file-name" }, as);
  }
});

Deno.test("the same path in several spellings: sent once", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("d"));
  for (const name of ["a", "d/b"]) await folder.write(name, name);
  await Deno.mkdir(folder.join("links"));
  await Deno.symlink(folder.join("d"), folder.join("links/d"));
  const ways = ["a", "d/../a", "d", "d/", "d/.", "links/d/", "none", "none"];
  const collected = await collectAll({
    identityFolder: folder.path,
    paths: ways.map((way) => `${folder.path}/${way}`),
  });
  assert.deepEqual(namesOf(collected), ["a", "d/b"]);
  assert.deepEqual(codesOf(collected, folder.path), { "/none": "cannot-read" });
});

Deno.test({
  name: "two names in a folder that are one in NFC: the first is sent, the second refused",
  // If the file system treats the two names as one, nothing can be tested.
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TemporaryFolder.create();
    await Deno.mkdir(folder.join("d"));
    for (const name of ["e\u0301", "\u00e9", "f"]) await folder.write(`d/${name}`, name);
    const collected = await collectAll({
      identityFolder: folder.path,
      paths: [folder.join("d")],
    });
    assert.deepEqual(namesOf(collected), ["d/f", "d/e\u0301"]);
    assert.deepEqual(codesOf(collected, folder.path), { "/d/\u00e9": "same-name" });
    assert.match(collected.failures[0]?.error.message ?? "", /: another file has this name with/);
  },
});

Deno.test({
  name: "names that other systems don't allow, of up to 255 bytes: sent as they are",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TemporaryFolder.create();
    const names = [
      "aux.c",
      "dot.",
      "a\nb",
      "x\\y",
      "con",
      "a:b",
      " ",
      "\u{1f600}",
      "ü".repeat(127),
    ];
    await Deno.mkdir(folder.join("d"));
    for (const name of names) await folder.write(`d/${name}`, "");
    const collected = await collectAll({
      ...{ identityFolder: folder.path, paths: [folder.join("d")] },
    });
    assert.deepEqual(namesOf(collected), names.toSorted().map((name) => `d/${name}`));
    assert.deepEqual(collected.failures, []);
  },
});

Deno.test("a folder that is too deep: refused once for everything in it", async () => {
  await using folder = await TemporaryFolder.create();
  const deep = Array.from({ length: 128 }, () => "d").join("/");
  await Deno.mkdir(folder.join(`${deep}/e`), { recursive: true });
  for (const path of [`${deep}/a`, `${deep}/e/b`]) await folder.write(path, "");
  const collected = await collectAll({ identityFolder: folder.path, paths: [folder.join("d")] });
  assert.equal(collected.entries.length, 128);
  assert.deepEqual(codesOf(collected, folder.path), {
    [`/${deep}/a`]: "bad-file-name",
    [`/${deep}/e`]: "bad-file-name",
  });
});

Deno.test({
  name: "pipes, sockets and devices in a folder: skipped and named",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TemporaryFolder.create();
    await Deno.mkdir(folder.join("d"));
    const { code } = await runTool("mkfifo", [folder.join("d/pipe")]);
    assert.equal(code, 0);
    using _socket = Deno.listen({ transport: "unix", path: folder.join("d/socket") });
    await Deno.symlink("/dev/null", folder.join("d/link"));
    const skipped: Record<string, SkipReason> = {};
    const collected = await collectAll({
      ...{ identityFolder: folder.path, paths: [folder.join("d")], links: false },
      onSkipped: (path, why) => skipped[path.slice(folder.path.length)] = why,
    });
    assert.deepEqual(skipped, {
      "/d/link": "a link",
      "/d/pipe": "a pipe",
      "/d/socket": "a socket",
    });
    assert.deepEqual(collected.skipped, ["d/link", "d/pipe", "d/socket"]);
    assert.deepEqual(entriesOf(collected), ["folder d"]);
  },
});

Deno.test("links: uploaded as links, relative, absolute and dangling; followed if the path ends as a folder's", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("d"));
  await folder.write("d/a", "content");
  await Deno.mkdir(folder.join("links"));
  const targets = {
    relative: "../d/a",
    absolute: folder.join("d"),
    dangling: "no/where",
    up: "..",
  };
  for (const [name, target] of Object.entries(targets)) {
    await Deno.symlink(target, folder.join(`links/${name}`));
  }
  const identityFolder = folder.path;
  const collected = await collectAll({ identityFolder, paths: [folder.join("links")] });
  const found: Record<string, string> = {};
  for (const { kind, remoteName, content } of collected.entries) {
    if (kind !== "link") continue;
    found[remoteName.slice("links/".length)] = new TextDecoder().decode(content);
  }
  assert.deepEqual(found, targets);

  const named = (end: string, followsNamed?: boolean) =>
    collectAll({
      ...{ identityFolder, paths: [folder.join(`links/absolute${end}`)], followsNamed },
    });
  assert.deepEqual(entriesOf(await named("")), ["link absolute"]);
  assert.deepEqual(entriesOf(await named("/")), ["folder absolute", "file absolute/a"]);
  assert.deepEqual(entriesOf(await named("", true)), ["folder absolute", "file absolute/a"]);
});

Deno.test("whole paths: kept as names, each entry once, however it is reached", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("d/e"), { recursive: true });
  for (const name of ["a", "d/b", "d/e/c"]) await folder.write(name, name);
  const before = Deno.cwd();
  Deno.chdir(folder.path);
  try {
    const collect = async (paths: string[]) =>
      await collectAll({ identityFolder: "none", paths, keepsPaths: true });
    const some = await collect(["d/e/c", "./d/e", "a", "../outside"]);
    assert.deepEqual(entriesOf(some), ["file d/e/c", "folder d/e", "file a"]);
    assert.deepEqual(codesOf(some, ""), { "../outside": "cannot-read" });
    const all = await collect([".", "./a", "./d", "./d/b", "./d/e", "./d/e/c"]);
    assert.deepEqual(entriesOf(all), [
      ...["file a", "folder d", "file d/b", "folder d/e", "file d/e/c"],
    ]);
    assert.deepEqual(codesOf(all, ""), {});
    assert.deepEqual(all.folders, ["", "d", "d/e"]);
  } finally {
    Deno.chdir(before);
  }
});

Deno.test({
  name: "modes and times of files, folders and links: as they are here",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TemporaryFolder.create();
    await Deno.mkdir(folder.join("d"));
    await folder.write("d/tool", "");
    await Deno.symlink("tool", folder.join("d/link"));
    await Deno.chmod(folder.join("d/tool"), 0o4751);
    await Deno.chmod(folder.join("d"), 0o2750);
    const times = { d: -1n, "d/tool": 1_764_419_786_123_456_789n, "d/link": -86_400_000_000_001n };
    for (const name of ["d/tool", "d/link", "d"] as const) setTime(folder.join(name), times[name]);
    const { entries } = await collectAll({ identityFolder: "none", paths: [folder.join("d")] });
    assert.deepEqual(
      Object.fromEntries(
        entries.map(({ remoteName, mode, mtime }) => [remoteName, { mode, mtime }]),
      ),
      {
        d: { mode: 0o2750, mtime: times.d },
        "d/tool": { mode: 0o4751, mtime: times["d/tool"] },
        "d/link": { mode: undefined, mtime: times["d/link"] },
      },
    );
  },
});

Deno.test("files and folders vanish while a folder is listed: they are refused, and the others sent", async () => {
  await using folder = await TemporaryFolder.create();
  const root = folder.join("d");
  await Deno.mkdir(`${root}/m`, { recursive: true });
  await Deno.symlink("a", `${root}/b`);
  for (const name of ["a", "m/1", "n", "z"]) await folder.write(`d/${name}`, name);
  const collected = await collectAll({
    ...{ identityFolder: folder.path, paths: [root] },
    // The link comes first. The names of the others are known by then.
    links: false,
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
    const collected = await collectAll({ identityFolder: folder.path, paths: [folder.join("d")] })
      .finally(() => Deno.chmod(folder.join("d/closed"), 0o700));
    assert.deepEqual(namesOf(collected), ["d/a"]);
    assert.deepEqual(codesOf(collected, folder.path), { "/d/closed": "cannot-read" });
  },
});
