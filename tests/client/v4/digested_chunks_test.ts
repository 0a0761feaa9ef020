/** Chunks that are read and hashed ahead. */
import assert from "node:assert/strict";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { SourceFile } from "../../../client/local/source_file.ts";
import { createChunkBuffers, digestedChunks } from "../../../client/v4/digested_chunks.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const CHUNKS = 7;
const CONTENT = pseudoRandomBytes(CHUNKS * CHUNK_SIZE + 5);

/** The digests, computed in this thread. */
function inThisThread(content: Bytes): ChunkDigests {
  const digests = new ChunkDigests(content.length);
  for (let at = 0; at < content.length; at += CHUNK_SIZE) {
    digests.add(at, content.slice(at, at + CHUNK_SIZE));
  }
  return digests;
}

for (
  const [what, from, to] of [
    ["a whole file", 0, CONTENT.length],
    ["nothing", 0, 0],
    ["one chunk", 0, CHUNK_SIZE],
    ["the first chunks", 0, 3 * CHUNK_SIZE],
    ["the end", 5 * CHUNK_SIZE, CONTENT.length],
  ] as const
) {
  Deno.test(`digested chunks: ${what}: in order, unchanged while used, with their digests`, async () => {
    await using folder = await TemporaryFolder.create();
    const file = await SourceFile.inspect(await folder.write("a", CONTENT));
    using source = await file.open();
    const digests = new ChunkDigests(CONTENT.length);
    const expected = inThisThread(CONTENT);
    const chunks = [];
    let offset: number = from;
    const options = { source, buffers: createChunkBuffers(), digests, from, to };
    for await (const chunk of digestedChunks(options)) {
      assert.deepEqual(digests.ofChunk(offset), expected.ofChunk(offset));
      // The next chunks are read and hashed meanwhile.
      await new Promise((resolve) => setTimeout(resolve, 2));
      chunks.push(chunk.slice());
      offset += chunk.length;
    }
    assert.ok(concatBytes(...chunks).every((byte, i) => byte === CONTENT[from + i]));
    assert.equal(offset, to);
  });
}

Deno.test("digested chunks: known digests are not computed again", async () => {
  await using folder = await TemporaryFolder.create();
  const file = await SourceFile.inspect(await folder.write("a", CONTENT));
  using source = await file.open();
  const digests = inThisThread(CONTENT);
  const { digest } = crypto.subtle;
  crypto.subtle.digest = () => assert.fail("hashed again");
  try {
    let count = 0;
    const options = { source, buffers: createChunkBuffers(), digests, from: 0, to: CONTENT.length };
    for await (const _ of digestedChunks(options)) count++;
    assert.equal(count, CHUNKS + 1);
  } finally {
    crypto.subtle.digest = digest;
  }
});
