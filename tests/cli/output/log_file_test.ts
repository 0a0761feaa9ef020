/** Log files: rotation by size, renaming by another program, and disks that fail. */
import assert from "node:assert/strict";
import { LogFile } from "../../../cli/output/log_file.ts";
import type { RotationOptions } from "../../../cli/output/log_rotation.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const ROTATION: RotationOptions = { size: 100, every: "none", keep: 2 };
const LINE = "x".repeat(60);

function namesIn(folder: TemporaryFolder): string[] {
  return [...Deno.readDirSync(folder.path)].map(({ name }) => name).sort();
}

Deno.test("log file: it is rotated at its size, and only some old files are kept", async () => {
  await using folder = await TemporaryFolder.create();
  for (let round = 0; round < 5; round++) {
    const file = await LogFile.open(folder.join("log"), ROTATION, assert.fail);
    for (const part of ["a", "b"]) file.write(`${round}${part}${LINE}`);
    await file.close();
  }
  assert.deepEqual(namesIn(folder), ["log", "log.1", "log.2"]);
  for (const name of namesIn(folder)) {
    const text = await Deno.readTextFile(folder.join(name));
    assert.ok(text.length < 200, `${name} has ${text.length} bytes`);
    assert.ok(text === "" || text.endsWith(`${LINE}\n`));
    if (Deno.build.os !== "windows") {
      assert.equal((Deno.statSync(folder.join(name)).mode ?? 0) & 0o777, 0o600, name);
    }
  }
});

Deno.test("log file: after it was renamed and reopened, lines are in a new file", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("log");
  const file = await LogFile.open(path, { ...ROTATION, size: Infinity }, assert.fail);
  file.write("before");
  // It is written in the background.
  while (await Deno.readTextFile(path) === "") await new Promise((resolve) => setTimeout(resolve));
  await Deno.rename(path, `${path}.old`);
  file.reopen();
  file.write("after");
  await file.close();
  assert.equal(await Deno.readTextFile(`${path}.old`), "before\n");
  assert.equal(await Deno.readTextFile(path), "after\n");
});

Deno.test("log file: a file that cannot be opened is an error with its name", async () => {
  await using folder = await TemporaryFolder.create();
  await assert.rejects(LogFile.open(folder.join("none/log"), ROTATION, assert.fail), {
    code: "log-unusable",
    message: /none\/log/,
  });
});

Deno.test({
  name:
    "log file: a device or a pipe is refused, since it would take no lines or wait for its reader",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await assert.rejects(LogFile.open("/dev/null", ROTATION, assert.fail), {
      code: "log-unusable",
      message: /not a file/,
    });
  },
});

Deno.test("log file: lines are kept if it is reopened while it is rotated", async () => {
  await using folder = await TemporaryFolder.create();
  const rotation = { ...ROTATION, size: 1000, keep: 100 };
  const file = await LogFile.open(folder.join("log"), rotation, assert.fail);
  const lines = Array.from({ length: 400 }, (_, i) => `${i} ${LINE}`);
  for (const [i, line] of lines.entries()) {
    file.write(line);
    if (i % 7 === 0) file.reopen();
    if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  await file.close();
  const texts = namesIn(folder).map((name) => Deno.readTextFileSync(folder.join(name)));
  const found = texts.flatMap((text) => text.split("\n")).filter((line) => line !== "");
  assert.deepEqual(found.sort(), lines.sort());
});

Deno.test("log file: a line without its end, as after a power cut, stays alone", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("log");
  await Deno.writeTextFile(path, "whole\ncut o");
  const file = await LogFile.open(path, { ...ROTATION, size: Infinity }, assert.fail);
  file.write("next");
  await file.close();
  assert.equal(await Deno.readTextFile(path), "whole\ncut o\nnext\n");
});

Deno.test("log file: a line after its end is dropped without a message", async () => {
  await using folder = await TemporaryFolder.create();
  const file = await LogFile.open(folder.join("log"), ROTATION, assert.fail);
  file.write("last");
  const closed = file.close();
  await new Promise((resolve) => setTimeout(resolve));
  file.write("late");
  file.reopen();
  await closed;
  file.write("later");
  await file.close();
  assert.equal(await Deno.readTextFile(folder.join("log")), "last\n");
});

Deno.test("log file: if it cannot be written, that is reported once, and lines after it was reopened are kept", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("sub/log");
  await Deno.mkdir(folder.join("sub"));
  const messages: string[] = [];
  const failed = Promise.withResolvers<void>();
  const file = await LogFile.open(path, { ...ROTATION, size: Infinity }, (message) => {
    messages.push(message);
    failed.resolve();
  });
  file.write("first");
  while (await Deno.readTextFile(path) === "") await new Promise((resolve) => setTimeout(resolve));
  await Deno.remove(folder.join("sub"), { recursive: true });
  await Deno.writeTextFile(folder.join("sub"), "a file where the folder was");
  file.reopen();
  // Some lines wait for the disk when it fails.
  for (let i = 0; i < 2; i++) file.write("lost");
  await failed.promise;
  for (let i = 0; i < 3; i++) file.write("lost");
  await Deno.remove(folder.join("sub"));
  await Deno.mkdir(folder.join("sub"));
  file.reopen();
  file.write("kept");
  await file.close();
  assert.equal(await Deno.readTextFile(path), "kept\n");
  assert.match(messages[0] ?? "", /^Cannot write .*sub\/log/);
  assert.match(messages[1] ?? "", /^5 lines of .*sub\/log were lost$/);
  assert.equal(messages.length, 2);
});
