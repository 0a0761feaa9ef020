/** Small files: written whole or not at all, private, without leftovers. */
import assert from "node:assert/strict";
import { moveToFree, writeFile, writePrivateFile } from "../../../client/local/atomic_file.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const names = (folder: TemporaryFolder) =>
  [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();

Deno.test("atomic file: a private one is readable by its owner only, and overwrites an existing one", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("me.key");
  await writePrivateFile(path, "first");
  await writePrivateFile(path, "second");
  assert.equal(await Deno.readTextFile(path), "second");
  assert.deepEqual(names(folder), ["me.key"]);
  if (Deno.build.os === "windows") return;
  assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
});

Deno.test("atomic file: a file of the user is overwritten with force only", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("transfer.info");
  assert.equal(await writeFile(path, "first", false), true);
  assert.equal(await writeFile(path, "second", false), false);
  assert.equal(await Deno.readTextFile(path), "first");
  assert.equal(await writeFile(path, "second", true), true);
  assert.equal(await Deno.readTextFile(path), "second");
  const all = await Promise.all(
    Array.from({ length: 8 }, (_, i) => writeFile(folder.join("once"), `${i}`, false)),
  );
  assert.equal(
    all.filter((written) => written).length,
    1,
    "atomic file: of many simultaneous writers, one succeeds",
  );
  assert.equal(await Deno.readTextFile(folder.join("once")), `${all.indexOf(true)}`);
  assert.deepEqual(names(folder), ["once", "transfer.info"]);
});

Deno.test("atomic file: a write error is reported, and leaves nothing behind", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join("taken"));
  for (
    const write of [
      () => writePrivateFile(folder.join("taken"), "x"),
      () => writeFile(folder.join("taken"), "x", true),
    ]
  ) {
    await assert.rejects(write, { code: "target-exists" });
  }
  const nowhere = writeFile(folder.join("none/at/all"), "x", false);
  await assert.rejects(nowhere, { code: "cannot-write" });
  assert.equal(await writeFile(folder.join("taken"), "x", false), false);
  assert.deepEqual(names(folder), ["taken"]);
});

Deno.test("atomic file: leftovers of a killed run are removed when they are old; nothing else is", async () => {
  await using folder = await TemporaryFolder.create();
  const old = `me.key.${crypto.randomUUID()}.tmp`;
  const fresh = `me.key.${crypto.randomUUID()}.tmp`;
  const others = ["me.key.tmp", `me.info.${crypto.randomUUID()}.tmp`, "me.key.old", fresh];
  for (const name of [old, ...others]) await folder.write(name, "secret");
  const before = new Date(Date.now() - 2 * 3_600_000);
  for (const name of [old, ...others.slice(0, -1)]) {
    await Deno.utime(folder.join(name), before, before);
  }
  await writePrivateFile(folder.join("me.key"), "x");
  assert.deepEqual(names(folder), ["me.key", ...others].sort());
});

Deno.test("atomic file: a rename needs a free name", async () => {
  await using folder = await TemporaryFolder.create();
  const [from, to] = [await folder.write("from", "1"), folder.join("to")];
  assert.equal(moveToFree(from, to), true);
  await folder.write("from", "2");
  assert.equal(moveToFree(from, to), false);
  assert.deepEqual(names(folder), ["from", "to"]);
  assert.equal(await Deno.readTextFile(to), "1");
});
