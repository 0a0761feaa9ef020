/** Downloads of several files, some of them impossible. */
import assert from "node:assert/strict";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { Alice } from "../support/e2e/alice.ts";
import { tiedCommand } from "../support/tied_processes.ts";

/** Deno 2.4 skips names that are not UTF-8. The Deno version of an executable is unknown here. */
const SEES_ALL_NAMES = !Deno.version.deno.startsWith("2.4.") && !Deno.env.has("XFER_BIN");

function test(what: string, body: (alice: Alice) => Promise<void>, ignore = false) {
  Deno.test({
    name: `several files: ${what}`,
    ignore,
    fn: async () => {
      await using alice = await Alice.create("a", "b", "c");
      await body(alice);
    },
  });
}

test("all named files are downloaded into the named folder, which is created", async ({ here, run }) => {
  await Deno.mkdir(`${here}/d`);
  const large = pseudoRandomBytes(1_500_000);
  await Deno.writeFile(`${here}/d/large`, large);
  assert.equal((await run("put", "a", "b", "d")).code, 0);
  const got = await run("get", "a", "b", "d/large", "-o", "new/folder");
  assert.equal(got.code, 0, got.stderr);
  assert.deepEqual(namesIn(`${here}/new/folder`), ["a", "b", "large"]);
  assert.deepEqual(new Uint8Array(Deno.readFileSync(`${here}/new/folder/large`)), large);
  assert.match(got.stdout, /\nDownloaded 3 files \(1\.4 MiB\)\n$/);
  assert.match(
    (await run("get", "a", "b", "-o", "new/folder")).stderr,
    /everything is already here \(2 entries\)/,
  );
});

test("one file is downloaded into an existing folder, under its own name", async ({ here, run }) => {
  assert.equal((await run("put", "a")).code, 0);
  await Deno.mkdir(`${here}/there`);
  assert.equal((await run("get", "a", "-o", "there")).code, 0);
  assert.deepEqual(namesIn(`${here}/there`), ["a"]);
});

test("a file that cannot be downloaded does not affect the others", async ({ here, run }) => {
  assert.equal((await run("put", "a", "b", "c")).code, 0);
  await Deno.mkdir(`${here}/back`);
  await Deno.writeTextFile(`${here}/back/b`, "mine");
  const got = await run("get", "nothing", "a", "b", "c", "-o", "back");
  assert.equal(got.code, 9, got.stderr);
  assert.deepEqual(namesIn(`${here}/back`), ["a", "b", "c"]);
  assert.equal(await Deno.readTextFile(`${here}/back/b`), "mine");
  assert.match(
    got.stderr,
    /no such file: nothing \[no-such-file\]\n[^]*\[target-exists\]\n/,
  );
  assert.match(got.stdout, /\nDownloaded 2 files \(2 B\), 2 failed\n$/);
});

test("folders are downloaded under their names, too", async ({ here, run }) => {
  for (const name of ["x", "y"]) {
    await Deno.mkdir(`${here}/${name}`);
    await Deno.writeTextFile(`${here}/${name}/file`, name);
  }
  assert.equal((await run("put", "x", "y")).code, 0);
  const got = await run("get", "x", "y", "none", "--recursive", "-o", "back");
  assert.equal(got.code, 9, got.stderr);
  assert.equal(await Deno.readTextFile(`${here}/back/x/file`), "x");
  assert.equal(await Deno.readTextFile(`${here}/back/y/file`), "y");
});

test("of two files with the same path here, the first is downloaded, the second is reported", async ({ here, run }) => {
  assert.equal((await run("put", "a", "--as", "x/a")).code, 0);
  assert.equal((await run("put", "b", "--as", "y/a")).code, 0);
  const got = await run("get", "x/a", "y/a", "-o", "back", "--force");
  assert.equal(got.code, 9);
  assert.match(got.stderr, /cannot write both x\/a and y\/a to back.a \[same-name\]/);
  assert.match(got.stderr, /^xfer: failed to download y\/a: .*|y\/a to back.a \[same-name\]$/m);
  assert.equal(await Deno.readTextFile(`${here}/back/a`), "a");
  const old = await run("get", "x/a", "y/a", "--version", "1");
  assert.match(old.stderr, /\[one-name\]/);
});

test("a missing folder is reported, and created if the path ends with a slash", async ({ here, run }) => {
  assert.equal((await run("put", "a", "b", "c")).code, 0);
  await Deno.remove(`${here}/a`);
  const missing = await run("get", "a", "-o", "none/a");
  assert.equal(missing.code, 7, missing.stderr);
  assert.match(
    missing.stderr,
    /failed to download a: cannot write to none: no such folder \[cannot-write\]\n/,
  );
  assert.equal((await run("get", "a", "-o", "new/")).code, 0);
  assert.deepEqual(namesIn(`${here}/new`), ["a"]);
  const refused = await run("get", "missing", "-o", "other/");
  assert.equal(refused.code, 5);
  assert.ok(!namesIn(here).includes("other"), "nothing was downloaded into it");
  for (
    const args of [
      ["a", "-o", "b/"],
      ["a", "-o", "b/a"],
      ["a", "c", "-o", "b"],
      ["a", "c", "-o", "b/new"],
    ]
  ) {
    const got = await run("get", ...args);
    assert.equal(got.code, 2, got.stderr);
    assert.match(got.stderr, /: b is a file, not a folder \[target-exists\]\n/);
    assert.match(got.stderr, /failed to download a: /i);
    assert.equal(/failed to download c: /i.test(got.stderr), args.includes("c"));
    assert.doesNotMatch(got.stderr, /tmp|os error/);
  }
});

