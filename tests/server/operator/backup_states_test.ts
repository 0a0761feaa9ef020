/** Several states in one backup: what they share, how they are kept, listed, read and restored. */
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import type { V4Client } from "../../../client/v4/client.ts";
import { exportFile } from "../../../server/operator/export_file.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { backup, listBackup, restore, type StoreLocation } from "../../../server/operator/mod.ts";
import { verify } from "../../../server/operator/verify.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { inNewestState, prepared, withoutStates } from "../../support/store/stored.ts";
import { tamper } from "../../support/store/database.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { Fixture, ON_DISK, put } from "../../support/v4/fixture.ts";

async function store(fixture: Fixture, client: V4Client, name: string, seed: number) {
  const file = await fixture.source(`source-${seed}`, pseudoRandomBytes(1000, seed));
  assert.equal(typeof (await put(client, [{ file, name }]))[0], "number");
}

/** Every file and version, with its content's checksum. */
async function listing(location: StoreLocation): Promise<string[]> {
  return (await listStored(location)).flatMap(({ name: user, files }) =>
    files.map(({ name, version, current, crc }) => `${user} ${name} ${version} ${current} ${crc}`)
  );
}

/** The paths and inodes of all contents. */
function contentsOf(copy: string): Map<string, number | null> {
  const paths = new Map<string, number | null>();
  for (const owner of Deno.readDirSync(join(copy, "files"))) {
    for (const { name } of Deno.readDirSync(join(copy, "files", owner.name))) {
      const path = join("files", owner.name, name);
      paths.set(path, Deno.statSync(join(copy, path)).ino);
    }
  }
  return paths;
}

async function assertSound(location: StoreLocation, what?: string) {
  const report = await verify({ dataFolder: location });
  assert.deepEqual([report.findings, report.catalogFaults], [0, []], what);
}

Deno.test("backup: the second one copies only new contents, and both states can be listed, verified and restored", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  using client = await fixture.client("Alice");
  const copy = fixture.folder.join("backup");
  await store(fixture, client, "a", 1);
  await store(fixture, client, "b", 2);
  const first = await backup(fixture.data, copy);
  assert.deepEqual([first.files, first.newFiles, first.newBytes], [2, 2, 2000]);
  const before = [await listing(fixture.data), contentsOf(copy)] as const;
  await store(fixture, client, "c", 3);
  const second = await backup(fixture.data, copy);
  assert.deepEqual([second.files, second.newFiles, second.newBytes], [3, 1, 1000]);
  const after = contentsOf(copy);
  for (const [path, inode] of before[1]) assert.equal(after.get(path), inode, "it was not copied");
  assert.equal(after.size, 3);
  const states = await listBackup(copy);
  assert.deepEqual(states.map(({ name, files, bytes }) => [name, files, bytes]), [
    [first.state, 2, 2000],
    [second.state, 3, 3000],
  ]);
  const expected = [[first.state, before[0]], [second.state, await listing(fixture.data)]] as const;
  for (const [state, files] of expected) {
    assert.deepEqual(await listing({ backup: copy, state }), files);
    await assertSound({ backup: copy, state });
    await restore(copy, fixture.folder.join(state), { state });
    assert.deepEqual(await listing(fixture.folder.join(state)), files);
    await assertSound(fixture.folder.join(state));
  }
  assert.equal((await restore(copy, fixture.folder.join("newest"))).files, 3);
});

