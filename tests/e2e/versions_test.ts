/** Old versions on the command line: for users and the operator. */
import assert from "node:assert/strict";
import { eventsIn } from "../support/events.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { ServerProcess } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

Deno.test("versions: kept, listed, downloaded, uploaded again, exported", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const data = folder.join("data");
  const args = ["--listen", "127.0.0.1:0", "--history", "1d"];
  await using server = await ServerProcess.start(data, { args });
  const { location } = await server.logged("server.listening-securely");
  const home = folder.join("Alice");
  await Deno.mkdir(home, { mode: 0o700 });
  await folder.write("Alice/transfer.info", `${location}\nAlice\n`);
  const run = (...args: string[]) => xfer(["client", ...args], home);
  for (const word of ["one", "two", "three", "four"]) {
    await folder.write("Alice/a.txt", word);
    assert.equal((await run("put", "a.txt")).code, 0);
  }
  const listed = await run("versions", "a.txt");
  assert.equal(listed.code, 0, listed.stderr);
  assert.match(
    listed.stdout,
    /^ +4 B {2}\S+ {2}version 4, .*\n +5 B {2}\S+ {2}version 3, .*\n +3 B {2}\S+ {2}version 2, .*\n/,
  );
  const json = await run("versions", "a.txt", "--json");
  assert.deepEqual(eventsIn(json.stdout, "version").map(({ version }) => version), [4, 3, 2, 1]);
  assert.match(
    (await run("stat", "a.txt", "--version", "2")).stdout,
    /^a\.txt\n {2}size +3 bytes\n/,
  );
  assert.match((await run("stat", "a.txt", "--version=3")).stdout, /^a\.txt\n {2}size +5 bytes\n/);

  const got = await run("get", "a.txt", "--version", "2", "-o", "a.txt", "--force");
  assert.equal(got.code, 0, got.stderr);
  assert.equal(await Deno.readTextFile(`${home}/a.txt`), "two");
  assert.equal((await run("get", "a.txt", "--version", "9", "-o", "none")).code, 5);
  for (const odd of ["0", "-1", "x", "4294967296"]) {
    assert.equal((await run("get", "a.txt", "--version", odd, "-o", "none")).code, 2, odd);
  }
  const both = await run("get", "a.txt", "--version", "2", "--recursive");
  assert.equal(both.code, 2, both.stderr);
  assert.equal((await run("put", "a.txt")).code, 0);
  assert.match(
    (await run("stat", "a.txt")).stdout,
    /^a\.txt\n {2}size +3 bytes\n[^]* version +5\n/,
  );

  const operate = (...args: string[]) => xfer(["server", ...args, "--data", data]);
  const [listing, users] = [await operate("list"), await operate("users", "list")];
  for (const { stdout } of [listing, users]) {
    assert.match(stdout, /^Alice: 1 file, 4 old versions\b/);
  }
  for (const list of [["list"], ["users", "list"]]) {
    const [account] = eventsIn((await operate(...list, "--json")).stdout);
    assert.deepEqual([account?.["files"], account?.["oldVersions"]], [1, 4]);
  }
  const rows = listing.stdout.trim().split("\n").slice(1);
  assert.deepEqual(rows.map((row) => /\(old version (\d)\)$/.exec(row)?.[1]), [
    ...["1", "2", "3", "4", undefined],
  ]);
  const target = folder.join("exported");
  const exported = await operate("export", "Alice", "a.txt", target, "--version", "3");
  assert.equal(exported.code, 0, exported.stderr);
  assert.equal(await Deno.readTextFile(target), "three");
  assert.equal((await operate("verify")).code, 0);
  const removed = await operate("users", "remove", "Alice", "--yes");
  assert.equal(removed.stdout, "Removed Alice and 1 file\n");
  const help = await xfer(["client", "versions", "--help"]);
  assert.match(help.stdout, /Example:\n {2}\$ /);
});
