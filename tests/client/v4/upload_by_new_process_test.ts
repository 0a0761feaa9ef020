/** An upload that a new process resumes, with the digests that the interrupted one has saved. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { INDEX_FOLDER } from "../../../client/local/index_folder.ts";
import {
  SavedChunkDigests,
  type SavedDigestsUse,
} from "../../../client/local/saved_chunk_digests.ts";
import { SourceFile } from "../../../client/local/source_file.ts";
import { Upload } from "../../../client/v4/upload.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { countingReads } from "../../support/counting_reads.ts";
import type { TemporaryFolder } from "../../support/temporary_folder.ts";
import { ScriptedServer } from "../../support/v4/scripted_session.ts";
import { digestOfFirst, send, storing, testUpload } from "../../support/v4/scripted_uploads.ts";

const CONTENT = pseudoRandomBytes(20 * CHUNK_SIZE);
const SIZE = CONTENT.length;
/** The part that the server has when the first process ends. */
const HELD = 18 * CHUNK_SIZE;
/** The digests of at least these are saved by then. */
const SAVED = 16 * CHUNK_SIZE;
/** More than the bytes of the saved digests. */
const FILE_OF_DIGESTS = 1024;

/** An upload as a new process plans it, of a file that changed long ago. */
async function plan(
  folder: TemporaryFolder,
  path: string,
  use: SavedDigestsUse = {},
): Promise<Upload> {
  const file = await SourceFile.inspect(path);
  Object.assign(file, { inspected: { ...file.inspected, at: Date.now() + 3_600_000 } });
  const saved = new SavedChunkDigests(folder.path, { hasOwnClock: () => true, ...use });
  return new Upload(file, "a", saved);
}

/** Uploads a file until the connection is lost. Returns its path. */
async function interrupt(folder: TemporaryFolder): Promise<string> {
  const path = await folder.write("a", CONTENT);
  using lost = new ScriptedServer((message, server) => {
    storing()(message, server);
    if (message.kind === "chunk" && message.offset === HELD) server.close();
  });
  await send(lost, await plan(folder, path));
  return path;
}

/** Finishes the upload. Returns the number of bytes that were read for it. */
async function finish(upload: Upload, content = CONTENT): Promise<number> {
  return await countingReads(async () => {
    using server = new ScriptedServer(storing(HELD, digestOfFirst(HELD, content)));
    const { outcomes, resumedAt } = await send(server, upload);
    assert.deepEqual([outcomes, resumedAt], [[cksum(content)], [HELD]]);
  });
}

const savedFiles = (folder: TemporaryFolder) => [...Deno.readDirSync(folder.join(INDEX_FOLDER))];

testUpload("a new process reads only what was not hashed and saved before", async (folder) => {
  const path = await interrupt(folder);
  assert.equal(savedFiles(folder).length, 1);
  const upload = await plan(folder, path);
  const read = await finish(upload);
  assert.ok(read < SIZE - SAVED + FILE_OF_DIGESTS, `read ${read} bytes`);
  upload.release();
  assert.deepEqual(savedFiles(folder), []);
});

testUpload("with --checksum, a new process reads all of it", async (folder) => {
  const path = await interrupt(folder);
  assert.equal(await finish(await plan(folder, path, { isRead: false })), SIZE);
});

testUpload("the file has changed since: a new process reads all of it", async (folder) => {
  const path = await interrupt(folder);
  const other = pseudoRandomBytes(SIZE, 2);
  await Deno.writeFile(path, other);
  await Deno.utime(path, 1, 1);
  assert.ok(await finish(await plan(folder, path), other) >= SIZE);
});

testUpload("saved digests are damaged: the file is read again, and resumed", async (folder) => {
  const path = await interrupt(folder);
  const [{ name = "" } = {}] = savedFiles(folder);
  const saved = folder.join(INDEX_FOLDER, name);
  const bytes = await Deno.readFile(saved);
  bytes[bytes.length - 36]! ^= 1;
  await Deno.writeFile(saved, bytes);
  assert.ok(await finish(await plan(folder, path)) >= SIZE);
});
