/**
 * Damage found by downloads, at the start and by verify is recorded once and reported to clients. Sound files are not
 * called damaged.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { exportFile } from "../../../server/operator/export_file.ts";
import { verify } from "../../../server/operator/verify.ts";
import { getOutcomes } from "../../support/v4/get_outcomes.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";
import { CountedDatabase } from "../../support/store/counted_database.ts";
import { ServerLog } from "../../support/server_log.ts";
import { Fixture, got, ON_DISK, startServer } from "../../support/v4/fixture.ts";
import { blobOf, contentOf, fileOf, flipByte, markOf, putFirst } from "../../support/v4/damage.ts";

Deno.test("damage: a download that finds damage logs user and file once, and records it", async () => {
  await using log = await ServerLog.take();
  await using fixture = await Fixture.create(ON_DISK);
  const { name } = await putFirst(fixture, "one file");
  await flipByte(await blobOf(fixture, name));
  using client = await fixture.client("Alice");
  for (let i = 0; i < 3; i++) await assert.rejects(got(client, name), { code: "damaged" });
  const [logged, ...more] = log.of("file.damaged");
  assert.deepEqual([logged?.["user"], logged?.["file"], logged?.["damage"]], [
    ...["Alice", name, "content"],
  ]);
  assert.deepEqual(more, []);
  assert.equal(markOf(fixture, name), "content");
});

Deno.test("damage: a download of a range reports the damage within it, and delivers no damaged byte", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  const { name } = await putFirst(fixture, "one file", 2 * CHUNK_SIZE);
  await flipByte(await blobOf(fixture, name), CHUNK_SIZE + 1);
  using client = await fixture.client("Alice");
  const chunk = await got(client, name, { from: 0, to: CHUNK_SIZE });
  assert.deepEqual(chunk, contentOf("a", 2 * CHUNK_SIZE).subarray(0, CHUNK_SIZE));
  const range = { from: CHUNK_SIZE, to: 2 * CHUNK_SIZE };
  await assert.rejects(got(client, name, range), { code: "damaged" });
  assert.equal(markOf(fixture, name), "content");
});

Deno.test("damage: at the start, missing files and files of another size are recorded and logged", async () => {
  await using log = await ServerLog.take();
  await using fixture = await Fixture.create(ON_DISK);
  const { again, name } = await putFirst(fixture, "a folder");
  const { content: { id: path } } = await fileOf(fixture, name);
  await fixture.server.close();
  await Deno.rename(join(fixture.data, path), fixture.folder.join("away"));
  fixture.server = await startServer(fixture.data, ON_DISK);
  const [logged] = await log.awaits("store.missing");
  assert.deepEqual([logged?.["user"], logged?.["file"]], ["Alice", name]);
  await log.awaits("store.differs");
  assert.equal(markOf(fixture, name), "missing");
  await fixture.server.close();

  // Like a disk that was mounted again after it had been missing.
  await Deno.rename(fixture.folder.join("away"), join(fixture.data, path));
  fixture.server = await startServer(fixture.data, ON_DISK);
  await log.awaits("store.mended");
  assert.equal(markOf(fixture, name), null);
  assert.deepEqual(new Set(Object.values(await again())), new Set(["unchanged"]));
});

Deno.test("damage: a file whose copy cannot be written is not marked as damaged", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  const { name } = await putFirst(fixture, "a folder");
  const request = { dataFolder: fixture.data, userName: "Alice", fileName: name };
  const target = fixture.folder.join("no such folder", "a");
  await assert.rejects(exportFile({ ...request, target }), { code: "cannot-write" });
  assert.equal(markOf(fixture, name), null);
  await Deno.remove(await blobOf(fixture, name));
  const there = fixture.folder.join("exported");
  await assert.rejects(exportFile({ ...request, target: there }), { code: "stored-file-damaged" });
  assert.equal(markOf(fixture, name), "missing");
});

Deno.test("damage: verify records each finding before it has read everything", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  await putFirst(fixture, "a folder");
  for (const path of fixture.blobs("files")) await Deno.remove(path);
  const found: string[] = [];
  const recorded: unknown[] = [];
  await verify({
    dataFolder: fixture.data,
    onFinding: ({ finding }) => {
      const [first] = found;
      if (first !== undefined) recorded.push(markOf(fixture, first));
      if (finding.kind !== "stray") found.push(finding.file.name);
    },
  });
  assert.deepEqual(recorded, ["missing", "missing"]);
});

Deno.test("damage: a file that verify cannot read is reported, and not marked as damaged", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  const { again, name } = await putFirst(fixture, "a folder");
  const blob = await blobOf(fixture, name);
  const open = Deno.open;
  const found: string[] = [];
  try {
    Deno.open = (path, options) =>
      path === blob
        ? Promise.reject(new Error("Too many open files (os error 24)"))
        : open(path, options);
    await verify({
      dataFolder: fixture.data,
      onFinding: ({ finding }) => found.push(finding.kind === "changed" ? finding.what : ""),
    });
  } finally {
    Deno.open = open;
  }
  assert.deepEqual(found, ["it cannot be read: too many open files"]);
  assert.equal(markOf(fixture, name), null);
  assert.deepEqual(new Set(Object.values(await again())), new Set(["unchanged"]));
});

Deno.test("damage: a start that cannot record a missing file logs it and serves", async () => {
  await using log = await ServerLog.take();
  await using fixture = await Fixture.create(ON_DISK);
  const { name } = await putFirst(fixture, "a folder");
  for (const path of fixture.blobs("files")) await Deno.remove(path);
  const openCatalog = async (path: string) =>
    interceptedCatalog(
      await openInThisThread(path),
      (method, _args, next) =>
        method === "files.setDamage"
          ? Promise.reject(new Error("database or disk is full"))
          : next(),
    );
  await fixture.restart({ openCatalog });
  const [logged] = await log.awaits("store.not-compared");
  assert.match(`${logged?.["reason"]}`, /disk is full/);
  using client = await fixture.client("Alice");
  await assert.rejects(client.stat(name), { code: "damaged" });
});

Deno.test("damage: a damaged file is recorded once, however often it is requested", async () => {
  const database = new CountedDatabase();
  const openCatalog = (path: string) => openInThisThread(path, database.open);
  await using fixture = await Fixture.create(ON_DISK, { openCatalog });
  const { name } = await putFirst(fixture, "a folder");
  await Deno.remove(await blobOf(fixture, name));
  using client = await fixture.client("Alice");
  await assert.rejects(client.stat(name), { code: "damaged" });
  assert.equal(markOf(fixture, name), "missing");
  database.forget();
  for (let i = 0; i < 10; i++) {
    await assert.rejects(client.stat(name), { code: "damaged" });
    await assert.rejects(client.list("", () => undefined), { code: "damaged" });
  }
  assert.deepEqual(database.executed, [], "no transaction");
});

Deno.test("damage: the start keeps marks of damaged content, which it does not read itself", async () => {
  await using log = await ServerLog.take();
  await using fixture = await Fixture.create(ON_DISK);
  const { name } = await putFirst(fixture, "a folder");
  await flipByte(await blobOf(fixture, name));
  assert.equal((await verify({ dataFolder: fixture.data })).findings, 1);
  await fixture.server.close();
  fixture.server = await startServer(fixture.data, ON_DISK);
  await log.awaits("store.differs");
  assert.equal(markOf(fixture, name), "content");
});

Deno.test("damage: verify removes a wrong mark and reports that", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  const { again, name } = await putFirst(fixture, "one file");
  const path = await blobOf(fixture, name);
  await flipByte(path);
  assert.equal((await verify({ dataFolder: fixture.data })).findings, 1);
  await flipByte(path);
  using client = await fixture.client("Alice");
  await assert.rejects(client.stat(name), { code: "damaged" });
  const sound: string[] = [];
  const { findings } = await verify({
    dataFolder: fixture.data,
    onIntact: (file) => sound.push(file.name),
  });
  assert.deepEqual([findings, sound, markOf(fixture, name)], [0, [name], null]);
  assert.deepEqual(Object.values(await again()), ["unchanged"]);
});

Deno.test("damage: a list reports damaged files in order; a client without a handler for them gets an error at the end", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  await putFirst(fixture, "a folder");
  await Deno.remove(await blobOf(fixture, "photos/b"));
  using client = await fixture.client("Alice");
  const listed: string[] = [];
  const take = ({ name }: { name: string }) => void listed.push(name);
  const takeDamaged = ({ name, version }: { name: string; version: number }) =>
    void listed.push(`${name} ${version} is damaged`);
  await client.list("", take, { takeDamaged });
  assert.deepEqual(listed, ["photos", "photos/a", "photos/b 1 is damaged", "photos/c"]);
  for (const path of fixture.blobs("files")) await Deno.remove(path);
  await assert.rejects(client.list("", ({ entry }) => assert.equal(entry, "folder")), {
    code: "damaged",
    message: "3 files are damaged on the server: photos/a, photos/b, photos/c",
  });
});

Deno.test("damage: in a download of a folder the damaged file fails by name, and all others succeed", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  await putFirst(fixture, "a folder");
  await Deno.remove(await blobOf(fixture, "photos/a"));
  await flipByte(await blobOf(fixture, "photos/c"));
  const target = fixture.folder.join("got");
  const connect = await fixture.options("Alice");
  const options = { connect, names: ["photos"], recursive: true, target };
  const outcomes = (await getOutcomes(options)).map((outcome) =>
    `${outcome.name}: ${"error" in outcome ? outcome.error.code : outcome.state}`
  );
  assert.deepEqual(outcomes.sort(), [
    ...["photos/a: damaged", "photos/b: got", "photos/c: damaged", "photos: got"],
  ]);
  assert.deepEqual(await Deno.readFile(join(target, "b")), new Uint8Array(contentOf("b")));
});
