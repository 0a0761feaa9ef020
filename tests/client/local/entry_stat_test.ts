/** Properties of local entries: read by the system's own call as by Deno. */
import assert from "node:assert/strict";
import { setTime } from "../../../client/local/file_metadata.ts";
import {
  isSameStat,
  mtimeOf,
  readUnchanged,
  statEntry,
  statOf,
} from "../../../client/local/entry_stat.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const ignore = Deno.build.os !== "linux";

Deno.test("entry stat: files, folders and links have the properties that Deno reports, links not followed", async () => {
  await using folder = await TemporaryFolder.create();
  await folder.write("file", "content");
  await Deno.mkdir(folder.join("folder"));
  await Deno.symlink("nowhere", folder.join("link"));
  await Deno.chmod(folder.join("file"), 0o4751);
  const kinds = ["file", "folder", "link"].map((name) => {
    const path = folder.join(name);
    const stat = statEntry(path);
    const deno = statOf(Deno.lstatSync(path));
    assert.deepEqual(
      [stat.kind, stat.mode, stat.size, stat.inode, stat.mtimeSeconds, stat.ctimeSeconds],
      [deno.kind, deno.mode, deno.size, deno.inode, deno.mtimeSeconds, deno.ctimeSeconds],
    );
    assert.ok(isSameStat(stat, statEntry(path)));
    return stat.kind;
  });
  assert.deepEqual(kinds, ["file", "folder", "link"]);
  assert.equal(statEntry(folder.join("file")).size, 7);
});

for (
  const time of [
    0n,
    -1n,
    -86_400_000_000_001n,
    1_764_419_786_123_456_789n,
    4_102_444_800_000_000_001n,
  ]
) {
  Deno.test(
    { name: `entry stat: the time ${time} is read to the nanosecond`, ignore },
    async () => {
      await using folder = await TemporaryFolder.create();
      const path = await folder.write("file", "content");
      setTime(path, time);
      const stat = statEntry(path);
      assert.equal(mtimeOf(stat), time);
    },
  );
}

Deno.test("entry stat: another file, size or time is a difference", async () => {
  await using folder = await TemporaryFolder.create();
  const path = await folder.write("file", "content");
  const before = statEntry(path);
  const other = await folder.write("other", "content");
  assert.ok(!isSameStat(before, statEntry(other)));
  setTime(path, 1_000_000_000n);
  assert.ok(!isSameStat(before, statEntry(path)));
  const moved = statEntry(path);
  await folder.write("file", "longer than before");
  assert.ok(!isSameStat(moved, statEntry(path)));
});

Deno.test("entry stat: throws what Deno throws, for every path", async () => {
  await using folder = await TemporaryFolder.create();
  await folder.write("file", "");
  for (const path of ["missing", "file/below", "x".repeat(5000)]) {
    assert.throws(() => statEntry(folder.join(path)), (error) => {
      assert.throws(() => Deno.lstatSync(folder.join(path)), { name: (error as Error).name });
      return true;
    });
  }
  assert.throws(() => statEntry(folder.join("file\0")));
});

for (const size of [0, 1, 4096, 65_536]) {
  Deno.test(`a file of ${size} bytes that has not changed is read as a whole`, async () => {
    await using folder = await TemporaryFolder.create();
    const content = new Uint8Array(size).fill(7);
    const path = folder.join("file");
    await Deno.writeFile(path, content);
    const room = new Uint8Array(size + 1);
    assert.ok(readUnchanged(path, statEntry(path), room));
    assert.deepEqual(room.subarray(0, size), content);
  });
}

const CHANGES: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  "has grown": (path) => Deno.writeTextFile(path, "more", { append: true }),
  "is shorter": (path) => Deno.truncate(path, 1),
  "has another time": (path) => Deno.utime(path, 1, 1),
  "is another one": async (path) => {
    await Deno.writeTextFile(`${path}.new`, "content");
    await Deno.rename(`${path}.new`, path);
  },
  "is a link now": async (path) => {
    await Deno.rename(path, `${path}.old`);
    await Deno.writeTextFile(`${path}.other`, "content");
    await Deno.symlink(`${path}.other`, path);
  },
};

for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test({ name: `reading notices a file that ${what}`, ignore }, async () => {
    await using folder = await TemporaryFolder.create();
    const path = await folder.write("file", "content");
    const stat = statEntry(path);
    await change(path);
    assert.ok(!readUnchanged(path, stat, new Uint8Array(stat.size + 1)));
  });
}

Deno.test({ name: "reading does not wait for the writer of a FIFO", ignore }, async () => {
  await using folder = await TemporaryFolder.create();
  const path = await folder.write("file", "content");
  const stat = statEntry(path);
  await Deno.remove(path);
  await new Deno.Command("mkfifo", { args: [path] }).output();
  assert.ok(!readUnchanged(path, stat, new Uint8Array(8)));
});

Deno.test("reading a file that is missing throws the reason", async () => {
  await using folder = await TemporaryFolder.create();
  const path = await folder.write("file", "content");
  const stat = statEntry(path);
  await Deno.remove(path);
  assert.throws(() => readUnchanged(path, stat, new Uint8Array(8)), Deno.errors.NotFound);
});
