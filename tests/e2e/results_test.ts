/** Results as people see them: few and many files, exact sizes, local times, totals. */
import assert from "node:assert/strict";
import { MANY_FILES } from "../../cli/text/presentation.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { Alice } from "../support/e2e/alice.ts";
import { HAS_TERMINAL, Terminal } from "../support/terminal.ts";

const names = (count: number) => Array.from({ length: count }, (_, i) => `file-${i}`);
const lines = (text: string) => text.split("\n").slice(0, -1);

Deno.test("results: with few files, put, get and remove print a line for each, and a summary", async () => {
  const few = names(MANY_FILES);
  await using alice = await Alice.create(...few);
  for (
    const [summary, args] of [
      [`Uploaded ${MANY_FILES} files`, ["put", ...few]],
      [`Downloaded ${MANY_FILES} files`, ["get", ...few, "-o", "back/"]],
      [`Removed ${MANY_FILES} entries`, ["remove", ...few]],
    ] as const
  ) {
    const { code, stdout, stderr } = await alice.run(...args);
    assert.equal(code, 0, stderr);
    assert.equal(lines(stdout).length, MANY_FILES + 1, stdout);
    assert.match(lines(stdout).at(-1) ?? "", new RegExp(`^${summary}\\b`));
  }
});

Deno.test("results: with many files, they print the summary only, and each failure", async () => {
  const many = names(MANY_FILES + 1);
  await using alice = await Alice.create(...many);
  const put = await alice.run("put", ...many, "missing");
  assert.equal(put.code, 9, put.stderr);
  assert.match(put.stdout, /^Uploaded 11 files \(67 B\), 1 failed\n$/);
  assert.match(put.stderr, /^xfer: .*missing.* \[cannot-read\]$/m);
  assert.doesNotMatch(put.stderr, /Uploading/);
  const verbose = await alice.run("get", ...many, "-o", "back/", "--verbose");
  assert.equal(lines(verbose.stdout).length, many.length + 1, verbose.stdout);
  const removed = await alice.run("remove", ...many);
  assert.equal(removed.stdout, "Removed 11 entries (67 B)\n");
});

Deno.test("results: sizes are exact with --bytes, with every command", async () => {
  await using alice = await Alice.create("a");
  await Deno.writeTextFile(`${alice.here}/large`, "x".repeat(2500));
  assert.match((await alice.run("put", "large")).stdout, /^Uploaded large \(2\.4 KiB, /);
  const exact = await alice.run("list", "--bytes");
  assert.match(exact.stdout, /^ {8}2500 {2}\S+Z {2}large\n$/);
  assert.match(exact.stderr, /^1 file \(2500 bytes\)\n$/);
  const operate = (...args: string[]) => xfer(["server", ...args, "--data", alice.data]);
  const quota = (...args: string[]) =>
    operate("users", "set-quota", "Alice", "--size", "10MB", ...args);
  assert.equal((await quota()).stdout, "Alice: quota 10 MB\n");
  assert.equal((await quota("--bytes")).stdout, "Alice: quota 10000000 bytes\n");
  for (
    const args of [["users", "list", "--bytes"], ["users", "--bytes", "list"], [
      "--bytes",
      "users",
      "list",
    ]]
  ) {
    assert.match((await operate(...args)).stdout, /quota 10000000 bytes, /, args.join(" "));
  }
});

Deno.test("results: totals follow lists on standard error, without --quiet and --json", async () => {
  await using alice = await Alice.create("a", "b");
  assert.equal((await alice.run("list")).stderr.split("\n").at(-2), "No entries");
  await alice.run("put", "a", "b");
  for (
    const [args, total] of [
      [["list"], "2 files (2 B)\n"],
      [["list", "b"], "1 file (1 B)\n"],
      [["versions", "a"], "1 version (1 B)\n"],
      [["list", "--quiet"], ""],
      [["list", "--json"], ""],
    ] as const
  ) assert.equal((await alice.run(...args)).stderr, total, args.join(" "));
  for (const list of [["list"], ["users", "list"]]) {
    const { stderr } = await xfer(["server", ...list, "--data", alice.data]);
    assert.equal(stderr, "1 account, 2 files (2 B)\n");
  }
});

Deno.test({
  name: "results: times are local on a terminal, UTC in a pipe",
  ignore: !HAS_TERMINAL,
  async fn() {
    await using alice = await Alice.create("a");
    const changed = new Date("2024-05-06T22:08:09Z");
    await Deno.utime(`${alice.here}/a`, changed, changed);
    assert.equal((await alice.run("put", "a")).code, 0);
    assert.match((await alice.run("list")).stdout, / {2}2024-05-06T22:08:09Z {2}a\n/);
    await using terminal = await Terminal.xfer(["client", "list"], {
      cwd: alice.here,
      env: { TZ: "Asia/Kolkata" },
    });
    const { lines } = await terminal.end();
    assert.match(lines.join("\n"), / {2}2024-05-07 03:38:09 {2}a$/m);
  },
});
