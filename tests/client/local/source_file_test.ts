import assert from "node:assert/strict";
import { concatBytes } from "../../../protocol/bytes.ts";
import { SourceFile } from "../../../client/local/source_file.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const { inspect } = SourceFile;

async function read(file: SourceFile, bufferSize: number) {
  const pieces = [];
  const buffers = [new Uint8Array(bufferSize), new Uint8Array(bufferSize)] as const;
  for await (const piece of file.read(buffers)) pieces.push(piece.slice());
  return pieces;
}

Deno.test("source file: it is read in pieces that fill the buffer, except for the last", async () => {
  await using folder = await TemporaryFolder.create();
  const content = pseudoRandomBytes(1000);
  const file = await inspect(await folder.write("a.bin", content));
  assert.equal(file.size, 1000);
  assert.equal(file.name, "a.bin");
  const pieces = await read(file, 64);
  assert.deepEqual(concatBytes(...pieces), content);
  assert.deepEqual(pieces.map(({ length }) => length), [...Array(15).fill(64), 40]);
  assert.equal(await file.hasChanged(), false);
});

Deno.test("source file: with more buffers, a piece is valid until as many others less one are requested", async () => {
  await using folder = await TemporaryFolder.create();
  const content = pseudoRandomBytes(1000);
  const file = await inspect(await folder.write("a.bin", content));
  const [first, second, third] = [new Uint8Array(64), new Uint8Array(64), new Uint8Array(64)];
  const pieces = [];
  let previous = new Uint8Array(0);
  for await (const piece of file.read([first, second, third])) {
    pieces.push(previous.slice());
    previous = piece;
  }
  assert.deepEqual(concatBytes(...pieces, previous), content);
});

Deno.test("source file: shrinking during the read is an error; a change is noticed", async () => {
  await using folder = await TemporaryFolder.create();
  const path = await folder.write("a.bin", pseudoRandomBytes(1000));
  const file = await inspect(path);
  await Deno.truncate(path, 500);
  await assert.rejects(read(file, 64), { name: "IntegrityError", code: "file-changed" });
  assert.equal(await file.hasChanged(), true);

  const grown = await inspect(path);
  await Deno.writeFile(path, new Uint8Array(1), { append: true });
  assert.equal(await grown.hasChanged(), true);

  const touched = await inspect(path);
  await Deno.utime(path, new Date(), new Date(1));
  assert.equal(await touched.hasChanged(), true);
});

Deno.test({
  name: "source file: more bytes than its size are noticed, in a stream and in one read",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const file = await inspect("/proc/cpuinfo");
    assert.equal(file.size, 0);
    assert.deepEqual(await read(file, 64), []);
    assert.equal(await file.hasChanged(), true);
    using open = await file.open();
    assert.equal((await open.readWhole()).length, 0);
    assert.equal(await open.hasChanged(), true);
  },
});

Deno.test("source file: what cannot be sent is refused before sending", async () => {
  await using folder = await TemporaryFolder.create();
  await assert.rejects(inspect(folder.join("none")), { name: "StorageError", code: "cannot-read" });
  await assert.rejects(inspect(folder.path), {
    ...{ name: "StorageError", code: "not-a-file", hint: /^Pack it/ },
  });
  await assert.rejects(inspect(""), { name: "UsageError", code: "empty-path" });
  if (Deno.build.os !== "windows") {
    await assert.rejects(inspect("/dev/null"), {
      code: "not-a-file",
      hint: /^Write its content/,
    });
  }
});
