/** What limits and gathers what a client of protocol 4 sends. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { sendFiles } from "../../../client/v3/send_files.ts";
import {
  type CollectedFiles,
  collectFiles,
  excluder,
  type SkipReason,
} from "../../../client/v4/collect_files.ts";
import { partPath } from "../../../client/local/partial_file.ts";
import { type Clock, RateLimit } from "../../../client/net/rate_limit.ts";
import { backup } from "../../../server/operator/backup.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { startServer } from "../../support/v4/fixture.ts";

/** Time that passes only where somebody sleeps. */
class FakeClock implements Clock {
  time = 5000;
  readonly sleeps: number[] = [];

  now(): number {
    return this.time;
  }

  sleep(ms: number): Promise<void> {
    this.sleeps.push(ms);
    this.time += ms;
    return Promise.resolve();
  }
}

for (const piece of [100, 16_384, 1_048_576]) {
  Deno.test(`rate limit: pieces of ${piece} bytes go at the rate, without short sleeps`, async () => {
    const clock = new FakeClock();
    const rate = new RateLimit(2_000_000, clock);
    let bytes = 0;
    for (; bytes < 20_000_000; bytes += piece) await rate.take(piece);
    const ms = clock.time - 5000;
    // A tenth of a second may be ahead, and one more piece was asked for.
    assert.ok(Math.abs(ms - bytes / 2000) <= 200 + piece / 2000, `${ms} ms for ${bytes} bytes`);
    assert.ok(clock.sleeps.every((ms) => ms >= 100), `${clock.sleeps.slice(0, 5)}`);
  });
}

Deno.test("rate limit: who waits long may not send all at once then", async () => {
  const clock = new FakeClock();
  const rate = new RateLimit(1000, clock);
  await rate.take(1000);
  clock.time += 3_600_000;
  const before = clock.time;
  for (let i = 0; i < 10; i++) await rate.take(1000);
  assert.ok(clock.time - before >= 9900);
});

Deno.test("rate limit: several connections share it", async () => {
  const clock = new FakeClock();
  const rate = new RateLimit(1000, clock);
  await Promise.all(Array.from({ length: 4 }, async () => {
    for (let i = 0; i < 5; i++) await rate.take(500);
  }));
  assert.ok(clock.time - 5000 >= 9900, `${clock.time}`);
});

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
  Deno.test(`--exclude ${patterns.join(" ") || "(nothing)"}`, () => {
    const isExcluded = excluder(patterns);
    for (const path of out) assert.equal(isExcluded(path), true, `${path} is left out`);
    for (const path of kept) assert.equal(isExcluded(path), false, `${path} is kept`);
  });
}

for (const pattern of ["", "  ", "a\nb"]) {
  Deno.test(`--exclude ${JSON.stringify(pattern)} is refused`, () => {
    assert.throws(() => excluder([pattern]), { name: "UsageError", code: "bad-pattern" });
  });
}

Deno.test("of a folder its files are found by name; what is no file, and empty folders, are left out and said", async () => {
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
  const passed: [string, SkipReason][] = [];
  const { uploads, folders } = await collectFiles({
    ...{ paths: [root], identityFolder: folder.path, exclude: ["*.tmp", "/skipped/"] },
    onSkipped: (path, why) => passed.push([path.slice(root.length), why]),
  });
  assert.deepEqual(uploads.map(({ name }) => name), [
    "tree/a/z",
    "tree/b/1",
    "tree/b/deep/2",
    "tree/top",
  ]);
  assert.deepEqual(folders, ["tree"]);
  assert.deepEqual(passed, [
    ["/empty", "an empty folder"],
    ["/link", "neither a file nor a folder"],
  ]);
});

/** The codes of what can't be sent, by paths below a folder. */
function codesOf({ failures }: CollectedFiles, root: string): Record<string, string> {
  return Object.fromEntries(
    failures.map(({ path, error }) => [path.slice(root.length), error.code]),
  );
}

const namesOf = ({ uploads }: CollectedFiles) => uploads.map(({ name }) => name);

