/** The index of digests: what it remembers, and what it never claims. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Bytes } from "../../../protocol/bytes.ts";
import { DigestIndex, type IndexUse } from "../../../client/local/digest_index.ts";
import type { EntryStat } from "../../../client/local/entry_stat.ts";
import { CLOCK_GRAIN_MS } from "../../../client/local/file_system_clock.ts";
import { INDEX_FOLDER, MAX_INDEXES } from "../../../client/local/index_folder.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const STAT: EntryStat = {
  ...{ kind: "file", mode: 0o644, size: 7, inode: 12, deviceMajor: 254, deviceMinor: 1 },
  ...{ mtimeSeconds: 1000, mtimeNanoseconds: 5, ctimeSeconds: 1001, ctimeNanoseconds: 6 },
};
const LATER = 2_000_000;
/** The files are on a file system with the clock of this machine, or of another one. */
const LOCAL: IndexUse = { deviceWithOwnClock: () => STAT };
const REMOTE: IndexUse = { deviceWithOwnClock: () => undefined };

const keyOf = (name: string): Bytes => new TextEncoder().encode(name);
const digestOf = (i: number): Bytes => new Uint8Array(32).fill(i % 251);

/** Writes an index of files `names`, in this order; the digest of each is that of its place. */
function write(folder: TemporaryFolder, names: readonly string[], isWhole = true): void {
  using index = DigestIndex.open(folder.path, "/root", LOCAL);
  for (const [i, name] of names.entries()) {
    index.find(keyOf(name), STAT);
    index.add(keyOf(name), STAT, LATER, digestOf(i));
  }
  index.save(isWhole);
}

/** The first byte of the digest of each name, as far as known. */
function read(folder: TemporaryFolder, names: readonly string[], stat = STAT) {
  using index = DigestIndex.open(folder.path, "/root", LOCAL);
  return names.map((name) => index.find(keyOf(name), stat)?.[0]);
}

async function filesIn(folder: TemporaryFolder): Promise<string[]> {
  const files = await Array.fromAsync(Deno.readDir(folder.join(INDEX_FOLDER)));
  return files.map(({ name }) => folder.join(INDEX_FOLDER, name));
}

Deno.test("index: remembers the digest of each file for the next run, over many blocks", async () => {
  await using folder = await TemporaryFolder.create();
  const names = Array.from({ length: 3000 }, (_, i) => `folder/${String(i).padStart(5, "0")}`);
  write(folder, names);
  assert.deepEqual(read(folder, names), names.map((_, i) => i % 251));
  assert.deepEqual(read(folder, ["a", "folder/00007", "folder/00007x", "folder/02999", "z"]), [
    ...[undefined, 7, undefined, 2999 % 251, undefined],
  ]);
  const [path] = await filesIn(folder);
  assert.equal((await Deno.stat(path as string)).mode! & 0o777, 0o600);
});

Deno.test("index: what a run has found and kept is known to the next, among what it has added", async () => {
  await using folder = await TemporaryFolder.create();
  const names = Array.from({ length: 3000 }, (_, i) => `folder/${String(i).padStart(5, "0")}`);
  write(folder, names.filter((_, i) => i % 3 > 0));
  {
    using index = DigestIndex.open(folder.path, "/root", LOCAL);
    for (const name of names) {
      if (index.find(keyOf(name), STAT) !== undefined) index.keepFound();
      else index.add(keyOf(name), STAT, LATER, digestOf(250));
    }
    index.save(true);
  }
  assert.deepEqual(
    read(folder, names),
    names.map((_, i) => i % 3 === 0 ? 250 : (i - Math.floor(i / 3) - 1) % 251),
  );
});

Deno.test("index: a file with another size, time, inode or file system is not known", async () => {
  await using folder = await TemporaryFolder.create();
  write(folder, ["a"]);
  assert.deepEqual(read(folder, ["a"], { ...STAT, mode: 0o600 }), [0], "modes are no content");
  for (const key of Object.keys(STAT) as (keyof EntryStat)[]) {
    if (key === "kind" || key === "mode") continue;
    const other = { ...STAT, [key]: STAT[key] + 1 };
    assert.deepEqual(read(folder, ["a"], other), [undefined], key);
  }
});

Deno.test("index: a file that has just changed, or has no time of change, is not kept", async () => {
  await using folder = await TemporaryFolder.create();
  const cases: readonly [EntryStat, number, boolean][] = [
    [STAT, 1_002_001 + CLOCK_GRAIN_MS, true],
    [STAT, 1_002_000 + CLOCK_GRAIN_MS, false],
    [STAT, 0, false],
    [{ ...STAT, mtimeSeconds: 3000 }, LATER, false],
    [{ ...STAT, ctimeSeconds: NaN }, LATER, false],
  ];
  for (const [stat, at, isKept] of cases) {
    {
      using index = DigestIndex.open(folder.path, "/root", LOCAL);
      index.add(keyOf("a"), stat, at, digestOf(1));
      index.addLate(keyOf("b"), stat, at, digestOf(1));
      index.save(true);
    }
    const expected = isKept ? 1 : undefined;
    assert.deepEqual(read(folder, ["a", "b"], stat), [expected, expected]);
  }
});