Deno.test("backup --keep: the newest states stay, with exactly the contents that they need", async () => {
  await using fixture = await Fixture.create({ ...ON_DISK, historyMs: 0 });
  using client = await fixture.client("Alice");
  const copy = fixture.folder.join("backup");
  await store(fixture, client, "stays", 0);
  const states: string[] = [];
  for (let seed = 1; seed <= 4; seed++) {
    await store(fixture, client, `only in ${seed}`, seed);
    states.push((await backup(fixture.data, copy)).state);
    await client.remove(`only in ${seed}`);
  }
  await store(fixture, client, "last", 5);
  const { state, removed } = await backup(fixture.data, copy, { keep: 3 });
  assert.deepEqual(removed, states.slice(0, 2));
  assert.deepEqual((await listBackup(copy)).map(({ name }) => name), [...states.slice(2), state]);
  assert.deepEqual(
    [...Deno.readDirSync(join(copy, "states"))].map(({ name }) => name).sort(),
    [...states.slice(2), state],
  );
  for (const { name } of await listBackup(copy)) await assertSound({ backup: copy, state: name });
  const needed = new Set<string>();
  for (const { name: state } of await listBackup(copy)) {
    for (const { files } of await listStored({ backup: copy, state })) {
      for (const { content } of files) needed.add(content.id);
    }
  }
  assert.deepEqual([...contentsOf(copy).keys()].sort(), [...needed].sort());
  await assert.rejects(restore(copy, fixture.folder.join("new"), { state: `${states[0]}` }), {
    code: "no-such-state",
  });
  assert.deepEqual(
    (await backup(fixture.data, copy, { keep: 1 })).removed,
    [...states.slice(2), state],
  );
});

Deno.test("backup --keep: the states of another server stay", async () => {
  await using folder = await TemporaryFolder.create();
  const copy = folder.join("backup");
  const data = await prepared(folder);
  await Deno.writeTextFile(join(data, "tls.pem"), "the key of a server");
  const { state, files } = await backup(data, copy);
  await using other = await Fixture.create(ON_DISK);
  const first = await backup(other.data, copy, { keep: 1 });
  assert.deepEqual(first.removed, []);
  const second = await backup(other.data, copy, { keep: 1 });
  assert.deepEqual(second.removed, [first.state]);
  await Deno.remove(join(data, "tls.pem"));
  assert.deepEqual((await backup(data, copy, { keep: 1 })).removed, [], "it has no key");
  assert.deepEqual((await restore(copy, folder.join("new"), { state })).files, files);
  await assertSound({ backup: copy, state });
});

Deno.test("backup --keep: a state that lacks damaged files deletes none that may have them", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const copy = folder.join("backup");
  await backup(data, copy);
  tamper(join(data, "catalog.db"), "UPDATE files SET crc = crc + 1, path = path || 'x'");
  const partly = await backup(data, copy, { keep: 1 });
  assert.deepEqual([partly.files, partly.damaged.length, partly.removed], [0, 4, []]);
  assert.equal((await listBackup(copy)).length, 2);
  const [first] = await listBackup(copy);
  assert.equal((await restore(copy, folder.join("new"), { state: first?.name })).files, 4);
});

Deno.test("backup: a file that was damaged after an earlier backup is whole in the next state", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const copy = folder.join("backup");
  await backup(data, copy);
  const [file] = (await listStored(data)).flatMap(({ files }) => files);
  await Deno.writeTextFile(join(data, file?.content.id ?? ""), "damaged");
  assert.equal((await verify({ dataFolder: data })).findings, 1);
  assert.deepEqual((await backup(data, copy)).damaged, []);
  await assertSound({ backup: copy });
  await restore(copy, folder.join("restored"));
  await assertSound(folder.join("restored"));
});

Deno.test("backup: a content that was cut off or deleted in the backup is copied again", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const copy = folder.join("backup");
  await backup(data, copy);
  const [cut = "", gone = ""] = [...contentsOf(copy).keys()];
  await Deno.truncate(join(copy, cut), 10);
  await Deno.remove(join(copy, gone));
  assert.equal((await verify({ dataFolder: { backup: copy } })).findings, 2);
  await backup(data, copy);
  await assertSound({ backup: copy });
});

