/** Ctrl-C with real processes: the client ends cleanly, reports what is stored, and resumes with the next run. */
import assert from "node:assert/strict";
import { AccountFolder } from "../../client/identity/v4_account.ts";
import { MAX_PACKED_SIZE } from "../../protocol/v4/pack.ts";
import { areEqual, pseudoRandomBytes } from "../support/bytes.ts";
import { eventsIn } from "../support/events.ts";
import { correctAnswers, ScriptedV3Server, silence } from "../support/v3/scripted_server.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { CLIENT_3, startXfer, writeTransferInfo } from "../support/processes.ts";
import { ProcessFixture } from "../support/process_fixture.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

/** Windows has only one signal, which ends a process at once. */
function test(what: string, fn: () => Promise<void>): void {
  Deno.test({ name: `interrupt: ${what}`, ignore: Deno.build.os === "windows", fn });
}

const LARGE = pseudoRandomBytes(12_000_000);
/** Small files are sent before larger ones. */
const FILES = { small: "first", large: LARGE, last: pseudoRandomBytes(MAX_PACKED_SIZE + 1) };
/** Slow enough for a signal during the transfer. */
const SLOWLY = ["--limit-rate", "2MB"];

test("a put over protocol 4 reports what is stored and what is not; the same command resumes", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const cwd = await fixture.prepare("client", FILES);
  const put = ["client", "put", "--accept-new", ...Object.keys(FILES)];
  await using running = startXfer([...put, ...SLOWLY, "--json"], cwd);
  await running.printed(/"event":"progress","file":"large","done":[2-9]\d{6},/);
  running.kill("SIGINT");
  const stopped = await running.end();
  assert.equal(stopped.code, 130, stopped.stderr);
  const events = eventsIn(stopped.stdout).filter(({ event }) => event !== "progress");
  const reported = events.slice(events.findIndex(({ event }) => event === "stopping"));
  assert.deepEqual(
    reported.map(({ event, signal, path, state, code, done, failed, file }) =>
      JSON.stringify({ event, signal, path, state, code, done, failed, file })
    ),
    [
      { event: "stopping", signal: "SIGINT" },
      { event: "left-part", file: "large" },
      { event: "not-stored", path: "large", state: "not-stored", code: "interrupted" },
      { event: "not-stored", path: "last", state: "not-tried", code: "interrupted" },
      { event: "summary", done: 1, failed: 2 },
    ].map((event) => JSON.stringify(event)),
  );
  assert.equal(stopped.stderr, "Interrupted: large\nNot started: last\n");
  const again = await xfer(put, cwd);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /^Resuming large at [1-9][\d.]* MiB of [\d.]+ MiB$/m);
  assert.ok(areEqual(await fixture.exported("Alice", "large"), LARGE));
});

test("a put over protocol 3, SIGTERM: no file is half stored, and the exit code is the signal's", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const cwd = await fixture.prepare("client", { ...FILES, large: "" });
  await Deno.truncate(`${cwd}/large`, 200_000_000);
  const put = [...CLIENT_3, "put", ...Object.keys(FILES)];
  await using running = startXfer(put, cwd);
  await running.printed(/^Uploading large/m);
  running.kill("SIGTERM");
  const stopped = await running.end();
  assert.equal(stopped.code, 143, stopped.stderr);
  assert.match(stopped.stdout, /^Uploaded small [^\n]*\nUploaded 1 file [^\n]*, 2 interrupted\n$/);
  assert.match(
    stopped.stderr,
    /^Stopping\. Send SIGTERM again to quit at once\.\nInterrupted: large$/m,
  );
  assert.match(stopped.stderr, /^Not started: last$/m);
  assert.doesNotMatch(stopped.stderr, /^xfer:|left|goes on/m);
  const { stdout } = await fixture.operate("list");
  assert.doesNotMatch(stdout, /^ {2}(large|last) /m);
  await Deno.truncate(`${cwd}/large`, 1000);
  assert.equal((await xfer(put, cwd)).code, 0);
  assert.deepEqual([...Deno.readDirSync(`${fixture.data}/staging`)], []);
});