Deno.test("of several files, those that can't be sent are named with the reason, and the others are sent", async () => {
  await using folder = await TemporaryFolder.create();
  const identityFolder = folder.path;
  for (const name of ["x", "y"]) await Deno.mkdir(folder.join(name));
  const paths = ["a", "missing", "x/b", "y/b", "aux.c", "c"].map((name) => folder.join(name));
  for (const name of ["a", "x/b", "y/b", "aux.c", "c"]) await folder.write(name, name);
  const gathered = await collectFiles({ identityFolder, paths: [...paths, ""] });
  assert.deepEqual(namesOf(gathered), ["a", "b", "c"]);
  assert.deepEqual(codesOf(gathered, folder.path), {
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

Deno.test("the same path given twice, in whatever words, is sent once", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("d"));
  for (const name of ["a", "d/b", "d/aux"]) await folder.write(name, name);
  await Deno.mkdir(folder.join("links"));
  await Deno.symlink(folder.join("d"), folder.join("links/d"));
  const ways = ["a", "d/../a", "d", "d/", "d/.", "links/d", "none", "none"];
  const gathered = await collectFiles({
    identityFolder: folder.path,
    paths: ways.map((way) => `${folder.path}/${way}`),
  });
  assert.deepEqual(namesOf(gathered), ["a", "d/b"]);
  assert.deepEqual(codesOf(gathered, folder.path), {
    "/d/aux": "bad-file-name",
    "/none": "cannot-read",
  });
});

Deno.test({
  name: "of two names in a folder that are one in NFC the first is sent, and the second named",
  // Where a file system takes the two for one there is nothing to tell apart.
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TemporaryFolder.create();
    await Deno.mkdir(folder.join("d"));
    for (const name of ["e\u0301", "\u00e9", "f"]) await folder.write(`d/${name}`, name);
    const gathered = await collectFiles({ identityFolder: folder.path, paths: [folder.join("d")] });
    assert.deepEqual(namesOf(gathered), ["d/\u00e9", "d/f"]);
    assert.deepEqual(codesOf(gathered, folder.path), { "/d/\u00e9": "same-name" });
    assert.match(gathered.failures[0]?.error.message ?? "", /: another file has this name, with/);
  },
});

Deno.test({
  name:
    "names in a folder that no server takes are named one by one, a folder's once for all that is in it",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using folder = await TemporaryFolder.create();
    const bad = ["aux.c", "dot.", "a\nb", "x\\y", "con"];
    await Deno.mkdir(folder.join("d/nul/deep"), { recursive: true });
    for (const name of [...bad, "nul/1", "nul/deep/2", "good"]) await folder.write(`d/${name}`, "");
    const gathered = await collectFiles({ identityFolder: folder.path, paths: [folder.join("d")] });
    assert.deepEqual(namesOf(gathered), ["d/good"]);
    assert.deepEqual(
      codesOf(gathered, folder.join("d/")),
      Object.fromEntries([...bad, "nul"].map((name) => [name, "bad-file-name"])),
    );
    const backslash = gathered.failures.find(({ path }) => path.endsWith("x\\y"));
    assert.match(backslash?.error.message ?? "", /holds a slash, a backslash or a NUL/);
  },
});

Deno.test("files and folders that vanish while a folder is listed are named, and the others sent", async () => {
  await using folder = await TemporaryFolder.create();
  const root = folder.join("d");
  await Deno.mkdir(`${root}/m`, { recursive: true });
  await Deno.mkdir(`${root}/b`);
  for (const name of ["a", "m/1", "n", "z"]) await folder.write(`d/${name}`, name);
  const gathered = await collectFiles({
    ...{ identityFolder: folder.path, paths: [root] },
    // The empty folder comes first; by then the names of the others are known.
    onSkipped: (path) => {
      assert.equal(path, `${root}/b`);
      Deno.removeSync(`${root}/m`, { recursive: true });
      Deno.removeSync(`${root}/n`);
    },
  });
  assert.deepEqual(namesOf(gathered), ["d/a", "d/z"]);
  assert.deepEqual(codesOf(gathered, root), { "/m": "cannot-read", "/n": "cannot-read" });
});

Deno.test({
  name: "a folder that may not be read is named, and what is beside it is sent",
  // Root may read everything.
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
  fn: async () => {
    await using folder = await TemporaryFolder.create();
    await Deno.mkdir(folder.join("d/closed"), { recursive: true });
    await folder.write("d/a", "");
    await Deno.chmod(folder.join("d/closed"), 0);
    const gathered = await collectFiles({ identityFolder: folder.path, paths: [folder.join("d")] })
      .finally(() => Deno.chmod(folder.join("d/closed"), 0o700));
    assert.deepEqual(namesOf(gathered), ["d/a"]);
    assert.deepEqual(codesOf(gathered, folder.path), { "/d/closed": "cannot-read" });
  },
});

const OWN = [
  ...["me.key", "me.account", "me.lock", "me.stored", "me.info", "me.info.old", "me.info.old2"],
  ...["priv.key", "me.edition", "known_servers", "transfer.info"],
  `me.key.${crypto.randomUUID()}.tmp`,
];

/** The reasons why things in a folder are left out, by paths below it. */
async function passedOf(folder: TemporaryFolder, path: string, identityFolder: string) {
  const passed: Record<string, SkipReason> = {};
  const gathered = await collectFiles({
    ...{ paths: [folder.join(path)], identityFolder },
    onSkipped: (passedPath, why) => passed[passedPath.slice(folder.join(path).length + 1)] = why,
  });
  return { passed, gathered };
}

const allAre = (names: readonly string[], why: SkipReason) =>
  Object.fromEntries(names.map((name) => [name, why]));

