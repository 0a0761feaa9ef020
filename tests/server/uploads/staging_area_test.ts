/** Space on disk and in memory for uploads in progress: reserved once, and not for refused uploads. */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../../server/limits/limits.ts";
import {
  MOST_IN_MEMORY,
  type OldHistory,
  StagingArea,
} from "../../../server/uploads/staging_area.ts";
import type { StagedUpload } from "../../../server/uploads/staging_area.ts";
import { MAX_INLINE } from "../../../server/catalog/bounds.ts";
import { ObjectBlobStore } from "../../support/store/object_blob_store.ts";

Deno.test("limit minFree: reserved space is not given twice", async () => {
  let free = 100;
  const staging = stagingOf(() => Promise.resolve(free));
  const id = new Uint8Array(16);
  const first = await staging.create(id, 60);
  await assert.rejects(staging.create(id, 31), { limit: "minFree" });
  const second = await staging.create(id, 30);
  await first.write(0, new Uint8Array(60));
  free -= 60;
  await assert.rejects(staging.create(id, 1), { limit: "minFree" });
  second.release();
  second.release();
  await staging.create(id, 30);
});

Deno.test("limit minFree: a refused upload takes no space from others, not even while it is checked", async () => {
  const asked: ((free: number) => void)[] = [];
  const staging = stagingOf(() => new Promise((resolve) => asked.push(resolve)));
  const [eve, alice] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
  const tooLarge = Array.from({ length: 5 }, () => staging.create(eve, Number.MAX_SAFE_INTEGER));
  const outcomes = Promise.allSettled([...tooLarge, staging.create(alice, 90)]);
  while (asked.length > 0) asked.shift()?.(100);
  const refused = (await outcomes).map(({ status }) => status === "rejected");
  assert.deepEqual(refused, [...tooLarge.map(() => true), false]);
});

Deno.test("limit minFree: simultaneous uploads are admitted only as far as space is free", async () => {
  // The free space is reported late, and to each caller separately.
  const staging = stagingOf(async () => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    return 100;
  });
  const stage = (_: unknown, client: number) => staging.create(new Uint8Array(16).fill(client), 20);
  const first = await Promise.allSettled(Array.from({ length: 10 }, stage));
  assert.equal(first.filter(({ status }) => status === "fulfilled").length, 4);
  await assert.rejects(stage(undefined, 10), { limit: "minFree" });
});

Deno.test("limit minFree: an upload of unknown size reserves space as it grows, and gives it back", async () => {
  const staging = stagingOf(() => Promise.resolve(100));
  const id = new Uint8Array(16);
  const growing = await staging.createGrowing(id);
  await growing.grow(60);
  await assert.rejects(growing.grow(31), { limit: "minFree" });
  await growing.grow(30);
  await assert.rejects(staging.create(id, 1), { limit: "minFree" });
  growing.release();
  (await staging.create(id, 90)).release();
});

Deno.test("limit minFree: what an upload reserves after its end is given back", async () => {
  const measured = Promise.withResolvers<number>();
  let free = Promise.resolve(100);
  const staging = stagingOf(() => free);
  const id = new Uint8Array(16);
  const growing = await staging.createGrowing(id);
  free = measured.promise;
  const grown = growing.grow(80);
  growing.release();
  measured.resolve(100);
  await grown;
  free = Promise.resolve(100);
  (await staging.create(id, 90)).release();
});

Deno.test("limit minFree: history makes room, no more than needed, for all uploads that wait", async () => {
  let [free, history] = [10, 100];
  const asked: number[] = [];
  const staging = stagingOf(() => Promise.resolve(free), {
    bytes: () => Promise.resolve(history),
    dropOldest: (bytes) => {
      asked.push(bytes);
      const dropped = Math.min(bytes, history, 20);
      [free, history] = [free + dropped, history - dropped];
      return Promise.resolve(dropped > 0);
    },
  });
  const id = new Uint8Array(16);
  await assert.rejects(staging.create(id, 101), { limit: "minFree" });
  assert.deepEqual([history, asked], [100, []], "all of it would be too little");
  await Promise.all([staging.create(id, 30), staging.create(id, 30)]);
  assert.equal(history, 40, "60 bytes in pages of 20");
  assert.ok(asked.length <= 4, `${asked}`);
  await staging.create(id, 40);
  assert.equal(history, 0);
  await assert.rejects(staging.create(id, 1), { limit: "minFree" });
});

function stagingOf(freeSpace: () => Promise<number>, history?: OldHistory): StagingArea {
  return new StagingArea(
    new ObjectBlobStore({ partSize: 100 }),
    { ...DEFAULT_LIMITS, minFree: 10 },
    freeSpace,
    history,
  );
}

Deno.test("inlineSize: small files of all clients together are bounded in memory; beyond it they are staged on disk", async () => {
  const staging = new StagingArea(
    new ObjectBlobStore({ partSize: 100 }),
    { ...DEFAULT_LIMITS, inlineSize: Infinity, maxStagedPerClient: Infinity },
    () => Promise.resolve(Infinity),
  );
  const stage = (client: number) =>
    staging.createInline(new Uint8Array(16).fill(client), MAX_INLINE);
  const uploads: StagedUpload[] = [];
  for (let client = 0; uploads.length * MAX_INLINE < MOST_IN_MEMORY; client++) {
    uploads.push(await stage(client));
  }
  assert.ok(uploads.every(({ inline }) => inline !== undefined));
  const beyond = await stage(0);
  assert.equal(beyond.inline, undefined);
  beyond.release();
  assert.equal((await stage(0)).inline, undefined, "files on disk free no memory");
  uploads[0]?.release();
  uploads[0]?.release();
  assert.ok((await stage(0)).inline !== undefined);
  assert.equal((await stage(1)).inline, undefined);
});
