/** Backups and restores that are killed before and after each of their calls to the file system. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { XferError } from "../../protocol/errors.ts";
import { listStored } from "../../server/operator/list_files.ts";
import { backup, listBackup, restore, type StoreLocation } from "../../server/operator/mod.ts";
import { verify } from "../../server/operator/verify.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { ERROR_NAMES, FaultySystem } from "../support/store/faulty_file_system.ts";
import { copyFolder } from "../support/store/stored.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { Fixture, put } from "../support/v4/fixture.ts";
import { killAtCalls, runKilled } from "./killed_work.ts";
import type { Loop } from "./loop.ts";

/** Larger than files kept in the catalog. */
const LARGE = 80_000;

interface Prepared extends AsyncDisposable {
  readonly data: string;
  /** A backup of an earlier state. */
  readonly copy: string;
  /** The files of the backup's state, and of the data folder. */
  readonly files: { readonly before: readonly string[]; readonly now: readonly string[] };
}

/** A data folder that has changed since its backup: with removed, overwritten, new and unchanged files. */
async function prepare(): Promise<Prepared> {
  // Contents that are no longer current are not needed.
  const fixture = await Fixture.create({ historyMs: 0 });
  const copy = fixture.folder.join("copy");
  using client = await fixture.client("Alice");
  const store = async (name: string, size: number, seed: number) => {
    const file = await fixture.source(`source-${seed}`, pseudoRandomBytes(size, seed));
    await put(client, [{ file, name }]);
  };
  const names = ["stays", "overwritten", "removed"];
  for (const [seed, name] of names.entries()) await store(name, LARGE, seed);
  await store("small", 100, 10);
  await backup(fixture.data, copy);
  const before = await listing(fixture.data);
  await store("overwritten", LARGE, 11);
  await store("new", LARGE, 12);
  await client.remove("removed");
  await fixture.server.close();
  const now = await listing(fixture.data);
  return {
    ...{ data: fixture.data, copy, files: { before, now } },
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

/**
 * Kills backups with `--keep 1` at one call after another. The old state or the new one is complete. The next backup
 * leaves the same files as one that was never killed.
 */
export async function killBackupAtEveryCall(loop: Loop, { every = 1 } = {}): Promise<void> {
  await using prepared = await prepare();
  await killAtCalls(loop, { every }, async (kill, folder) => {
    const copy = folder.join("copy");
    copyFolder(prepared.copy, copy);
    const dataFolder = prepared.data;
    const killed = await runKilled({ work: "backup", dataFolder, other: copy, ...kill });
    await checkStates(loop, copy, prepared);
    return killed;
  });
}

/** Fails one call of backups with `--keep 1` after another. The result is the same as if they were killed. */
export async function failBackupAtEveryCall(loop: Loop, { every = 1 } = {}): Promise<void> {
  await using prepared = await prepare();
  for (const when of ["before", "after"] as const) {
    await loop.atCalls({ every, sideBySide: 1 }, async (at) => {
      await using folder = await TemporaryFolder.create();
      const copy = folder.join("copy");
      copyFolder(prepared.copy, copy);
      const system = new FaultySystem();
      const error = ERROR_NAMES[at % ERROR_NAMES.length] ?? "EIO";
      system.plan = ({ number }) => number === at ? { type: "fail", error, when } : undefined;
      const { fileSystem } = system;
      try {
        await backup(prepared.data, copy, { keep: 1, fileSystem });
      } catch (error) {
        assert.ok(error instanceof XferError, `call ${at}: ${error}`);
        loop.count("failed");
      }
      await checkStates(loop, copy, prepared);
      return system.calls >= at;
    });
  }
}

/** After a backup that was stopped: its states are whole, and the next backup leaves what it needs and no more. */
async function checkStates(loop: Loop, copy: string, { data, files }: Prepared): Promise<void> {
  for (const { name: state } of await listBackup(copy)) {
    const found = await listing({ backup: copy, state });
    const isNew = found.join() === files.now.join();
    if (!isNew) assert.deepEqual(found, files.before);
    loop.count(isNew ? "new states" : "old states");
    await assertSound({ backup: copy, state });
  }
  const { state } = await backup(data, copy, { keep: 1 });
  assert.deepEqual((await listBackup(copy)).map(({ name }) => name), [state]);
  assert.deepEqual(namesIn(copy, "states"), [state]);
  await assertSound({ backup: copy });
  await using folder = await TemporaryFolder.create();
  await restore(copy, folder.join("restored"));
  assert.deepEqual(await listing(folder.join("restored")), files.now);
  await assertSound(folder.join("restored")); // without contents that nothing refers to
  const needed = (await listStored({ backup: copy })).flatMap(({ files }) => files)
    .map(({ content }) => content).filter(({ kind }) => kind === "blob");
  assert.equal(contentsIn(copy), needed.length);
}

/** Kills restores at one call after another. The target is a whole data folder or none. The backup stays as it was. */
export async function killRestoreAtEveryCall(loop: Loop, { every = 1 } = {}): Promise<void> {
  await using prepared = await prepare();
  const { copy, files: { before } } = prepared;
  await killAtCalls(loop, { every }, async (kill, folder) => {
    const dataFolder = folder.join("data");
    const killed = await runKilled({ work: "restore", dataFolder, other: copy, ...kill });
    try {
      assert.deepEqual(await listing(dataFolder), before);
      await assertSound(dataFolder);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "no-data-folder");
      await restore(copy, folder.join("again"));
      assert.deepEqual(await listing(folder.join("again")), before);
    }
    assert.deepEqual(await listing({ backup: copy }), before);
    return killed;
  });
}

async function listing(location: StoreLocation): Promise<string[]> {
  return (await listStored(location)).flatMap(({ files }) =>
    files.map(({ name, version, crc }) => `${name} ${version} ${crc}`)
  );
}

async function assertSound(location: StoreLocation): Promise<void> {
  const { findings, catalogFaults } = await verify({ dataFolder: location });
  assert.deepEqual([findings, catalogFaults], [0, []]);
}

function namesIn(...path: [string, ...string[]]): string[] {
  return [...Deno.readDirSync(join(...path))].map(({ name }) => name);
}

function contentsIn(copy: string): number {
  return namesIn(copy, "files").flatMap((owner) => namesIn(copy, "files", owner)).length;
}
