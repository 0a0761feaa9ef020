/** Writes past the page cache, and the partial downloads that use them. */
import assert from "node:assert/strict";
import {
  BLOCK_SIZE,
  type DirectCalls,
  directCalls,
  DirectWrites,
} from "../../../client/local/direct_writes.ts";
import { PartialFile } from "../../../client/local/partial_file.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

/** Opens files without O_DIRECT, which not every file system has. */
function plain(calls: DirectCalls, pwrite = calls.pwrite): DirectCalls {
  return { ...calls, pwrite, open: (path) => calls.open(path, 1) };
}

function test(
  what: string,
  body: (folder: TemporaryFolder, calls: DirectCalls) => Promise<void>,
): void {
  const name = `direct writes: ${what}`;
  Deno.test({ name, ignore: directCalls === undefined }, async () => {
    await using folder = await TemporaryFolder.create();
    await body(folder, directCalls as DirectCalls);
  });
}

test("whole blocks are written, at aligned addresses, and nothing else", async (folder, calls) => {
  const path = await folder.write("file", "");
  const content = pseudoRandomBytes(300 * BLOCK_SIZE + 5, 1);
  const misaligned: number[] = [];
  const watched = plain(calls, (file, bytes, size, offset) => {
    const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes as Bytes));
    misaligned.push(Number((BigInt(address) | size | BigInt(offset)) % BigInt(BLOCK_SIZE)));
    return calls.pwrite(file, bytes, size, offset);
  });
  using direct = DirectWrites.open(path, watched) as DirectWrites;
  assert.equal(await direct.write(BLOCK_SIZE, content), 300 * BLOCK_SIZE);
  assert.equal(await direct.write(1, content), 0, "not at a block");
  assert.equal(await direct.write(0, content.subarray(0, BLOCK_SIZE - 1)), 0, "less than a block");
  assert.ok(misaligned.length > 1 && misaligned.every((rest) => rest === 0));
  const written = await Deno.readFile(path);
  assert.deepEqual(written.subarray(BLOCK_SIZE), content.subarray(0, 300 * BLOCK_SIZE));
});

test("a link: is not followed", async (folder) => {
  await folder.write("file", "x");
  await Deno.symlink("file", folder.join("link"));
  assert.equal(DirectWrites.open(folder.join("link")), undefined);
});

for (const answer of [-1n, 512n]) {
  test(`a write that returns ${answer}: says what was written before`, async (folder, calls) => {
    const path = await folder.write("file", "");
    let count = 0;
    const failing = plain(calls, (...args) => {
      return ++count === 2 ? Promise.resolve(answer) : calls.pwrite(...args);
    });
    using direct = DirectWrites.open(path, failing) as DirectWrites;
    assert.equal(await direct.write(0, new Uint8Array(3 * 2 ** 20)), 2 ** 20);
  });
}

for (const what of ["as the system does", "which fail", "which the file system does not have"]) {
  test(`a partial download with direct writes, ${what}: is whole`, async (folder, calls) => {
    const real = { ...calls };
    if (what === "which fail") Object.assign(calls, plain(real, () => Promise.resolve(-1n)));
    if (what.endsWith("not have")) Object.assign(calls, { open: () => -1 });
    try {
      const content = pseudoRandomBytes(2 * 2 ** 20 + 3 * BLOCK_SIZE + 7, 2);
      const target = folder.join("target");
      const part = await PartialFile.create(target, false);
      part.writeDirectly();
      const second = content.subarray(2 ** 20);
      await Promise.all([part.write(2 ** 20, second), part.write(0, content.slice(0, 2 ** 20))]);
      const read = await part.read(2 ** 20 - 3, new Uint8Array(10));
      assert.deepEqual(read, content.subarray(2 ** 20 - 3, 2 ** 20 + 7));
      await part.publish(target, false, () => Promise.resolve());
      assert.deepEqual(new Uint8Array(await Deno.readFile(target)), content);
    } finally {
      Object.assign(calls, real);
    }
  });
}
