/** What limits and gathers what a client of protocol 4 sends. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { sendFiles } from "../../../client/send_files.ts";
import { excluder, gather, type Passed } from "../../../client/v4/gather.ts";
import { type Clock, RateLimit } from "../../../client/v4/rate_limit.ts";
import { TemporaryFolder } from "../../helpers/temporary.ts";

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
  const passed: [string, Passed][] = [];
  const { jobs, folders } = await gather({
    ...{ paths: [root], identityFolder: folder.path, exclude: ["*.tmp", "/skipped/"] },
    onPassed: (path, why) => passed.push([path.slice(root.length), why]),
  });
  assert.deepEqual(jobs.map(({ name }) => name), [
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

Deno.test("names that can't be kept side by side, or at all, are refused before anything is sent", async () => {
  await using folder = await TemporaryFolder.create();
  const a = await folder.write("a", "1");
  await Deno.mkdir(folder.join("x"));
  const b = await folder.write("x/a", "2");
  const identityFolder = folder.path;
  await assert.rejects(gather({ identityFolder, paths: [a, b] }), { code: "same-name" });
  await assert.rejects(gather({ identityFolder, paths: [a, b], as: "c" }), { code: "one-name" });
  await assert.rejects(gather({ identityFolder, paths: [a], as: "../c" }), {
    code: "bad-file-name",
  });
  await assert.rejects(gather({ identityFolder, paths: [folder.join("none")] }), {
    code: "cannot-read",
  });
});

Deno.test("what proves who the client is goes to no server by way of a folder, and its key by no way", async () => {
  await using folder = await TemporaryFolder.create();
  const own = [
    ...["me.key", "me.account", "me.lock", "me.stored", "me.info", "me.info.old", "me.info.old2"],
    ...["priv.key", "me.edition", "known_servers", "transfer.info"],
    `me.key.${crypto.randomUUID()}.tmp`,
  ];
  const others = ["me.key.pem", "me.txt", "priv.keys"];
  for (const where of ["above/home", "above/other"]) {
    await Deno.mkdir(folder.join(where), { recursive: true });
    for (const name of [...own, ...others]) await folder.write(`${where}/${name}`, "x");
  }
  const home = folder.join("above/home");
  // However one gets there.
  await Deno.symlink(home, folder.join("link"));
  const identityFolder = folder.join("link");
  for (
    const [path, below] of [["above/home", "home/"], ["above", "above/home/"], ["link", "link/"]]
  ) {
    const passed: string[] = [];
    const { jobs } = await gather({
      ...{ paths: [folder.join(`${path}`)], identityFolder },
      onPassed: (path, why) => {
        assert.equal(why, "a file of xfer's own");
        passed.push(basename(path));
      },
    });
    // Another folder, whosever it is, is one like others.
    const sent = jobs.map(({ name }) => name).filter((name) => !name.startsWith("above/other/"));
    assert.deepEqual(sent, others.toSorted().map((name) => `${below}${name}`));
    assert.deepEqual(passed, own.toSorted());
    assert.equal(
      jobs.length - sent.length,
      path === "above" ? own.length + others.length : 0,
    );
  }
  await Deno.symlink(`${home}/me.key`, folder.join("innocent"));
  const refused = { name: "UsageError", code: "own-key" };
  for (const name of ["above/home/me.key", "above/home/priv.key", "link/me.info.old", "innocent"]) {
    await assert.rejects(gather({ paths: [folder.join(name)], identityFolder }), refused, name);
  }
  const server = { hostname: "127.0.0.1", port: 1 };
  const plain = await folder.write("priv.key", "x");
  const sending = sendFiles({
    ...{ server, userName: "Alice", files: [plain], retries: 0, identityFolder: folder.path },
  });
  await assert.rejects(sending, refused, "by protocol 3");
  const harmless = { paths: [`${home}/transfer.info`], identityFolder };
  assert.equal((await gather(harmless)).jobs.length, 1);
});