test("a get keeps the partial download, and reports what was not downloaded", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const cwd = await fixture.prepare("client", FILES);
  assert.equal((await xfer(["client", "put", "--accept-new", "large"], cwd)).code, 0);
  const get = ["client", "get", "large", "-o", "back"];
  await using running = startXfer([...get, ...SLOWLY], cwd);
  while (!(await isPartThere(`${cwd}/.back.xfer-part`))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  running.kill("SIGINT");
  const stopped = await running.end();
  assert.equal(stopped.code, 130, stopped.stderr);
  assert.match(stopped.stderr, /^Saved the partial download of large as \.back\.xfer-part/m);
  assert.match(stopped.stderr, /^Interrupted: large$/m);
  assert.equal(stopped.stdout, "");
  const again = await xfer(get, cwd);
  assert.match(again.stderr, /^Resuming large at [1-9][\d.]* MiB of [\d.]+ MiB$/m);
  assert.ok(areEqual(await Deno.readFile(`${cwd}/back`), LARGE));
});

/** Whether a chunk has arrived. */
async function isPartThere(path: string): Promise<boolean> {
  const size = await Deno.stat(path).then(({ size }) => size, () => 0);
  return size > 1024 * 1024;
}

test("a second signal ends the process at once", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const correct = correctAnswers(0);
  const sent = Promise.withResolvers<void>();
  await using server = new ScriptedV3Server((request) => {
    if (request.kind !== "sendFile") return correct(request);
    sent.resolve();
    return Promise.resolve(silence);
  });
  await folder.write("a", "content");
  await writeTransferInfo(folder.path, { port: server.address.port, file: "a" });
  await using running = startXfer([...CLIENT_3], folder.path);
  // Only a client that waits for an answer stops after a moment.
  await sent.promise;
  running.kill("SIGINT");
  await running.printed(/^Stopping/m);
  running.kill("SIGINT");
  const { code, stderr } = await running.end();
  assert.equal(code, 130);
  assert.doesNotMatch(stderr, /Interrupted: /, "it had no time to report");
});

/** Every command that contacts the server, with its message about the part that it did not do. */
const COMMANDS: Readonly<Record<string, readonly [args: readonly string[], said: RegExp]>> = {
  "put": [["a", "b"], /^(Interrupted|Not started): a\nNot started: b$/m],
  "put -": [["--as", "a"], /^Interrupted: standard input$/m],
  "get": [["a"], /^Interrupted: a$/m],
  "get --recursive": [["d"], /^Stopping/m],
  "list": [[], /^Stopping/m],
  "stat": [["a"], /^Stopping/m],
  "versions": [["a"], /^Stopping/m],
  "remove": [["a", "b"], /^Stopping/m],
  "rename": [["a", "b"], /^Stopping/m],
  "link": [[], /^Stopping/m],
};

for (const [command, [args, said]] of Object.entries(COMMANDS)) {
  test(`${command} during the wait before a retry`, async () => {
    await using folder = await TemporaryFolder.createOnDisk();
    for (const name of ["a", "b"]) await folder.write(name, "content");
    await writeTransferInfo(folder.path, { port: unusedPort() });
    await new AccountFolder(folder.path).loadKey();
    await folder.write("me.account", `Alice\n${"0".repeat(32)}\n`);
    await Deno.chmod(folder.join("me.account"), 0o600);
    const run = ["client", ...command.split(" "), ...args, "--retries", "100"];
    await using running = startXfer(run, folder.path);
    await running.printed(/Retrying in .* s \(retry 1 of 100\): .*$/m);
    running.kill("SIGINT");
    const { code, stdout, stderr } = await running.end();
    assert.equal(code, 130, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, said);
  });
}

/** A port without a listener. */
function unusedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
