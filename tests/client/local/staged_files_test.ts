/** Small files of a download: many share a sync, and each is whole or absent. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { FileSync, type SyncCalls } from "../../../client/local/file_sync.ts";
import {
  type FileToWrite,
  MAX_STAGED_BYTES,
  MAX_STAGED_FILES,
  StagedFiles,
  type WaitingFile,
} from "../../../client/local/staged_files.ts";
import { readTime } from "../../../client/local/file_metadata.ts";
import { type CreateFile, createFile } from "../../../client/local/new_file.ts";
import { TargetAttributes } from "../../../client/local/target_attributes.ts";
import { isPartName } from "../../../client/local/partial_file.ts";
import { UsageError } from "../../../protocol/errors.ts";
import { utf8 } from "../../support/bytes.ts";
import { readyThread } from "../../support/ready_thread.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

interface Fixture {
  readonly folder: TemporaryFolder;
  readonly staged: StagedFiles<FileToWrite, WaitingFile>;
  /** `ok`, or the code of the error, by name. */
  readonly ended: Record<string, string>;
  /** The names of each sync, and whether each file was complete then. */
  readonly syncs: string[][];
  /** Files that cannot be synced, by the number of their temporary name. */
  readonly failing: Set<string>;
  readonly clock: { now: number };
  readonly guard: { isClosed: boolean };
  /** Syncs wait for it. */
  readonly disk: { ready: Promise<void> };
  add(...names: string[]): void;
  names(): string[];
}

const ATTRIBUTES = { mode: 0o640, mtime: 1_234_567_890_123_456_789n };

interface CaseOptions {
  readonly force?: boolean;
  /** Without: files are created through Deno. */
  readonly create?: CreateFile | undefined;
  /** Whether another thread creates and renames them. */
  readonly hasThread?: boolean;
}

const BESIDE: CaseOptions = { create: createFile, hasThread: true };