Deno.test("index: with the clock of another machine, a digest is trusted once the file was read again later", async () => {
  await using folder = await TemporaryFolder.create();
  /** Reads both files at a time, unless their digests are known. Returns whether they are. */
  const put = (at: number, stat = STAT): boolean[] => {
    using index = DigestIndex.open(folder.path, "/root", REMOTE);
    const known = index.find(keyOf("a"), stat) !== undefined;
    index.add(keyOf("a"), stat, at, digestOf(1));
    const isLateKnown = index.find(keyOf("b"), stat) !== undefined;
    index.addLate(keyOf("b"), stat, at, digestOf(1));
    index.save(true);
    return [known, isLateKnown];
  };
  const [no, yes] = [[false, false], [true, true]];
  // Its clock is far off: a file that changes now has these times.
  const begin = LATER;
  assert.deepEqual(put(begin), no);
  assert.deepEqual(put(begin + CLOCK_GRAIN_MS), no, "read before, but too soon");
  assert.deepEqual(put(begin + CLOCK_GRAIN_MS + 1), no, "not read since");
  assert.deepEqual(put(begin + CLOCK_GRAIN_MS + 2), yes);
  assert.deepEqual(put(begin, STAT), yes, "whatever the clock says later");
  const changed = { ...STAT, ctimeSeconds: 1002 };
  assert.deepEqual(put(begin + 10_000, changed), no);
  assert.deepEqual(put(begin, changed), no);
  assert.deepEqual(put(begin + CLOCK_GRAIN_MS + 1, changed), no, "a clock that was set back");
  assert.deepEqual(put(begin + CLOCK_GRAIN_MS + 1, changed), yes);
});

Deno.test("index: files of another file system below the folder do not have its clock", async () => {
  await using folder = await TemporaryFolder.create();
  const elsewhere = { ...STAT, deviceMinor: 99 };
  {
    using index = DigestIndex.open(folder.path, "/root", LOCAL);
    index.add(keyOf("a"), elsewhere, LATER, digestOf(1));
    index.save(true);
  }
  assert.deepEqual(read(folder, ["a"], elsewhere), [undefined]);
});

Deno.test("index: digests that come late are in their places", async () => {
  await using folder = await TemporaryFolder.create();
  {
    using index = DigestIndex.open(folder.path, "/root", LOCAL);
    for (const [name, i] of [["b", 1], ["d", 3]] as const) {
      index.add(keyOf(name), STAT, LATER, digestOf(i));
    }
    for (const [name, i] of [["e", 4], ["a", 0], ["c", 2], ["b", 9]] as const) {
      index.addLate(keyOf(name), STAT, LATER, digestOf(i));
    }
    index.save(true);
  }
  assert.deepEqual(read(folder, ["a", "b", "c", "d", "e"]), [0, 1, 2, 3, 4]);
});

Deno.test("index: a run that ends early keeps the rest of the last one; a whole run forgets what is gone", async () => {
  await using folder = await TemporaryFolder.create();
  write(folder, ["a", "b", "c", "d"]);
  write(folder, ["a", "bb"], false);
  assert.deepEqual(read(folder, ["a", "b", "bb", "c", "d"]), [0, undefined, 1, 2, 3]);
  write(folder, ["a", "c"]);
  assert.deepEqual(read(folder, ["a", "bb", "c", "d"]), [0, undefined, 1, undefined]);
});

Deno.test("index: without a save, the last one stays, and no file is left", async () => {
  await using folder = await TemporaryFolder.create();
  write(folder, ["a"]);
  {
    using index = DigestIndex.open(folder.path, "/root", LOCAL);
    index.add(keyOf("b"), STAT, LATER, digestOf(1));
  }
  assert.deepEqual(read(folder, ["a", "b"]), [0, undefined]);
  assert.equal((await filesIn(folder)).length, 1);
});

Deno.test("index: every damage to it makes files unknown, never otherwise known", async () => {
  await using folder = await TemporaryFolder.create();
  const names = Array.from({ length: 1500 }, (_, i) => `f${String(i).padStart(5, "0")}`);
  write(folder, names);
  const [path] = await filesIn(folder) as [string];
  const whole = await Deno.readFile(path);
  const check = (bytes: Bytes) => {
    Deno.writeFileSync(path, bytes);
    for (const [i, found] of read(folder, names).entries()) {
      if (found !== undefined) assert.equal(found, i % 251);
    }
    Deno.removeSync(path);
  };
  const place = fc.integer({ min: 0, max: whole.length - 1 });
  fc.assert(
    fc.property(place, fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const bytes = whole.slice();
      bytes[at] = (bytes[at] as number) ^ flip;
      check(bytes);
    }),
    { numRuns: 40 },
  );
  fc.assert(fc.property(place, (length) => check(whole.slice(0, length))), { numRuns: 40 });
  check(new TextEncoder().encode("something else of some other program"));
});