Deno.test("backup: one made before backups had states is the first state, and is restored and deleted as such", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const copy = folder.join("backup");
  const { state } = await backup(data, copy, { clock: () => Date.UTC(2026, 0, 2, 3, 4, 5) });
  assert.equal(state, "2026-01-02T03-04-05Z");
  withoutStates(copy);
  const made = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  await Deno.utime(join(copy, "backup.db"), made, made);
  assert.deepEqual((await listBackup(copy)).map(({ name }) => name), [state]);
  assert.equal((await restore(copy, folder.join("one"))).files, 4);
  const second = await backup(data, copy);
  assert.deepEqual([second.newFiles, second.removed], [0, []]);
  assert.deepEqual((await listBackup(copy)).map(({ name }) => name), [state, second.state]);
  assert.equal((await restore(copy, folder.join("two"), { state })).files, 4);
  assert.deepEqual((await backup(data, copy, { keep: 2 })).removed, [state]);
  assert.throws(() => Deno.lstatSync(join(copy, "backup.db")), Deno.errors.NotFound);
  for (const { name } of await listBackup(copy)) await assertSound({ backup: copy, state: name });
});

Deno.test("backup: of two into one folder at once, the second is refused, and the first succeeds", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder, 20);
  const copy = folder.join("backup");
  const results = await Promise.allSettled([backup(data, copy), backup(data, copy)]);
  const refused = results.flatMap((result) => result.status === "rejected" ? result.reason : []);
  assert.deepEqual(refused.map(({ code }) => code), ["backup-in-use"]);
  assert.equal((await listBackup(copy)).length, 1);
  await assertSound({ backup: copy });
});

Deno.test("backup: states of one second, and of a clock that was set back, have names of their own; the new one stays", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder, 1);
  const copy = folder.join("backup");
  const at = (time: number) => backup(data, copy, { keep: 2, clock: () => time });
  const names = [];
  for (const time of [600_000, 600_500, 600_700, 5000]) names.push((await at(time)).state);
  assert.deepEqual(names, [
    "1970-01-01T00-10-00Z",
    "1970-01-01T00-10-01Z",
    "1970-01-01T00-10-02Z",
    "1970-01-01T00-00-05Z",
  ]);
  assert.deepEqual((await listBackup(copy)).map(({ name }) => name), [names[3], names[2]]);
});

Deno.test("backup: a folder with other files is refused, and other files in a backup stay", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const copy = folder.join("backup");
  Deno.mkdirSync(join(copy, "files"), { recursive: true });
  await assert.rejects(backup(data, copy), {
    code: "target-not-empty",
    message: /it contains files/,
  });
  await assert.rejects(backup(data, data), { code: "target-not-empty" });
  await Deno.remove(join(copy, "files"));
  await backup(data, copy);
  const [content = ""] = [...contentsOf(copy).keys()];
  const others = ["notes", join("files", "notes"), join(content, "..", "notes")];
  for (const name of others) Deno.writeTextFileSync(join(copy, name), "mine");
  const { state } = await backup(data, copy, { keep: 1 });
  assert.deepEqual((await listBackup(copy)).map(({ name }) => name), [state]);
  for (const name of others) assert.equal(Deno.readTextFileSync(join(copy, name)), "mine");
});

Deno.test("backup: a data folder without its catalog is refused, and its files stay", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const damaged = folder.join("damaged");
  await backup(data, folder.join("backup"));
  await restore(folder.join("backup"), damaged);
  await Deno.remove(join(damaged, "catalog.db"));
  await Deno.writeTextFile(join(damaged, "lock.db"), "");
  const files = contentsOf(damaged);
  await assert.rejects(backup(data, damaged), { code: "target-not-empty" });
  assert.deepEqual(contentsOf(damaged), files);
});

Deno.test("list, verify, export: they read a backup, without changing anything in it", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const copy = folder.join("backup");
  await backup(data, copy);
  const snapshot = () =>
    [...walk(copy)].map((path) => {
      const { mtime, size, ino } = Deno.lstatSync(path);
      return [path, mtime?.getTime(), size, ino];
    });
  const [file] = [...contentsOf(copy).keys()];
  await Deno.truncate(join(copy, file ?? ""), 10);
  const before = snapshot();
  const location = { backup: copy };
  assert.deepEqual(await listing(location), await listing(data));
  assert.equal((await verify({ dataFolder: location })).findings, 1);
  const damaged = (await listStored(location)).flatMap(({ files }) => files)
    .find(({ content }) => content.id === file);
  for (const name of ["file0", "file1", "file2", "file3"]) {
    const target = folder.join(`exported-${name}`);
    const request = { dataFolder: location, userName: "Alice", fileName: name, target };
    if (name !== damaged?.name) assert.equal((await exportFile(request)).size, 1000);
    else await assert.rejects(exportFile(request), { code: "stored-file-damaged" });
  }
  assert.deepEqual(snapshot(), before);
  await assert.rejects(listStored({ backup: copy, state: "2020-01-01T00-00-00Z" }), {
    code: "no-such-state",
  });
  await assert.rejects(listStored({ backup: data }), { code: "no-backup" });
});

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    yield join(folder, name);
    if (isDirectory) yield* walk(join(folder, name));
  }
}

