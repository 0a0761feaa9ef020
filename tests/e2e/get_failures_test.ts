/** Several files at once: those that can be downloaded or removed are, and the others are reported with the reason. */
import assert from "node:assert/strict";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { eventsIn } from "../support/events.ts";
import { Alice } from "../support/e2e/alice.ts";

/** A name of the maximum length. In most folders its path is too long for the system. */
const LONG = `${`${"x".repeat(250)}/`.repeat(15)}${"y".repeat(250)}`;

/** Damages all files on the server that have blobs of their own. */
async function damageBlobs(data: string): Promise<void> {
  for await (const { name } of Deno.readDir(`${data}/files`)) {
    for await (const blob of Deno.readDir(`${data}/files/${name}`)) {
      using file = await Deno.open(`${data}/files/${name}/${blob.name}`, { write: true });
      await file.write(new Uint8Array(10));
    }
  }
}

Deno.test("get: a problem with one file does not affect the others", async () => {
  await using alice = await Alice.create("good", "there", "a", "long", "z");
  const { run, here } = alice;
  await Deno.writeFile(`${here}/damaged`, pseudoRandomBytes(300_000));
  const put = async (path: string, as: string) => {
    const { code, stderr } = await run("put", path, "--as", as);
    assert.equal(code, 0, stderr);
  };
  await put("good", "d/good");
  await put("there", "d/there");
  await put("a", "d/sub/a");
  await put("long", `d/${LONG.slice(2)}`);
  await put("damaged", "d/damaged");
  await put("z", "d/z");
  await damageBlobs(`${here}/../data`);
  const root = "r".repeat(200);
  await Deno.mkdir(`${here}/${root}`);
  await Deno.writeTextFile(`${here}/${root}/there`, "mine");
  await Deno.writeTextFile(`${here}/${root}/sub`, "a file");

  const got = await run("get", "d", "--recursive", "-o", root);
  assert.equal(got.code, 9, "some files were downloaded, some were not");
  assert.equal(await Deno.readTextFile(`${here}/${root}/good`), "good");
  assert.equal(await Deno.readTextFile(`${here}/${root}/z`), "z");
  assert.equal(await Deno.readTextFile(`${here}/${root}/there`), "mine");
  const listed = await run("get", "d", "--recursive", "-o", root, "--json");
  const failed = eventsIn(listed.stdout, "not-got").map(({ name }) => String(name));
  for (const name of failed) assert.ok(got.stderr.includes(name), name);
  assert.deepEqual(failed.sort(), ["d/damaged", "d/sub/a", "d/there", `d/${LONG.slice(2)}`]);
  for (const why of [/there already exists \[target-exists\]/, /sub is a file, not a folder/]) {
    assert.match(got.stderr, why);
  }
  assert.match(got.stderr, /file name too long[^\n]* \[cannot-write\]\n/);
  assert.match(got.stderr, /\[damaged\]|\[not-what-was-stored\]/);
  assert.match(got.stdout, /\nDownloaded 2 files \(5 B\), 4 failed\n$/);

  // From now on the server knows the damage, and lists it.
  const quiet = await run("get", "d", "--recursive", "-o", root, "--quiet");
  assert.match(quiet.stderr, /\nDownloaded nothing, 2 unchanged, 4 failed\n$/);
  const json = await run("get", "d", "--recursive", "-o", root, "--json");
  const [summary] = eventsIn(json.stdout, "summary");
  const counted = ["done", "unchanged", "failed"].map((field) => summary?.[field]);
  assert.deepEqual(counted, [0, 2, 4]);
  assert.equal(eventsIn(json.stdout, "not-got").length, 4);
});

Deno.test("get: a repeated name is downloaded once, and a missing one does not affect the others", async () => {
  await using alice = await Alice.create("a", "b");
  const { run, here } = alice;
  assert.equal((await run("put", "a", "b")).code, 0);
  const got = await run("get", "a", "missing", "a", "b", "-o", "new");
  assert.equal(got.code, 9, got.stderr);
  assert.deepEqual([...Deno.readDirSync(`${here}/new`)].map(({ name }) => name).sort(), ["a", "b"]);
  assert.match(got.stdout, /\nDownloaded 2 files \(2 B\), 1 failed\n$/);
  const dry = await run("get", "missing", "--dry-run");
  assert.match(dry.stderr, /^Would download nothing; 1 failure$/m);
});

Deno.test("remove: existing files are removed, the others are reported, and both are counted", async () => {
  await using alice = await Alice.create("a", "b", "c");
  const { run } = alice;
  assert.equal((await run("put", "a", "b", "c")).code, 0);
  const removed = await run("remove", "a", "missing", "a", "b");
  assert.equal(removed.code, 9, removed.stderr);
  assert.equal(removed.stdout, "Removed a\nRemoved b\nRemoved 2 entries (2 B), 1 failed\n");
  assert.match(removed.stderr, /no such file: missing \[no-such-file\]\n/);
  const quiet = await run("remove", "c", "missing", "--quiet");
  assert.match(quiet.stdout, /\nRemoved 1 entry \(1 B\), 1 failed\n$/);
  const [summary] = eventsIn((await run("remove", "c", "b", "--json")).stdout, "summary");
  assert.deepEqual([summary?.["action"], summary?.["done"], summary?.["failed"]], ["remove", 0, 2]);
});
