/** New files created through the C library: whole, with their attributes, or absent. */
import assert from "node:assert/strict";
import { readTime } from "../../../client/local/file_metadata.ts";
import {
  createBy,
  NEW_MODE,
  type NewFileCalls,
  newFileCalls,
} from "../../../client/local/new_file.ts";

import { utf8 } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const PLAIN = { mode: NEW_MODE, mtime: undefined };

function test(
  what: string,
  body: (folder: TemporaryFolder, calls: NewFileCalls) => Promise<void> | void,
): void {
  const name = `new files: ${what}`;
  Deno.test({ name, ignore: newFileCalls === undefined }, async () => {
    await using folder = await TemporaryFolder.create();
    await body(folder, newFileCalls as NewFileCalls);
  });
}

for (
  const { what, name, text, mode, mtime } of [
    {
      what: "content, mode and time",
      name: "a",
      text: "content",
      mode: 0o444,
      mtime: 1_000_000_001n,
    },
    { what: "no content", name: "b", text: "", mode: 0o755, mtime: 0n },
    { what: "a time before 1970", name: "c", text: "x", mode: NEW_MODE, mtime: -1n },
    { what: "a name of other letters", name: "ü 文字", text: "x", mode: 0o640, mtime: 5n },
  ]
) {
  test(`${what}: as wanted`, (folder, calls) => {
    const path = folder.join(name);
    assert.ok(createBy(calls)(path, utf8(text), { mode, mtime }));
    assert.equal(Deno.readTextFileSync(path), text);
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o7777, mode);
    assert.equal(readTime(path), mtime);
  });
}

test("a write that takes only a part: continues with the rest", (folder, calls) => {
  const write: NewFileCalls["write"] = (file, bytes) => calls.write(file, bytes, 1n);
  const path = folder.join("a");
  assert.ok(createBy({ ...calls, write })(path, utf8("content"), PLAIN));
  assert.equal(Deno.readTextFileSync(path), "content");
});

test("something has the name: it stays as it is", async (folder, calls) => {
  const path = await folder.write("a", "theirs");
  await Deno.symlink("missing", folder.join("link"));
  assert.equal(createBy(calls)(path, utf8("ours"), PLAIN), false);
  assert.equal(createBy(calls)(folder.join("link"), utf8("ours"), PLAIN), false);
  assert.equal(Deno.readTextFileSync(path), "theirs");
  assert.deepEqual([...Deno.readDirSync(folder.path)].length, 2);
});

test("a path that the library would read differently: nothing is created", (folder, calls) => {
  for (const name of ["a\0b", `${"x/".repeat(3000)}y`]) {
    assert.equal(createBy(calls)(folder.join(name), utf8("x"), PLAIN), false);
  }
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});

for (const failing of ["write", "fchmod", "futimens", "close"] as const) {
  test(`${failing} fails: nothing is left, and no file stays open`, (folder, calls) => {
    let open = 0;
    const fails: NewFileCalls = {
      ...calls,
      open: (...args) => (open++, calls.open(...args)),
      close: (...args) => (open--, calls.close(...args)),
    };
    const failed = failing === "close"
      ? { close: (file: number) => (fails.close(file), -1) }
      : { [failing]: () => failing === "write" ? -1n : -1 };
    const create = createBy({ ...fails, ...failed });
    assert.equal(create(folder.join("a"), utf8("x"), { mode: 0o644, mtime: 0n }), false);
    assert.deepEqual([...Deno.readDirSync(folder.path)], []);
    assert.equal(open, 0);
  });
}