test("an impossible request is refused before the server is contacted", async ({ here, run }) => {
  await Deno.writeTextFile(`${here}/transfer.info`, "127.0.0.1:1\nAlice\n");
  for (
    const [code, ...args] of [
      ["one-name", "get", "a", "b", "-o", "-"],
      ["one-name", "get", "a", "b", "--version", "2"],
      ["one-name", "get", ".", "a"],
      ["one-name", "get", ".", "-o", "-"],
      ["conflicting-option", "get", "a", "--delete"],
      ["invalid-argument", "get", "a", "-o", ""],
      ["invalid-argument", "get", ""],
      ["invalid-argument", "stat", ""],
      ["invalid-argument", "versions", ""],
      ["invalid-argument", "remove", "a", ""],
      ["invalid-argument", "rename", "a", ""],
      ["same-name", "rename", "a", "a"],
      ["conflicting-option", "get", "a", "--recursive", "--range", "0-1"],
    ] as const
  ) {
    const { code: exit, stderr } = await run(...args);
    assert.deepEqual([exit, stderr.includes(`[${code}]`)], [2, true], `${args}: ${stderr}`);
  }
  assert.match((await run("rename", "a", "a")).stderr, /already named a \[same-name\]/);
});

test("for a range that starts after the end of the file, nothing is written", async ({ here, run }) => {
  assert.equal((await run("put", "a")).code, 0);
  const got = await run("get", "a", "--range", "1-5", "-o", "back");
  assert.equal(got.code, 2, got.stderr);
  assert.match(
    got.stderr,
    /the range begins after the end of a: byte 1 of 1, counted from 0 \[bad-range\]\n/,
  );
  assert.ok(!namesIn(here).includes("back"));
  assert.equal((await run("get", "a", "--range", "0-5", "-o", "back")).code, 0);
});

test("if a version does not exist, the hint says where to look", async ({ run }) => {
  assert.equal((await run("put", "a")).code, 0);
  for (const args of [["get", "a", "-o", "back"], ["stat", "a"]]) {
    const { code, stderr } = await run(...args, "--version", "7");
    assert.equal(code, 5);
    assert.match(
      stderr,
      /\[no-such-file\]\n *To see the stored versions, run 'xfer client versions a'\.\n/,
    );
  }
});

test(
  "a name that is not UTF-8 is reported as such",
  async ({ here, run }) => {
    const made = await tiedCommand("sh", {
      args: ["-c", "mkdir d && printf x > \"d/$(printf 'a\\377b')\" && printf y > d/y"],
      cwd: here,
    }).output();
    assert.ok(made.success);
    const put = await run("put", "d");
    assert.equal(put.code, 9, put.stderr);
    assert.match(put.stderr, /cannot upload d\/a.b: its name is not UTF-8 \[bad-file-name\]/);
    assert.equal(
      (await run("list", "d")).stdout.trim().split(/\s+/).at(-1),
      "d/y",
      "the other is stored",
    );
    assert.doesNotMatch(put.stderr, /--as/, "nothing can open it, under any name");
    const others = await run("put", "d", "--exclude", "a?b");
    assert.equal(others.code, 0, others.stderr);
    const named = await run("put", "d/a\ufffdb", "--as", "ab");
    assert.equal(named.code, 2, named.stderr);
    assert.match(named.stderr, /its name is not UTF-8 \[bad-file-name\]\n(?!.*--as)/);
  },
  Deno.build.os !== "linux" || !SEES_ALL_NAMES,
);

test("files that the system denies are reported in our words", async ({ run }) => {
  for (const path of ["/dev/null", "/proc/self/status"]) {
    // With all permissions an executable can read the second one, whose size is 0.
    const { stderr } = await run("put", path);
    assert.doesNotMatch(stderr, /--allow|internal/);
  }
}, Deno.build.os !== "linux");

test("a folder that cannot be read is not reported as missing", async ({ run }) => {
  assert.equal((await run("put", "a")).code, 0);
  for (const path of ["/dev/null", "/proc/self/a"]) {
    const { code, stderr } = await run("get", "a", "-o", path, "--force");
    assert.ok([2, 7].includes(code), stderr);
    assert.doesNotMatch(stderr, /no such folder/);
    assert.match(stderr, /failed to download a: /i);
  }
  assert.equal(Deno.lstatSync("/dev/null").isCharDevice, true);
}, Deno.build.os !== "linux");

test("another kind of file in the place of a folder is named as such", async ({ here, run }) => {
  assert.equal((await run("put", "a", "b")).code, 0);
  const { success } = await tiedCommand("mkfifo", { args: ["pipe"], cwd: here }).output();
  assert.ok(success);
  for (const args of [["a", "b", "-o", "pipe"], ["a", "-o", "pipe/a"]]) {
    const { code, stderr } = await run("get", ...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /: pipe is a FIFO, not a folder \[target-exists\]\n/);
  }
}, Deno.build.os === "windows");

function namesIn(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}
