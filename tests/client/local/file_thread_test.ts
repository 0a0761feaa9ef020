/** Files that another thread creates and renames. */
import assert from "node:assert/strict";
import { readTime } from "../../../client/local/file_metadata.ts";
import { NEW_MODE } from "../../../client/local/new_file.ts";
import { utf8 } from "../../support/bytes.ts";
import { readyThread } from "../../support/ready_thread.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const IGNORE = { ignore: Deno.build.os !== "linux" };

Deno.test(
  "file thread: creates what it can, and gives back the contents of the others",
  IGNORE,
  async () => {
    await using folder = await TemporaryFolder.create();
    using thread = await readyThread(folder.path);
    await Deno.mkdir(folder.join("real"));
    await Deno.symlink("real", folder.join("link"));
    await folder.write("taken", "theirs");
    const names = ["first", "taken", "missing/a", "empty", "link/a", "link/b", "real/a"];
    const contents = names.map((name) => utf8(name === "empty" ? "" : `in ${name}`));
    const created = thread.create(names.map((name, i) => ({
      ...{ path: folder.join(name), content: contents[i] as Uint8Array<ArrayBuffer> },
      ...{ mode: i === 0 ? 0o640 : NEW_MODE, mtime: i === 0 ? 1_000_000_001n : undefined },
    })));
    for (const content of contents) content.fill(0);
    const failed = await created;
    assert.deepEqual(
      failed.map(({ index, content }) => [names[index], new TextDecoder().decode(content)]),
      [
        ["taken", "in taken"],
        ["missing/a", "in missing/a"],
        ["link/a", "in link/a"],
        ["link/b", "in link/b"],
      ],
    );
    const read = (name: string) => Deno.readTextFileSync(folder.join(name));
    assert.deepEqual(["first", "taken", "empty", "real/a"].map(read), [
      ...["in first", "theirs", "", "in real/a"],
    ]);
    assert.equal((Deno.statSync(folder.join("first")).mode ?? 0) & 0o777, 0o640);
    assert.equal(readTime(folder.join("first")), 1_000_000_001n);
    assert.deepEqual([...Deno.readDirSync(folder.join("real"))].map(({ name }) => name), ["a"]);
  },
);

Deno.test("file thread: renames to free names only, and through no link", IGNORE, async () => {
  await using folder = await TemporaryFolder.create();
  using thread = await readyThread(folder.path);
  await Deno.mkdir(folder.join("real"));
  await Deno.symlink("real", folder.join("link"));
  for (const name of ["a", "b", "taken", "real/c"]) await folder.write(name, name);
  const moves = [["a", "new"], ["b", "taken"], ["missing", "x"], ["link/c", "link/d"]] as const;
  const failed = await thread.rename(
    moves.map(([from, to]) => ({ path: folder.join(from), target: folder.join(to) })),
  );
  assert.deepEqual(failed, [1, 2, 3]);
  assert.equal(Deno.readTextFileSync(folder.join("new")), "a");
  assert.equal(Deno.readTextFileSync(folder.join("taken")), "taken");
  assert.equal(Deno.readTextFileSync(folder.join("real/c")), "real/c");
});

Deno.test(
  "file thread: with much waiting, there is room again once it is written",
  IGNORE,
  async () => {
    await using folder = await TemporaryFolder.create();
    using thread = await readyThread(folder.path);
    const content = new Uint8Array(5 * 1024 * 1024);
    const created = ["a", "b"].map((name) =>
      thread.create([{ path: folder.join(name), content, mode: NEW_MODE, mtime: undefined }])
    );
    await thread.room();
    assert.equal(Deno.statSync(folder.join("a")).size, content.length);
    assert.deepEqual(await Promise.all(created), [[], []]);
  },
);