Deno.test("restore: a state that is deleted meanwhile is reported as such, and nothing is left", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const copy = folder.join("backup");
  const { state } = await backup(data, copy);
  const target = folder.join("restored");
  // Another backup deletes the state, and then its contents, before the first content is read.
  const fileSystem = {
    ...Deno,
    mkdir: async (path: string | URL, options?: Deno.MkdirOptions) => {
      if (`${path}` === join(target, "files")) {
        await Deno.remove(join(copy, "states", state), { recursive: true });
        await Deno.remove(join(copy, "files"), { recursive: true });
      }
      await Deno.mkdir(path, options);
    },
  };
  await assert.rejects(restore(copy, target, { fileSystem }), { code: "state-removed" });
  assert.throws(() => Deno.lstatSync(target), Deno.errors.NotFound);
});

Deno.test("backup: what a killed one has left is used or deleted by the next", async () => {
  await using folder = await TemporaryFolder.create();
  const data = await prepared(folder);
  const copy = folder.join("backup");
  await backup(data, copy);
  await Deno.rename(inNewestState(copy), join(copy, "states", "partial-2026-01-02T03-04-05Z"));
  const [content = ""] = [...contentsOf(copy).keys()];
  await Deno.rename(join(copy, content), join(copy, `${content}.partial`));
  await Deno.writeTextFile(join(copy, content, "..", "0".repeat(32)), "of no state");
  const { state } = await backup(data, copy);
  assert.deepEqual([...Deno.readDirSync(join(copy, "states"))].map(({ name }) => name), [state]);
  assert.equal(contentsOf(copy).size, 4);
  await assertSound({ backup: copy });
});

const NAMES = ["a", "b", "c", "d"];
const HISTORIES = 6;
const MONTH_MS = 30 * 24 * 3600 * 1000;

Deno.test("backup: of any history of files, each kept state restores exactly", async () => {
  const step = fc.record({
    changes: fc.array(
      fc.record({
        name: fc.constantFrom(...NAMES),
        change: fc.constantFrom("put", "put", "remove", "rename"),
      }),
      { maxLength: 5 },
    ),
    keep: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  });
  let seed = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
      // Every other file is in the catalog.
      await using fixture = await Fixture.create({
        inlineSize: 1000,
        historyMs: ++seed % 2 * MONTH_MS,
      });
      using client = await fixture.client("Alice");
      const copy = fixture.folder.join("backup");
      let expected: [state: string, files: string[]][] = [];
      for (const { changes, keep } of steps) {
        for (const { name, change } of changes) {
          const content = pseudoRandomBytes(++seed % 2 === 0 ? 1000 : 1001, seed);
          const file = await fixture.source(`source-${seed}`, content);
          if (change === "put") await put(client, [{ file, name }]);
          else if (change === "remove") await client.remove(name).catch(() => undefined);
          else await client.rename(name, `${name}${seed}`).catch(() => undefined);
        }
        const { state } = await backup(fixture.data, copy, { keep });
        expected.push([state, await listing(fixture.data)]);
        expected = expected.slice(-(keep ?? Infinity));
      }
      assert.deepEqual(
        (await listBackup(copy)).map(({ name }) => name),
        expected.map(([state]) => state),
      );
      for (const [state, files] of expected) {
        const target = fixture.folder.join(state);
        await restore(copy, target, { state });
        assert.deepEqual(await listing(target), files);
        await assertSound(target);
      }
    }),
    { numRuns: HISTORIES },
  );
});
