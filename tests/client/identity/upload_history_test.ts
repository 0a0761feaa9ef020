/** The last uploads: a small record, the newest first. */
import assert from "node:assert/strict";
import {
  keepLastStored,
  type LastStored,
  MAX_LAST_STORED,
  readLastStored,
  STORED_FILE,
} from "../../../client/identity/upload_history.ts";
import { MAX_SMALL_FILE } from "../../../client/local/read_small_file.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const file = (name: string, storedAt = 1000): LastStored => ({
  ...{ name, size: 5, cksum: 7, storedAt },
  ...{ user: "Alice", server: "example.org:1256" },
});

Deno.test("last uploads: empty before the first one", async () => {
  await using folder = await TemporaryFolder.create();
  assert.deepEqual(await readLastStored(folder.path), []);
  await keepLastStored(folder.path, []);
  assert.deepEqual([...Deno.readDirSync(folder.path)], [], "an empty record is not written");
});

Deno.test("last uploads: the newest come first, and the oldest are dropped", async () => {
  await using folder = await TemporaryFolder.create();
  await keepLastStored(folder.path, [file("b"), file("a")]);
  await keepLastStored(folder.path, [file("c\n\u202e"), file("a")]);
  const names = async () => (await readLastStored(folder.path)).map(({ name }) => name);
  assert.deepEqual(await names(), ["c\n\u202e", "a", "b", "a"]);
  assert.deepEqual((await readLastStored(folder.path))[1], file("a"));
  const many = Array.from({ length: 2 * MAX_LAST_STORED }, (_, i) => file(`${i}`));
  await keepLastStored(folder.path, many);
  assert.deepEqual(await names(), many.slice(0, MAX_LAST_STORED).map(({ name }) => name));
});

Deno.test("last uploads: with names of any length, the record can be read again", async () => {
  await using folder = await TemporaryFolder.create();
  const long = Array.from({ length: MAX_LAST_STORED }, (_, i) => file(`${i}${"ü".repeat(2000)}`));
  await keepLastStored(folder.path, long);
  const { size } = await Deno.stat(folder.join(STORED_FILE));
  assert.ok(size <= MAX_SMALL_FILE);
  const kept = await readLastStored(folder.path);
  assert.ok(kept.length > 1 && kept.length < MAX_LAST_STORED);
  assert.deepEqual(kept, long.slice(0, kept.length));
});

Deno.test("last uploads: invalid lines are ignored", async () => {
  await using folder = await TemporaryFolder.create();
  const lines = [
    "",
    "{",
    "null",
    "[]",
    '{"name":"x"}',
    JSON.stringify({ ...file("x"), size: "5" }),
    JSON.stringify({ ...file("x"), storedAt: 9e15 }),
    JSON.stringify(file("sound")),
  ];
  await folder.write(STORED_FILE, lines.join("\r\n"));
  assert.deepEqual(await readLastStored(folder.path), [file("sound")]);
  await keepLastStored(folder.path, [file("next")]);
  const names = (await readLastStored(folder.path)).map(({ name }) => name);
  assert.deepEqual(names, ["next", "sound"]);
  await folder.write(STORED_FILE, "x".repeat(MAX_SMALL_FILE + 1));
  await assert.rejects(readLastStored(folder.path), { code: "oversized-file" });
  await keepLastStored(folder.path, [file("new")]);
  assert.deepEqual(await readLastStored(folder.path), [file("new")]);
});

Deno.test("last uploads: simultaneous runs lose none", async () => {
  await using folder = await TemporaryFolder.create();
  const names = ["a", "b", "c", "d", "e"];
  await Promise.all(names.map((name) => keepLastStored(folder.path, [file(name)])));
  const kept = (await readLastStored(folder.path)).map(({ name }) => name);
  assert.deepEqual(kept.sort(), names);
});
