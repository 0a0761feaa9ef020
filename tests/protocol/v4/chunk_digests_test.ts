import assert from "node:assert/strict";
import fc from "fast-check";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { ChunkDigests, MAX_AHEAD } from "../../../protocol/v4/chunk_digests.ts";
import { inSlices } from "../../../protocol/v4/slices.ts";
import {
  CHUNK_SIZE,
  createChunkBuffer,
  digestChunk,
  digestTree,
} from "../../../protocol/v4/merkle_tree.ts";
import { concatBytes } from "../../../protocol/bytes.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";

const content = pseudoRandomBytes(5 * CHUNK_SIZE + 77);
const chunkAt = (bytes: Uint8Array<ArrayBuffer>, index: number) =>
  bytes.slice(index * CHUNK_SIZE, (index + 1) * CHUNK_SIZE);
/** The sums of the first `bytes`, computed by their definitions. */
function defined(bytes: number) {
  const part = content.slice(0, bytes);
  const leaves = Array.from(
    { length: Math.ceil(bytes / CHUNK_SIZE) },
    (_, i) => digestChunk(chunkAt(part, i)),
  );
  return { size: bytes, cksum: cksum(part), digest: digestTree(concatBytes(...leaves)) };
}

const SIZES = [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, content.length];

for (const size of SIZES) {
  Deno.test(`chunk digests: the sums of a file of ${size} bytes, whatever the order of its chunks`, () => {
    const count = Math.ceil(size / CHUNK_SIZE);
    const order = fc.shuffledSubarray(Array.from({ length: count }, (_, i) => i), {
      minLength: count,
    });
    fc.assert(
      fc.property(order, (indices) => {
        const file = content.slice(0, size);
        const sums = new ChunkDigests(size);
        const come = new Set<number>();
        for (const index of indices) {
          assert.equal(sums.isWhole, false);
          sums.add(index * CHUNK_SIZE, chunkAt(file, index));
          come.add(index);
          let held = 0;
          while (come.has(held)) held++;
          assert.equal(sums.contiguousBytes, Math.min(held * CHUNK_SIZE, size));
        }
        assert.ok(sums.isWhole);
        assert.deepEqual(sums.sums(), defined(size));
      }),
      { numRuns: 10 },
    );
  });
}

Deno.test("chunk digests: the first part of a file has its own sums, and can be continued after it was saved", () => {
  const before = new ChunkDigests(content.length);
  for (const index of [0, 1, 2, 4]) before.add(index * CHUNK_SIZE, chunkAt(content, index));
  assert.equal(before.contiguousBytes, 3 * CHUNK_SIZE);
  assert.deepEqual(before.sums(before.contiguousBytes), defined(before.contiguousBytes));
  assert.throws(() => before.sums(), RangeError);
  const kept = before.encode();
  for (const held of [0, 1, 2, 3]) {
    const sums = ChunkDigests.decode(content.length, kept, held * CHUNK_SIZE);
    assert.equal(sums.contiguousBytes, held * CHUNK_SIZE);
    for (let index = held; index < 6; index++) {
      sums.add(index * CHUNK_SIZE, chunkAt(content, index));
    }
    assert.deepEqual(sums.sums(), defined(content.length));
  }
  assert.throws(() => ChunkDigests.decode(content.length, kept, 4 * CHUNK_SIZE), RangeError);
});