function test(
  what: string,
  body: (fixture: Fixture) => Promise<void>,
  { force = false, create, hasThread = false }: CaseOptions = { create: createFile },
): void {
  const ignore = hasThread && Deno.build.os !== "linux";
  const name = `staged files: ${what}${hasThread ? ", in another thread" : ""}`;
  Deno.test({ name, ignore }, async () => {
    const attributes = new TargetAttributes();
    await attributes.ready();
    await using folder = await TemporaryFolder.create();
    using thread = hasThread ? await readyThread(folder.path) : undefined;
    const ended: Record<string, string> = {};
    const syncs: string[][] = [];
    const failing = new Set<string>();
    const clock = { now: 0 };
    const guard = { isClosed: false };
    const disk = { ready: Promise.resolve() };
    const contentOf = (path: string) => Deno.readTextFileSync(path);
    const staged = new StagedFiles<FileToWrite, WaitingFile>({
      sync: {
        files: async (paths) => {
          syncs.push(paths.map(contentOf));
          await disk.ready;
          const failed = paths.filter((path) => failing.has(contentOf(path)));
          return new Map(
            failed.map((path) => [path, new Error("Input/output error (os error 5)")]),
          );
        },
      },
      force,
      guard: () => {
        if (guard.isClosed) throw new UsageError("through-link", "a link");
      },
      attributes,
      ...{ create, thread },
      keep: ({ target }) => ({ target }),
      onEnd: ({ target }, error) => {
        assert.equal(ended[target], undefined, "each file ends once");
        ended[target.slice(folder.path.length + 1)] = error?.code ?? "ok";
      },
      now: () => clock.now,
    });
    await body({
      ...{ folder, staged, ended, syncs, failing, clock, guard, disk },
      add: (...names) =>
        staged.add(
          names.map((name) => ({
            target: folder.join(name),
            content: utf8(name),
            file: ATTRIBUTES,
          })),
        ),
      names: () => [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(),
    });
    assert.deepEqual([...Deno.readDirSync(folder.path)].filter(({ name }) => isPartName(name)), []);
  });
}

/** Lets everything run that waits for nothing else. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

async function syncsBeforeNames(fixture: Fixture): Promise<void> {
  const { add, names, staged, syncs, ended, folder } = fixture;
  add("a", "b");
  assert.ok(names().every(isPartName), "a killed run leaves nothing under a final name");
  assert.deepEqual(ended, {});
  await staged.publish();
  assert.deepEqual(syncs, [["a", "b"]]);
  assert.deepEqual(ended, { a: "ok", b: "ok" });
  assert.deepEqual(names(), ["a", "b"]);
  assert.equal(Deno.readTextFileSync(folder.join("b")), "b");
  assert.equal((Deno.statSync(folder.join("b")).mode ?? 0) & 0o777, ATTRIBUTES.mode);
  assert.equal(readTime(folder.join("b")), ATTRIBUTES.mtime);
}

const NAMED = "each is synced under a temporary name before it gets its own";
test(NAMED, syncsBeforeNames);
test(`${NAMED}, created through Deno`, syncsBeforeNames, {});
test(NAMED, syncsBeforeNames, BESIDE);

test("one that cannot be synced: fails alone, and its name stays free", async (fixture) => {
  const { add, names, staged, ended, failing } = fixture;
  failing.add("b");
  add("a", "b", "c");
  await staged.publish();
  assert.deepEqual(ended, { a: "ok", b: "cannot-write", c: "ok" });
  assert.deepEqual(names(), ["a", "c"]);
});

test("one that cannot be written: fails alone, at once", async (fixture) => {
  const { add, staged, ended, folder } = fixture;
  add("a", "missing/b", "c");
  assert.deepEqual(ended, { "missing/b": "cannot-write" });
  await staged.publish();
  assert.deepEqual(ended, { "a": "ok", "missing/b": "cannot-write", "c": "ok" });
  assert.equal(Deno.readTextFileSync(folder.join("c")), "c");
});

test("one that cannot be written: fails alone", async ({ add, staged, ended, folder }) => {
  add("a", "missing/b", "c");
  await staged.publish();
  assert.deepEqual(ended, { "a": "ok", "missing/b": "cannot-write", "c": "ok" });
  assert.equal(Deno.readTextFileSync(folder.join("c")), "c");
}, BESIDE);

test("a write that fails halfway: nothing is left", async ({ add, names, staged, ended }) => {
  const { writeSync } = Deno.FsFile.prototype;
  let calls = 0;
  Deno.FsFile.prototype.writeSync = function (bytes) {
    if (++calls === 2) return writeSync.call(this, bytes.subarray(0, 1));
    if (calls === 3) throw new Error("No space left on device (os error 28)");
    return writeSync.call(this, bytes);
  };
  try {
    add("one", "two", "three");
  } finally {
    Deno.FsFile.prototype.writeSync = writeSync;
  }
  await staged.publish();
  assert.deepEqual(ended, { one: "ok", two: "cannot-write", three: "ok" });
  assert.deepEqual(names(), ["one", "three"]);
}, {});

for (const how of [undefined, BESIDE]) {
  test("a file that appears meanwhile: is not overwritten", async (fixture) => {
    const { add, staged, ended, folder } = fixture;
    add("a", "b");
    await folder.write("a", "theirs");
    await staged.publish();
    assert.deepEqual(ended, { a: "target-exists", b: "ok" });
    assert.equal(Deno.readTextFileSync(folder.join("a")), "theirs");
  }, how);
}

test("with force: a file is replaced, a folder is not", async (fixture) => {
  const { add, staged, ended, folder, syncs } = fixture;
  await folder.write("a", "old");
  await Deno.mkdir(folder.join("b"));
  add("a", "b");
  assert.equal(Deno.readTextFileSync(folder.join("a")), "old", "until the new one is synced");
  await staged.publish();
  assert.equal(syncs.length, 1);
  assert.deepEqual(ended, { a: "ok", b: "target-exists" });
  assert.equal(Deno.readTextFileSync(folder.join("a")), "a");
}, { force: true, create: createFile });

test("a folder that becomes a link before files get their names: they fail", async (fixture) => {
  const { add, staged, ended, guard } = fixture;
  add("a");
  guard.isClosed = true;
  add("b");
  await staged.publish();
  assert.deepEqual(ended, { a: "through-link", b: "through-link" });
});

test("a folder that becomes a link before its files are written: they fail", async (fixture) => {
  const { add, staged, ended, folder, guard } = fixture;
  await Deno.mkdir(folder.join("real"));
  await Deno.symlink("real", folder.join("link"));
  guard.isClosed = true;
  add("link/a", "b");
  await staged.publish();
  assert.deepEqual(ended, { "link/a": "through-link", b: "ok" });
  assert.deepEqual([...Deno.readDirSync(folder.join("real"))], []);
}, BESIDE);

test("many share one sync; the next ones are written meanwhile", async (fixture) => {
  const { staged, add, ended, syncs, disk } = fixture;
  const synced = Promise.withResolvers<void>();
  disk.ready = synced.promise;
  for (let i = 1; i < MAX_STAGED_FILES; i++) add(`${i}`);
  await staged.publishIfDue();
  assert.equal(syncs.length, 0);
  add("last");
  await staged.publishIfDue();
  await nextTask();
  assert.equal(syncs.length, 1);
  add("next");
  assert.equal(Object.keys(ended).length, 0, "the first ones are still being synced");
  synced.resolve();
  await staged.publish();
  assert.deepEqual(syncs.map(({ length }) => length), [MAX_STAGED_FILES, 1]);
  assert.equal(Object.keys(ended).length, MAX_STAGED_FILES + 1);
});

test("several connections find that a sync is due: all files have ended when publish resolves", async (fixture) => {
  const { staged, add, ended, clock } = fixture;
  add("a");
  clock.now = 3000;
  await staged.publishIfDue();
  add("b");
  clock.now = 6000;
  const due = [staged.publishIfDue(), staged.publishIfDue()];
  for (let i = 0; i < MAX_STAGED_FILES; i++) add(`${i}`);
  due.push(staged.publishIfDue(), staged.publishIfDue());
  await staged.publish();
  assert.equal(Object.keys(ended).length, MAX_STAGED_FILES + 2);
  await Promise.all(due);
});

test("much content, or a long wait, is synced too", async ({ staged, folder, syncs, clock, add }) => {
  const content = new Uint8Array(MAX_STAGED_BYTES / 2);
  staged.add(["a", "b"].map((name) => ({ target: folder.join(name), content, file: ATTRIBUTES })));
  await staged.publishIfDue();
  await nextTask();
  assert.equal(syncs.length, 1);
  await staged.publish();
  add("c");
  await staged.publishIfDue();
  await nextTask();
  assert.equal(syncs.length, 1);
  clock.now = 3000;
  await staged.publishIfDue();
  await nextTask();
  assert.equal(syncs.length, 2);
  await staged.publish();
});

/** Counts calls. `isWorking`: whether file systems can be synced. */
function countingCalls(isWorking: () => boolean, calls: string[]): SyncCalls {
  return {
    system: {
      openFileSystem: (folder) => (calls.push(`open ${folder}`), calls.length),
      syncFileSystem: (handle) => (calls.push(`sync ${handle}`), Promise.resolve(isWorking())),
      closeFileSystem: (handle) => void calls.push(`close ${handle}`),
    },
    syncFile: (path) => {
      calls.push(`file ${path}`);
      return path === "d/bad" ? Promise.reject(new Error("broken")) : Promise.resolve();
    },
    syncFolder: (path) => Promise.resolve(void calls.push(`folder ${path}`)),
  };
}

Deno.test("file sync: one call for each file system; if that fails, each file tells its reason", async () => {
  const calls: string[] = [];
  let isWorking = true;
  {
    using sync = new FileSync(countingCalls(() => isWorking, calls));
    for (const folder of ["d", "d/e"]) sync.open(folder, 1);
    sync.open("other", 2);
    assert.deepEqual([...await sync.files(["d/a", "d/bad"])], []);
    assert.deepEqual(calls.splice(0), ["open d", "open other", "sync 1", "sync 2"]);
    assert.deepEqual([...await sync.files([])], [], "nothing to sync");
    isWorking = false;
    const failures = await sync.files(["d/a", "d/bad"]);
    assert.deepEqual([...failures.keys()], ["d/bad"]);
    assert.deepEqual([...await sync.folders(["d"])], []);
    assert.deepEqual(calls.splice(0), [
      ...["sync 1", "sync 2", "file d/a", "file d/bad"],
      ...["sync 1", "sync 2", "folder d"],
    ]);
  }
  assert.deepEqual(calls, ["close 1", "close 2"]);
});

for (const what of ["no such call", "a folder that cannot be opened"]) {
  Deno.test(`file sync: ${what}: each file is synced by itself`, async () => {
    const calls: string[] = [];
    const all = countingCalls(() => true, calls);
    const openFileSystem = (folder: string) => (folder === "d" ? undefined : 7);
    using sync = new FileSync({
      ...all,
      system: what === "no such call" || all.system === undefined
        ? undefined
        : { ...all.system, openFileSystem },
    });
    sync.open("e", 1);
    sync.open("d", 2);
    await sync.files(["d/a", "e/b"]);
    await sync.folders(["d"]);
    assert.deepEqual(calls, ["file d/a", "file e/b", "folder d"]);
  });
}

Deno.test("file sync: real files and folders, also without permission to read them", async () => {
  await using folder = await TemporaryFolder.create();
  const path = await folder.write("a", "x");
  await Deno.chmod(path, 0o000);
  for (const isWhole of [true, false]) {
    using sync = isWhole ? new FileSync() : new FileSync({
      system: undefined,
      syncFile: (path) => Promise.reject(new Error(path)),
      syncFolder: (path) => Promise.reject(new Error(path)),
    });
    sync.open(folder.path, Deno.statSync(folder.path).dev);
    const failures = [...await sync.files([path]), ...await sync.folders([dirname(path)])];
    assert.equal(failures.length, isWhole ? 0 : 2);
  }
  assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0);
});