Deno.test("private files of every client are skipped in folders, wherever links lead", async () => {
  await using folder = await TemporaryFolder.create();
  const others = ["me.key.pem", "me.txt", "priv.keys"];
  for (const where of ["above/home", "above/other"]) {
    await Deno.mkdir(folder.join(where), { recursive: true });
    for (const name of [...OWN, ...others]) await folder.write(`${where}/${name}`, "x");
  }
  await Deno.symlink(folder.join("above/home"), folder.join("link"));
  const identityFolder = folder.join("link");
  for (const [path, ...below] of [["above/home", ""], ["link", ""], ["above", "home/", "other/"]]) {
    const { passed, gathered } = await passedOf(folder, path as string, identityFolder);
    const own = below.flatMap((folder) => OWN.map((name) => folder + name));
    assert.deepEqual(passed, allAre(own, "a file of xfer's own"));
    assert.deepEqual(
      namesOf(gathered),
      below.flatMap((folder) =>
        others.toSorted().map((name) => `${basename(path as string)}/${folder}${name}`)
      ),
    );
  }
});

Deno.test("names that other programs have too are private in a client's folder alone", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("d"));
  for (const name of ["priv.key", "transfer.info", "catalog.db"]) {
    await folder.write(`d/${name}`, "x");
  }
  const { passed, gathered } = await passedOf(folder, "d", folder.path);
  assert.deepEqual(passed, {});
  assert.equal(gathered.uploads.length, 3);
});

Deno.test("unfinished downloads are left out of folders", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("d"));
  const parts = [basename(partPath("a.bin")), `.xfer-${crypto.randomUUID()}.tmp`];
  const others = [".a.part", "a.xfer-part"];
  for (const name of [...parts, ...others]) await folder.write(`d/${name}`, "x");
  const { passed, gathered } = await passedOf(folder, "d", folder.path);
  assert.deepEqual(passed, allAre(parts, "an unfinished download"));
  assert.deepEqual(namesOf(gathered), others.map((name) => `d/${name}`));
});

Deno.test("a key of the identity in use is left out under another name as well", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("d"));
  const key = await folder.write("me.key", "x");
  await Deno.link(key, folder.join("d/innocent"));
  await folder.write("d/a", "x");
  const { passed, gathered } = await passedOf(folder, "d", folder.path);
  assert.deepEqual(passed, { innocent: "a file of xfer's own" });
  assert.deepEqual(namesOf(gathered), ["d/a"]);
  const named = await collectFiles({
    paths: [folder.join("d/innocent")],
    identityFolder: folder.path,
  });
  assert.deepEqual(codesOf(named, folder.join("d")), { "/innocent": "own-key" });
});

Deno.test("a server's data folder is left out whole, running or not, and so is a backup of it", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("above/here"), { recursive: true });
  await folder.write("above/a", "x");
  const data = folder.join("above/data");
  const passed = allAre(["data", "backup"], "a server's data folder");
  {
    await using _server = await startServer(data);
    await backup(data, folder.join("above/backup"));
    const running = await passedOf(folder, "above", folder.join("above/here"));
    assert.deepEqual(running.passed, { ...passed, here: "an empty folder" });
    assert.deepEqual(namesOf(running.gathered), ["above/a"]);
  }
  assert.deepEqual(
    (await passedOf(folder, "above", folder.path)).passed,
    { ...passed, here: "an empty folder" },
  );
  await Deno.symlink(`${data}/tls.pem`, folder.join("innocent"));
  const paths = ["above/data", "above/data/files", "above/data/tls.pem", "above/backup/backup.db"];
  const named = await collectFiles({
    paths: [...paths, "innocent", "above/a"].map((path) => folder.join(path)),
    identityFolder: folder.path,
  });
  assert.deepEqual(
    codesOf(named, folder.join("/")),
    Object.fromEntries([...paths, "innocent"].map((path) => [path, "own-key"])),
  );
  assert.deepEqual(namesOf(named), ["a"]);
});

Deno.test("private files that are named are refused, by either protocol, and what is named beside them is sent", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("home"));
  await Deno.mkdir(folder.join("other"));
  for (const where of ["home", "other"]) {
    for (const name of OWN) await folder.write(`${where}/${name}`, "x");
  }
  const identityFolder = folder.join("home");
  await Deno.symlink(`${identityFolder}/me.key`, folder.join("innocent"));
  await folder.write(".a.xfer-part", "x");
  await folder.write("a", "x");
  const secret = OWN.filter((name) => name !== "transfer.info");
  const refused = [
    ...["home", "other"].flatMap((where) => secret.map((name) => `${where}/${name}`)),
    ...["innocent", ".a.xfer-part"],
  ];
  const paths = [...refused, "a", "home/transfer.info"].map((path) => folder.join(path));
  const gathered = await collectFiles({ paths, identityFolder });
  const expected = Object.fromEntries(refused.map((path) => [path, "own-key"]));
  assert.deepEqual(codesOf(gathered, folder.join("/")), expected);
  // Nothing in it is a secret, and it says where to store.
  assert.deepEqual(namesOf(gathered), ["a", "transfer.info"]);
  const outcomes = await sendFiles({
    connect: {
      server: { hostname: "127.0.0.1", port: 1 },
      userName: "Alice",
      identityFolder: folder.join("new"),
    },
    retry: { retries: 0 },
    files: refused.map((path) => folder.join(path)),
  });
  assert.deepEqual(outcomes.map((outcome) => "error" in outcome && outcome.error.code), [
    ...refused.map(() => "own-key"),
  ]);
});
