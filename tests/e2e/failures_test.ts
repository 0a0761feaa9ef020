/** Failures with real processes: clear messages, true exit codes, nothing lost. */
import assert from "node:assert/strict";
import { eventsIn } from "../support/events.ts";
import { FaultyProxy } from "../support/net/faulty_proxy.ts";
import { falsifyChecksums } from "../support/net/tamper.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { xfer } from "../support/hosted_xfer.ts";
import { CLIENT_3, invocation, writeTransferInfo } from "../support/processes.ts";
import type { Serving } from "../support/e2e/served_here.ts";
import { ProcessFixture } from "../support/process_fixture.ts";
import { tiedCommand } from "../support/tied_processes.ts";

const REFUSED = 5;
const INTEGRITY = 6;
const PARTIAL = 9;

for (const wrong of [1, 2]) {
  Deno.test(`checksum: if it is wrong ${wrong}×, that is reported, and the file is sent again`, async () => {
    await using fixture = await ProcessFixture.servedHere();
    await using proxy = await faulty(fixture, wrong);
    const content = pseudoRandomBytes(3_000_000);
    const cwd = await fixture.prepare("client", { "a.bin": content }, { port: proxy.address.port });
    const { code, stderr } = await xfer(CLIENT_3, cwd);
    assert.equal(code, 0, stderr);
    assert.equal(stderr.match(/^Checksums of a\.bin differ: /gm)?.length, wrong);
    assert.match(stderr, new RegExp(`attempt ${wrong + 1}`));
    assert.deepEqual(await fixture.exported("Alice", "a.bin"), content);
  });
}

Deno.test("checksum: if it is always wrong, the client gives up after four attempts, and sends the next file", async () => {
  await using fixture = await ProcessFixture.servedHere();
  await using proxy = await faulty(fixture, 4);
  const cwd = await fixture.prepare("client", { a: "first", b: "second" }, {
    port: proxy.address.port,
  });
  const { code, stdout, stderr } = await xfer([...CLIENT_3, "put", "a", "b"], cwd);
  assert.equal(code, PARTIAL);
  assert.match(stderr, /a was not stored: its checksum differed 4 times \[crc-mismatch\]/);
  assert.equal(stderr.match(/Uploading a/g)?.length, 4);
  assert.match(stdout, /^Uploaded b /);
  assert.doesNotMatch((await fixture.operate("list")).stdout, /^ {2}a /m);
  assert.deepEqual([...Deno.readDirSync(`${fixture.data}/staging`)], []);
});

Deno.test("names: a taken one is refused, and the owner's files are untouched", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const owner = await fixture.prepare("owner", { a: "the owner's" });
  assert.equal((await xfer(CLIENT_3, owner)).code, 0);
  const other = await fixture.prepare("other", { a: "another's" });
  const { code, stdout, stderr } = await xfer(CLIENT_3, other);
  assert.equal(code, REFUSED);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /the server did not register Alice: the name is taken, or [^\n]* \[name-taken\]/,
  );
  assert.equal(new TextDecoder().decode(await fixture.exported("Alice", "a")), "the owner's");
  assert.ok(!exists(`${other}/me.info`));
});

Deno.test("reconnection: if unknown to the server, the client registers again and keeps the old identity aside", async () => {
  await using fixture = await ProcessFixture.servedHere();
  await using elsewhere = await ProcessFixture.servedHere();
  const cwd = await fixture.prepare("client", { a: "content" });
  assert.equal((await xfer(CLIENT_3, cwd)).code, 0);
  const before = await Deno.readTextFile(`${cwd}/me.info`);
  await writeTransferInfo(cwd, { port: elsewhere.server.port, file: "a" });
  const { code, stderr } = await xfer(CLIENT_3, cwd);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /does not know Alice with id .* Saved the old identity as me\.info\.old$/m);
  assert.equal(await Deno.readTextFile(`${cwd}/me.info.old`), before);
  assert.notEqual(await Deno.readTextFile(`${cwd}/me.info`), before);
  assert.equal(new TextDecoder().decode(await elsewhere.exported("Alice", "a")), "content");
});

Deno.test("registration: a client that died before its id arrived continues with its key once the name is free", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const cwd = await fixture.prepare("client", { a: "content" });
  assert.equal((await xfer(CLIENT_3, cwd)).code, 0);
  const key = await Deno.readTextFile(`${cwd}/priv.key`);
  await Deno.remove(`${cwd}/me.info`);
  await writeTransferInfo(cwd, { port: fixture.server.port, userName: "Bob", file: "a" });
  assert.equal((await xfer(CLIENT_3, cwd)).code, 0);
  assert.equal(await Deno.readTextFile(`${cwd}/priv.key`), key);
  assert.ok((await Deno.readTextFile(`${cwd}/me.info`)).includes(key.trim()));
});

const CASES: readonly [string, readonly string[], number, RegExp][] = [
  ["no file of that name", [...CLIENT_3, "put", "none"], 7, /cannot read none: .*\[cannot-read\]/],
  ["a folder", [...CLIENT_3, "put", "."], 7, /not a regular file \[not-a-file\]/],
  ["no transfer.info", ["client", "--transfer-info", "none"], 3, /\[no-transfer-info\]/],
  [
    "an unknown command",
    ["cleint"],
    2,
    /unknown command 'cleint' \[unknown-command\]\n.*'xfer client'/,
  ],
  ["an unknown option", ["client", "--fast"], 2, /unknown option '--fast' \[unknown-option\]/],
  ["no command", [], 2, /Usage: xfer/],
  ["nothing to put", ["client", "put"], 2, /missing required argument 'path'/],
  ["an invalid address", ["server", "--listen", "1256"], 2, /expected HOST:PORT/],
  ["a list without a data folder", ["server", "list", "--data", "none"], 3, /\[no-data-folder\]/],
];

