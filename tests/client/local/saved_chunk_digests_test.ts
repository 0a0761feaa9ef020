/** The saved digests of interrupted uploads: what a later process is given, and when it is given nothing. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import {
  SavedChunkDigests,
  type SavedDigestsUse,
} from "../../../client/local/saved_chunk_digests.ts";
import { INDEX_FOLDER } from "../../../client/local/index_folder.ts";
import type { InspectedFile } from "../../../client/local/source_entry.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { ChunkDigests, ENTRY_SIZE } from "../../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const CHUNKS = 70;
const SIZE = CHUNKS * CHUNK_SIZE + 5;
const ENTRIES = pseudoRandomBytes((CHUNKS + 1) * ENTRY_SIZE);
const LOCAL: SavedDigestsUse = { hasOwnClock: () => true };

/** The digests of the first chunks. The last chunk is not a whole one. */
function digestsOf(chunks: number): ChunkDigests {
  return ChunkDigests.decode(SIZE, ENTRIES, Math.min(SIZE, chunks * CHUNK_SIZE));
}

/** A large file without content on the disk, and its state, inspected an hour after its last change. */
async function inspect(folder: TemporaryFolder, later = 3_600_000): Promise<InspectedFile> {
  const real = folder.join("large");
  if (!existsSync(real)) {
    await folder.write("large", "");
    await Deno.truncate(real, SIZE);
  }
  return { real, info: await Deno.stat(real), at: Date.now() + later };
}

function save(
  folder: TemporaryFolder,
  file: InspectedFile,
  counts: readonly number[],
  use = LOCAL,
) {
  const saved = new SavedChunkDigests(folder.path, use);
  for (const count of counts) saved.save(file, digestsOf(count));
  return saved;
}

/** The entries that a later process gets of the first `chunks`. */
function load(folder: TemporaryFolder, file: InspectedFile, chunks: number, use = LOCAL) {
  return new SavedChunkDigests(folder.path, use).load(file, Math.min(SIZE, chunks * CHUNK_SIZE))
    ?.encode();
}

const entriesOf = (chunks: number): Bytes => ENTRIES.subarray(0, chunks * ENTRY_SIZE);

async function savedFiles(folder: TemporaryFolder): Promise<string[]> {
  if (!existsSync(folder.join(INDEX_FOLDER))) return [];
  const files = await Array.fromAsync(Deno.readDir(folder.join(INDEX_FOLDER)));
  return files.map(({ name }) => folder.join(INDEX_FOLDER, name));
}

Deno.test("saved digests: a later process gets those of the part that the server has", async () => {
  await using folder = await TemporaryFolder.create();
  const file = await inspect(folder);
  const saved = save(folder, file, [1, 16, 17, 40, CHUNKS + 1]);
  assert.deepEqual(load(folder, file, 50), entriesOf(50));
  assert.deepEqual(load(folder, file, CHUNKS + 1), entriesOf(CHUNKS));
  const [path = ""] = await savedFiles(folder);
  assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  saved.remove(file);
  assert.deepEqual(await savedFiles(folder), []);
  assert.equal(load(folder, file, 50), undefined);
});

Deno.test("saved digests: a resumed upload saves those of its earlier chunks again, once", async () => {
  await using folder = await TemporaryFolder.create();
  const file = await inspect(folder);
  save(folder, file, [32]);
  save(folder, file, [40, 64]);
  assert.deepEqual(load(folder, file, CHUNKS), entriesOf(64));
});

Deno.test("saved digests: nothing is written for a file that ends before enough chunks", async () => {
  await using folder = await TemporaryFolder.create();
  save(folder, await inspect(folder), [1, 15]);
  assert.deepEqual(await savedFiles(folder), []);
});

Deno.test("saved digests: none for a file that has changed, whatever its size and time say", async () => {
  await using folder = await TemporaryFolder.create();
  const file = await inspect(folder);
  save(folder, file, [32]);
  const { info } = file;
  const changes: Partial<Deno.FileInfo>[] = [
    { size: SIZE + 1 },
    { mtime: new Date(1) },
    { ctime: new Date(info.ctime!.getTime() + 1000) },
    { ino: 1 },
    { dev: 1 },
  ];
  for (const change of changes) {
    assert.equal(load(folder, { ...file, info: { ...info, ...change } }, 32), undefined);
  }
  assert.deepEqual(load(folder, file, 32), entriesOf(32));
});

Deno.test("saved digests: none of a file that changed just before, or on a file system with another clock", async () => {
  await using folder = await TemporaryFolder.create();
  save(folder, await inspect(folder, 0), [32]);
  save(folder, await inspect(folder), [32], { hasOwnClock: () => false });
  assert.deepEqual(await savedFiles(folder), []);
});

Deno.test("saved digests: they are not used with --checksum", async () => {
  await using folder = await TemporaryFolder.create();
  const file = await inspect(folder);
  save(folder, file, [32]);
  assert.equal(load(folder, file, 32, { isRead: false }), undefined);
});

Deno.test("saved digests: a file that is truncated anywhere gives whole entries, or none", async () => {
  await using folder = await TemporaryFolder.create();
  const file = await inspect(folder);
  save(folder, file, [16]);
  const [path = ""] = await savedFiles(folder);
  const content = await Deno.readFile(path);
  const header = content.length - 16 * ENTRY_SIZE;
  for (
    const size of [0, 1, header - 1, header, header + 1, header + ENTRY_SIZE, content.length - 1]
  ) {
    await Deno.writeFile(path, content.subarray(0, size));
    const chunks = Math.max(0, Math.floor((size - header) / ENTRY_SIZE));
    assert.deepEqual(load(folder, file, 16), chunks === 0 ? undefined : entriesOf(chunks));
  }
});

Deno.test("saved digests: another process removes them, or something else has the name: nothing fails", async () => {
  await using folder = await TemporaryFolder.create();
  const file = await inspect(folder);
  const saved = save(folder, file, [16]);
  const [path = ""] = await savedFiles(folder);
  await Deno.remove(path);
  saved.save(file, digestsOf(32));
  assert.deepEqual(await savedFiles(folder), []);
  await Deno.mkdir(path);
  save(folder, file, [16, 32]).remove(file);
  assert.equal(load(folder, file, 16), undefined);
  await Deno.remove(folder.join(INDEX_FOLDER), { recursive: true });
  await folder.write(INDEX_FOLDER, "a file");
  save(folder, file, [16, 32]).remove(file);
});