Deno.test("chunk digests: a chunk that does not fit is refused", () => {
  const sums = new ChunkDigests(2000 * CHUNK_SIZE + 5);
  const whole = new Uint8Array(CHUNK_SIZE);
  sums.add(0, whole);
  const cases: readonly [offset: number, size: number][] = [
    [0, CHUNK_SIZE], // It was added before.
    [1, CHUNK_SIZE],
    [CHUNK_SIZE, CHUNK_SIZE - 1],
    [CHUNK_SIZE, 0],
    [2001 * CHUNK_SIZE, 5],
    [(MAX_AHEAD + 2) * CHUNK_SIZE, CHUNK_SIZE],
    [2000 * CHUNK_SIZE, 5],
    [Number.MAX_SAFE_INTEGER, CHUNK_SIZE],
  ];
  for (const [offset, size] of cases) {
    assert.throws(() => sums.add(offset, new Uint8Array(size)), { code: "bad-frame" });
  }
  sums.add((MAX_AHEAD + 1) * CHUNK_SIZE, whole);
  assert.throws(() => new ChunkDigests(0).add(0, new Uint8Array(0)), { code: "bad-frame" });
});

for (const size of SIZES) {
  Deno.test(`chunk digests: a file of unknown size that ends after ${size} bytes has the sums of its content`, () => {
    const sums = new ChunkDigests(undefined);
    for (let at = 0; at < size; at += CHUNK_SIZE) {
      sums.add(at, content.slice(at, Math.min(size, at + CHUNK_SIZE)));
      assert.deepEqual([sums.isWhole, sums.size], [false, Math.min(size, at + CHUNK_SIZE)]);
    }
    assert.equal(sums.isWhole, false);
    sums.complete();
    assert.equal(sums.isWhole, true);
    assert.deepEqual(sums.sums(), defined(size));
    assert.throws(() => sums.add(size, content.slice(0, 1)), { code: "bad-frame" });
  });
}

Deno.test("chunk digests: chunks of a file of unknown size come in order, and only the last is shorter", () => {
  const whole = new Uint8Array(CHUNK_SIZE);
  const refuses = (sums: ChunkDigests, offset: number, size: number) =>
    assert.throws(() => sums.add(offset, new Uint8Array(size)), { code: "bad-frame" });
  const sums = new ChunkDigests(undefined);
  refuses(sums, CHUNK_SIZE, CHUNK_SIZE);
  refuses(sums, 1, CHUNK_SIZE);
  refuses(sums, 0, 0);
  refuses(sums, 0, CHUNK_SIZE + 1);
  sums.add(0, whole);
  refuses(sums, 0, CHUNK_SIZE);
  refuses(sums, 2 * CHUNK_SIZE, CHUNK_SIZE);
  sums.add(CHUNK_SIZE, new Uint8Array(5));
  refuses(sums, CHUNK_SIZE + 5, 5);
  refuses(sums, 2 * CHUNK_SIZE, 5);
  assert.equal(sums.size, CHUNK_SIZE + 5);
});

const ENTRY_SIZE = 36;
const MANY = 10_000;
const encoded = pseudoRandomBytes(MANY * ENTRY_SIZE);
/** Sums computed from scratch, at once. */
const sumsOfFirst = (chunks: number) =>
  ChunkDigests.decode(MANY * CHUNK_SIZE, encoded, chunks * CHUNK_SIZE).sums(chunks * CHUNK_SIZE);

Deno.test("chunk digests: the sums of many chunks are computed in slices, with the same result", async () => {
  const sums = ChunkDigests.decode(MANY * CHUNK_SIZE, encoded, MANY * CHUNK_SIZE);
  for (const chunks of [MANY / 2, 0, MANY, 1, MANY - 1]) {
    const { length } = Array.from(sums.summing(chunks * CHUNK_SIZE));
    assert.ok(chunks < MANY / 2 || length > 0, "several slices were needed");
    assert.deepEqual(
      await inSlices(sums.summing(chunks * CHUNK_SIZE), noPause),
      sumsOfFirst(chunks),
    );
  }
});

