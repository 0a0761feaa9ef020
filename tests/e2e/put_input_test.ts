/** `put` of standard input and of lists of paths; mirrors and dry runs on the command line. */
import assert from "node:assert/strict";
import { cksum } from "../../protocol/crc/cksum.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { Alice } from "../support/e2e/alice.ts";
import { eventsIn } from "../support/events.ts";
import { command } from "../support/processes.ts";

const content = pseudoRandomBytes(3_000_000);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Runs a command below `xfer client` with this standard input. */
async function runWith(input: Uint8Array, { here }: Alice, ...args: readonly string[]) {
  const options = { cwd: here, stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const process = command(["client", ...args], options).spawn();
  const writing = ReadableStream.from([input]).pipeTo(process.stdin).catch(() => undefined);
  const { code, stdout, stderr } = await process.output();
  await writing;
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function namesOn(alice: Alice): Promise<string[]> {
  const { stdout } = await alice.run("list", "--recursive", "--json");
  return eventsIn(stdout, "file").map(({ name }) => String(name));
}

Deno.test("put -: standard input is stored under a name", async () => {
  await using alice = await Alice.create();
  const put = await runWith(content, alice, "put", "-", "--as", "docs/a", "--accept-new", "--json");
  assert.equal(put.code, 0, put.stderr);
  const [stored] = eventsIn(put.stdout, "stored");
  const { name, path, size, cksum: sum } = stored as Record<string, unknown>;
  assert.deepEqual([name, path, size, sum], ["docs/a", "-", content.length, cksum(content)]);
  assert.equal((await alice.run("get", "docs/a", "-o", "back")).code, 0);
  assert.deepEqual(await Deno.readFile(`${alice.here}/back`), content);

  const words = await runWith(new Uint8Array(), alice, "put", "-", "--as", "empty");
  assert.equal(words.stdout, "Uploaded standard input as empty (0 B, cksum 4294967295)\n");
});

Deno.test("put -: requires a name, takes no other path, and needs protocol 4", async () => {
  await using alice = await Alice.create("a");
  const codeOf = async (...args: readonly string[]) =>
    eventsIn((await alice.run("put", ...args, "--json")).stdout, "error")[0]?.["code"];
  assert.equal(await codeOf("-"), "name-missing");
  assert.equal(await codeOf("-", "a", "--as", "b"), "conflicting-option");
  assert.equal(await codeOf("-", "--as", "b", "--delete"), "conflicting-option");
  assert.equal(await codeOf("a", "--delete", "--files-from", "a"), "conflicting-option");
  await Deno.writeTextFile(`${alice.here}/transfer.info`, "127.0.0.1:1\nAlice\n");
  assert.equal(await codeOf("-", "--as", "b", "--protocol", "3"), "protocol-4-only");
});

Deno.test("put --files-from: listed paths keep their folders, from a file and from standard input", async () => {
  await using alice = await Alice.create("a", "list");
  await Deno.mkdir(`${alice.here}/d/e`, { recursive: true });
  for (const name of ["d/b", "d/e/c\nx", "d/skipped"]) {
    await Deno.writeTextFile(`${alice.here}/${name}`, name);
  }
  await Deno.writeTextFile(`${alice.here}/list`, "./a\n\nd/b\n");
  const listed = await alice.run("put", "--files-from", "list", "--accept-new");
  assert.equal(listed.code, 0, listed.stderr);
  assert.deepEqual(await namesOn(alice), ["a", "d/b"]);
  const input = new TextEncoder().encode("d/e\0d/e/c\nx\0");
  const piped = await runWith(input, alice, "put", "--files-from", "-", "--from0");
  assert.equal(piped.code, 0, piped.stderr);
  assert.deepEqual(await namesOn(alice), ["a", "d/b", "d/e", "d/e/c\nx"]);
  await Deno.writeTextFile(`${alice.here}/patterns`, "skip*\n");
  const excluding = await alice.run("put", "d", "--exclude-from", "patterns");
  assert.equal(excluding.code, 0, excluding.stderr);
  assert.ok(!(await namesOn(alice)).includes("d/skipped"));
  const empty = await runWith(new Uint8Array(), alice, "put", "--files-from", "-");
  assert.deepEqual([empty.code, empty.stdout], [0, ""]);
});

Deno.test("put --delete: asks before it removes more than half, --dry-run only says what would happen", async () => {
  await using alice = await Alice.create();
  await Deno.mkdir(`${alice.here}/d`);
  for (const name of ["a", "b", "c"]) await Deno.writeTextFile(`${alice.here}/d/${name}`, name);
  assert.equal((await alice.run("put", "d", "--accept-new")).code, 0);
  for (const name of ["b", "c"]) await Deno.remove(`${alice.here}/d/${name}`);
  await Deno.writeTextFile(`${alice.here}/d/a`, "other");
  const before = await namesOn(alice);

  const dry = await alice.run("put", "d", "--delete", "--dry-run");
  assert.equal(dry.code, 0, dry.stderr);
  assert.deepEqual(dry.stdout.trimEnd().split("\n"), [
    "Would update d",
    "Would upload d/a (5 B)",
    "Would remove d/b on the server",
    "Would remove d/c on the server",
  ]);
  assert.match(dry.stderr, /Would upload 1 entry \(5 B\), update 1, remove 2$/m);
  assert.deepEqual(await namesOn(alice), before);

  const refused = await alice.run("put", "d", "--delete");
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /delete 2 of 3 entries in d on the server \[not-confirmed\]/);
  assert.deepEqual(await namesOn(alice), before);

  const { code, stdout } = await alice.run("put", "d", "--delete", "--yes");
  assert.equal(code, 0);
  assert.match(stdout, /^Removed d\/b$/m);
  assert.match(stdout, /^Uploaded 1 file \(5 B\), 1 entry updated, 2 deleted$/m);
  assert.deepEqual(await namesOn(alice), ["d", "d/a"]);
});

Deno.test("put --dry-run: without an account everything would be stored, and nothing registers", async () => {
  await using alice = await Alice.create("a");
  const dry = await alice.run("put", "a", "--dry-run");
  assert.equal(dry.code, 0, dry.stderr);
  assert.equal(dry.stdout, "Would upload a (1 B)\n");
  assert.match(dry.stderr, /You have no account there yet/);
  const names = [...Deno.readDirSync(alice.here)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["a", "transfer.info"]);
});