Deno.test("invalid input: a clear error and the exit code of its class; nothing is sent or written", async () => {
  await using fixture = await ProcessFixture.create();
  const cwd = await fixture.prepare("client", { a: "content" });
  for (const [what, args, expected, message] of CASES) {
    const { code, stdout, stderr } = await xfer(args, cwd);
    assert.equal(code, expected, `${what}: ${stderr}`);
    assert.match(stderr, message, what);
    assert.equal(stdout, "", what);
  }
  assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name).sort(), [
    "a",
    "transfer.info",
  ]);
  const events = fixture.server.log.map((line) => line["event"]);
  assert.deepEqual(events, ["server.listening", "server.listening-securely"]);
});

Deno.test("no server: the error says so, with a hint", async () => {
  await using fixture = await ProcessFixture.create();
  const cwd = await fixture.prepare("client", { a: "content" });
  await fixture.server.stop();
  const { code, stderr } = await xfer([...CLIENT_3, "--retries", "0"], cwd);
  assert.equal(code, 4);
  assert.match(
    stderr,
    /cannot connect to 127\.0\.0\.1:\d+: .*\[cannot-connect\]\n +Check the address/,
  );
});

Deno.test("export: unknown users and files, an existing target, a damaged file", async () => {
  await using fixture = await ProcessFixture.servedHere();
  const cwd = await fixture.prepare("client", { a: "content".repeat(100_000) });
  assert.equal((await xfer(CLIENT_3, cwd)).code, 0);
  const target = fixture.folder.join("target");
  const cases: [readonly string[], number, RegExp][] = [
    [["Bob", "a", target], 2, /no such user: Bob \[no-such-user\]/],
    [["Alice", "b", target], 2, /Alice has no file b \[no-such-file\]/],
    [["Alice", "a", `${cwd}/a`], 2, /\[target-exists\]/],
    [["Alice", "a", fixture.folder.join("none", "target")], 7, /\[cannot-write\]/],
  ];
  for (const [args, expected, message] of cases) {
    const { code, stderr } = await fixture.operate("export", ...args);
    assert.equal(code, expected, stderr);
    assert.match(stderr, message);
  }
  const [file] = eventsIn((await fixture.operate("list", "--json")).stdout, "client-file");
  await Deno.writeTextFile(`${fixture.data}/${file?.["path"]}`, "cOntent".repeat(100_000));
  const { code, stderr } = await fixture.operate("export", "Alice", "a", target);
  assert.equal(code, INTEGRITY);
  assert.match(
    stderr,
    /a is damaged: its cksum is \d+, not \d+ \[/,
  );
  assert.ok(!exists(target), "no output file on failure");
  assert.deepEqual([...Deno.readDirSync(fixture.folder.path)].map(({ name }) => name).sort(), [
    "client",
    "data",
  ]);
});

Deno.test("--version prints the version", async () => {
  const { version } = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  ) as { version: string };
  const printed = await xfer(["--version"]);
  assert.deepEqual([printed.code, printed.stdout], [0, `${version}\n`]);
});

function faulty({ server }: ProcessFixture<Serving>, count: number): Promise<FaultyProxy> {
  const target = { hostname: "127.0.0.1", port: server.port };
  return FaultyProxy.start(target, { down: falsifyChecksums(count) });
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("put continues after a file that cannot be stored, and reports each failure", async () => {
  await using fixture = await ProcessFixture.servedHere();
  await using proxy = await faulty(fixture, 4);
  const cwd = await fixture.prepare("client", { a: "1", b: "2", c: "3" }, {
    port: proxy.address.port,
  });
  const { code, stdout, stderr } = await xfer([...CLIENT_3, "put", "a", "b", "c"], cwd);
  assert.equal(code, PARTIAL);
  assert.deepEqual([...stdout.matchAll(/^Uploaded (\w) \(/gm)].map(([, name]) => name), ["b", "c"]);
  assert.match(stderr, /^xfer: a was not stored: /m);
});

Deno.test("output: a closed pipe is silent, a full disk is an error with its own code", async () => {
  if (Deno.build.os !== "linux") return;
  await using fixture = await ProcessFixture.servedHere();
  const cwd = await fixture.prepare("client", { a: "content" });
  const shell = async (line: string, command: readonly string[] = CLIENT_3) => {
    const { args, executable } = invocation(command);
    const script = line.replace("XFER", [executable, ...args].map((word) => `'${word}'`).join(" "));
    const { code, stderr } = await tiedCommand("bash", { args: ["-c", script], cwd }).output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  };
  const closed = await shell("set -o pipefail; XFER 2>&- | true");
  assert.equal(closed.code, 0, closed.stderr);
  const full = await shell("XFER >/dev/full");
  assert.equal(full.code, 7, full.stderr);
  assert.match(full.stderr, /cannot-write-output/);
  assert.equal(new TextDecoder().decode(await fixture.exported("Alice", "a")), "content");
  for (const command of [["--version"], ["--help"], ["help"], ["completions", "bash"]]) {
    const finished = await shell("XFER >/dev/full", command);
    assert.deepEqual([finished.code, finished.stderr.includes("[cannot-write-output]")], [7, true]);
    assert.doesNotMatch(finished.stderr, /\\u\{a\}/, "one line of it");
    assert.ok(finished.stderr.length < 1000, "not the whole result");
    const read = await shell("set -o pipefail; XFER | true", command);
    assert.deepEqual([read.code, read.stderr], [0, ""]);
  }
  assert.equal((await shell("XFER 2>/dev/full", [])).code, 2);
});