Deno.test("chunk digests: chunks that arrive while earlier ones are summed up do not change the result", async () => {
  const [size, held] = [MANY * CHUNK_SIZE, (MANY - 3) * CHUNK_SIZE];
  const sums = ChunkDigests.decode(size, encoded, held);
  const chunk = pseudoRandomBytes(CHUNK_SIZE);
  const found = await inSlices(sums.summing(held), () => {
    if (!sums.isWhole) sums.add(sums.contiguousBytes, chunk);
    return Promise.resolve();
  });
  assert.deepEqual(found, sumsOfFirst(MANY - 3));
  while (!sums.isWhole) sums.add(sums.contiguousBytes, chunk);
  const again = ChunkDigests.decode(size, sums.encode(), size);
  assert.deepEqual(sums.sums(), again.sums());
  assert.deepEqual(sums.digests, again.digests);
});

Deno.test("chunk digests: aborting the pause between two slices ends the work", async () => {
  const sums = ChunkDigests.decode(MANY * CHUNK_SIZE, encoded, MANY * CHUNK_SIZE);
  const stop = () => Promise.reject(new Error("stopped"));
  await assert.rejects(inSlices(sums.summing(), stop), { message: "stopped" });
  assert.deepEqual(sums.sums(), sumsOfFirst(MANY));
});

Deno.test("chunk digests: they are saved for the bytes that a store has made durable", () => {
  const size = MANY * CHUNK_SIZE;
  const all = ChunkDigests.decode(size, encoded, size);
  for (const chunks of [0, 1, MANY - 1, MANY]) {
    const kept = ChunkDigests.decode(size, all.encode(chunks * CHUNK_SIZE), chunks * CHUNK_SIZE);
    assert.equal(kept.contiguousBytes, chunks * CHUNK_SIZE);
    assert.deepEqual(kept.sums(chunks * CHUNK_SIZE), sumsOfFirst(chunks));
    if (chunks === MANY) continue;
    const tooMany = (chunks + 1) * CHUNK_SIZE;
    assert.throws(() => ChunkDigests.decode(size, kept.encode(), tooMany), RangeError);
  }
});

function noPause(): Promise<void> {
  return Promise.resolve();
}

Deno.test("chunk digests: added with digests from another thread, the sums are the same", async () => {
  const sums = new ChunkDigests(content.length);
  const added = [5, 0, 2, 1, 4, 3].map((index) => {
    const chunk = chunkAt(content, index);
    const buffer = createChunkBuffer().subarray(0, chunk.length);
    buffer.set(chunk);
    return sums.addBeside(index * CHUNK_SIZE, buffer);
  });
  assert.deepEqual(await Promise.all(added), Array(6).fill(true));
  assert.deepEqual(sums.sums(), defined(content.length));
});

Deno.test("chunk digests: added from another thread, a chunk with another digest is not added", async () => {
  const sums = new ChunkDigests(content.length);
  const [chunk, other] = [chunkAt(content, 0), chunkAt(content, 1)];
  assert.equal(await sums.addBeside(0, chunk, digestChunk(other)), false);
  assert.equal(sums.has(0), false);
  assert.equal(await sums.addBeside(0, chunk, digestChunk(chunk)), true);
  assert.ok(sums.has(0));
});

Deno.test("chunk digests: of two equal offsets that are hashed at once, the second is refused", async () => {
  const sums = new ChunkDigests(content.length);
  const chunk = chunkAt(content, 0);
  const [first, second] = await Promise.allSettled([
    sums.addBeside(0, chunk),
    sums.addBeside(0, chunk),
  ]);
  assert.equal(first.status, "fulfilled");
  assert.equal(second.status === "rejected" && second.reason.code, "bad-frame");
});

Deno.test("chunk digests: digest and checksum of each chunk are those of the chunk alone", () => {
  const sums = new ChunkDigests(content.length);
  for (const index of [0, 5]) {
    const [offset, chunk] = [index * CHUNK_SIZE, chunkAt(content, index)];
    sums.add(offset, chunk);
    assert.deepEqual(sums.ofChunk(offset), { cksum: cksum(chunk), digest: digestChunk(chunk) });
  }
  assert.throws(() => sums.ofChunk(CHUNK_SIZE), RangeError);
});