Deno.test("index: one that cannot be read or written is none", async () => {
  await using folder = await TemporaryFolder.create();
  await folder.write(INDEX_FOLDER, "a file");
  write(folder, ["a"]);
  assert.deepEqual(read(folder, ["a"]), [undefined]);
  using missing = DigestIndex.open(folder.join("missing/folder"), "/root", LOCAL);
  missing.add(keyOf("a"), STAT, LATER, digestOf(1));
  missing.save(true);
});

Deno.test("index: of many folders, those used last stay", async () => {
  await using folder = await TemporaryFolder.create();
  const open = (root: number) => DigestIndex.open(folder.path, `/root${root}`, LOCAL);
  for (let root = 0; root < MAX_INDEXES + 3; root++) {
    using index = open(root);
    index.add(keyOf("a"), STAT, LATER, digestOf(root));
    index.save(true);
    for (const path of await filesIn(folder)) {
      const { mtime } = await Deno.stat(path);
      await Deno.utime(path, 1, mtime!.getTime() / 1000 - 10);
    }
  }
  assert.equal((await filesIn(folder)).length, MAX_INDEXES);
  for (
    const [root, isKept] of [[0, false], [2, false], [3, true], [MAX_INDEXES + 2, true]] as const
  ) {
    using index = open(root);
    assert.equal(index.find(keyOf("a"), STAT) !== undefined, isKept, `${root}`);
  }
});

Deno.test("index: temporary files of killed runs are removed after a day", async () => {
  await using folder = await TemporaryFolder.create();
  write(folder, ["a"]);
  const [path] = await filesIn(folder) as [string];
  const names = [".tmp", "-merged.tmp"].map((end) => `${path}.${crypto.randomUUID()}${end}`);
  const young = `${path}.${crypto.randomUUID()}.tmp`;
  const now = Date.now() / 1000;
  for (const name of [...names, young]) await Deno.writeTextFile(name, "killed");
  for (const name of names) await Deno.utime(name, now, now - 25 * 60 * 60);
  await Deno.utime(young, now, now - 23 * 60 * 60);
  write(folder, ["a"]);
  assert.deepEqual((await filesIn(folder)).sort(), [path, young].sort());
});

Deno.test("index: a disk that is full at any write leaves the last index, and no other file", async () => {
  await using folder = await TemporaryFolder.create();
  const names = Array.from({ length: 3000 }, (_, i) => `f${String(i).padStart(5, "0")}`);
  write(folder, ["a"]);
  const { writeSync } = Deno.FsFile.prototype;
  let isWritten = false;
  for (let room = 0; !isWritten; room++) {
    let writes = 0;
    Deno.FsFile.prototype.writeSync = function (bytes) {
      if (writes++ >= room) throw new Error("No space left on device (os error 28)");
      return writeSync.call(this, bytes);
    };
    try {
      using index = DigestIndex.open(folder.path, "/root", LOCAL);
      for (const [i, name] of names.entries()) {
        index.add(keyOf(name), STAT, LATER, digestOf(i));
      }
      index.addLate(keyOf("g"), STAT, LATER, digestOf(1));
      index.save(true);
    } finally {
      Deno.FsFile.prototype.writeSync = writeSync;
    }
    isWritten = writes <= room;
    assert.equal((await filesIn(folder)).length, 1, `room for ${room} writes`);
    if (!isWritten) assert.deepEqual(read(folder, ["a"]), [0]);
  }
  assert.deepEqual(read(folder, ["f00002", "g"]), [2, 1]);
});

Deno.test("index: a folder of its name that was there before keeps its files", async () => {
  await using folder = await TemporaryFolder.create();
  await Deno.mkdir(folder.join(INDEX_FOLDER));
  const names = Array.from({ length: MAX_INDEXES + 3 }, (_, i) => `photo${i}.jpg`);
  for (const name of names) {
    const path = await folder.write(`${INDEX_FOLDER}/${name}`, "precious");
    await Deno.utime(path, 1, 1);
  }
  write(folder, ["a"]);
  assert.equal((await filesIn(folder)).length, names.length + 1);
  assert.deepEqual(read(folder, ["a"]), [0]);
});

Deno.test({
  name: "index: a FIFO in its place is none, and is not read",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await TemporaryFolder.create();
    write(folder, ["a"]);
    const [path] = await filesIn(folder) as [string];
    const copy = folder.join("copy");
    await Deno.rename(path, copy);
    const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
    assert(success);
    const writer = new Deno.Command("sh", { args: ["-c", 'exec cat "$0" > "$1"', copy, path] })
      .spawn();
    assert.deepEqual(read(folder, ["a"]), [undefined]);
    writer.kill("SIGKILL");
    await writer.status;
  },
});
