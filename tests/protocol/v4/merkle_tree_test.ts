import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { type Bytes, concatBytes, fromHex, toHex } from "../../../protocol/bytes.ts";
import {
  CHUNK_SIZE,
  chunkCount,
  digestChunk,
  digestChunkBeside,
  digestTree,
} from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";

/** The leaves and the roots of their first n, as published by implementations of RFC 6962. */
const LEAVES = [
  ...["", "00", "10", "2021", "3031", "40414243", "5051525354555657"],
  "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: readonly [number, string][] = [
  [0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  [1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
  [2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
  [3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"],
  [8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"],
];

for (const [count, root] of ROOTS) {
  Deno.test(`merkle tree: ${count} leaves have the published root`, () => {
    const chunks = LEAVES.slice(0, count).map((hex) => fromHex(hex) as Bytes);
    const leaves = concatBytes(...chunks.map(digestChunk));
    assert.equal(toHex(digestTree(leaves)), root);
  });
}

/** The definition in the RFC, word for word. */
function byDefinition(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return createHash("sha256").digest();
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  return createHash("sha256").update(Uint8Array.of(1)).update(byDefinition(leaves.slice(0, k)))
    .update(byDefinition(leaves.slice(k))).digest();
}

Deno.test("merkle tree: any number of leaves gives the root of the definition", () => {
  fc.assert(fc.property(fc.nat(70), (count) => {
    const each = Array.from({ length: count }, (_, i) => pseudoRandomBytes(32, i + 1));
    assert.deepEqual(toHex(digestTree(concatBytes(...each))), toHex(byDefinition(each)));
  }));
});

Deno.test("merkle tree: the number of chunks of a file", () => {
  const counts = [0, 1, CHUNK_SIZE, CHUNK_SIZE + 1, 5 * 2 ** 40].map(chunkCount);
  assert.deepEqual(counts, [0, 1, 1, 2, 5 * 2 ** 20]);
});

for (const size of [0, 1, 128 * 1024 - 1, 128 * 1024, CHUNK_SIZE - 1, CHUNK_SIZE]) {
  for (const before of [0, 1, 8]) {
    Deno.test(`chunk digest in another thread: ${size} bytes after ${before} others have the same digest`, async () => {
      const buffer = pseudoRandomBytes(before + size);
      const chunk = buffer.subarray(before);
      const expected = { digest: digestChunk(chunk), content: chunk.slice() };
      const digest = await digestChunkBeside(chunk);
      assert.deepEqual({ digest, content: chunk }, expected);
      assert.deepEqual(
        buffer.subarray(0, Math.max(0, before - 1)),
        pseudoRandomBytes(before + size)
          .subarray(0, Math.max(0, before - 1)),
      );
    });
  }
}
