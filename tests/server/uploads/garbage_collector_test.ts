/** The collector deletes blobs handed to it, and nothing else. */
import assert from "node:assert/strict";
import { UnavailableError } from "../../../protocol/errors.ts";
import {
  GarbageCollector,
  type GarbageCollectorOptions,
} from "../../../server/uploads/garbage_collector.ts";
import {
  alice,
  blob,
  garbageOf,
  login,
  NO_QUOTA,
  partial,
  upload,
  v4File,
} from "../../support/store/catalog_suite.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";
import { memoryCatalog } from "../../support/store/memory_catalog.ts";
import { SharedMemory } from "../../support/store/shared_memory_catalog.ts";

type Id = Parameters<GarbageCollectorOptions["onFailure"]>[0];

/** A collector for a catalog in memory with a number of blobs listed as garbage. */
async function create(count: number) {
  const memory = memoryCatalog();
  for (let number = 1; number <= count; number++) await memory.blobs.reserve(blob(number));
  const calls: string[] = [];
  const catalog = interceptedCatalog(memory, (method, _args, next) => {
    calls.push(method);
    return next();
  });
  const deleted: Id[] = [];
  const failures: Id[] = [];
  const broken = new Set<Id>();
  const collector = new GarbageCollector({
    catalog,
    blobs: {
      delete: (id) => {
        if (broken.has(id)) return Promise.reject(new Error("Input/output error"));
        deleted.push(id);
        return Promise.resolve();
      },
    },
    onFailure: (id) => failures.push(id),
  });
  return { catalog: memory, calls, deleted, failures, broken, collector };
}

Deno.test("garbage: collected blobs are deleted and removed from the list, in one transaction for all", async () => {
  const { catalog, calls, deleted, collector } = await create(4);
  await collector.collect([blob(1), blob(3)]);
  assert.deepEqual(deleted, [blob(1), blob(3)]);
  assert.deepEqual(await garbageOf(catalog), [blob(2), blob(4)], "it may belong to a commit");
  await collector.collect([]);
  assert.deepEqual(calls, ["blobs.collected"]);
});

Deno.test("garbage: a blob that cannot be deleted is reported and stays listed; the others are deleted", async () => {
  const { catalog, deleted, failures, broken, collector } = await create(3);
  broken.add(blob(2));
  await collector.collect([blob(1), blob(2), blob(3)]);
  assert.deepEqual([deleted, failures], [[blob(1), blob(3)], [blob(2)]]);
  assert.deepEqual(await garbageOf(catalog), [blob(2)]);
  broken.clear();
  assert.equal(await collector.collectAll(), 1);
  assert.deepEqual(await garbageOf(catalog), []);
});

Deno.test("garbage: a store that does not answer is asked for one blob only, and the rest stays listed", async () => {
  const { catalog } = await create(250);
  const asked: Id[] = [];
  const failures: Id[] = [];
  const collector = new GarbageCollector({
    catalog,
    blobs: {
      delete: (id) => {
        asked.push(id);
        return Promise.reject(new UnavailableError("unavailable", "no answer"));
      },
    },
    onFailure: (id) => failures.push(id),
  });
  await collector.collect([blob(1), blob(2), blob(3)]);
  assert.equal(await collector.collectAll(), 0);
  assert.deepEqual(asked, [blob(1), blob(1)]);
  assert.deepEqual(failures, asked);
  assert.equal((await catalog.blobs.garbage(undefined, 1000)).length, 250);
});

Deno.test("garbage: an upload that another server writes is deleted there, when it ends", async () => {
  const memory = new SharedMemory();
  const [one, two] = [memory.connect(), memory.connect()];
  for (const { nodes } of [one, two]) await nodes.join("a server", 1);
  await login(one);
  await one.uploads.save(partial(1), { max: 9, quota: NO_QUOTA });
  const deleted: string[] = [];
  const [first, second] = [one, two].map((catalog, i) =>
    new GarbageCollector({
      ...{ catalog, openUploads: catalog.openUploads },
      blobs: { delete: (id) => Promise.resolve(void deleted.push(`${i} ${id}`)) },
      onFailure: (_, error) => assert.fail(String(error)),
    })
  ) as [GarbageCollector, GarbageCollector];
  await first.own(upload(1));
  await second.collect(await two.uploads.remove(alice, "file1"));
  assert.equal(await second.collectAll(), 1);
  assert.deepEqual(deleted, []);
  first.disown(upload(1));
  await first.close();
  assert.deepEqual(deleted, [`0 ${upload(1)}`]);
  assert.deepEqual(await garbageOf(two), []);
});

Deno.test("garbage: an open upload is deleted when it ends", async () => {
  const { catalog, deleted, collector } = await create(0);
  await catalog.blobs.collected([]);
  collector.hold(upload(1));
  await collector.collect([upload(1), upload(2)]);
  assert.deepEqual(deleted, [upload(2)]);
  assert.equal(collector.isGarbage(upload(1)), true);
  await collector.release(upload(1));
  assert.deepEqual(deleted, [upload(2), upload(1)]);
  assert.equal(collector.isGarbage(upload(1)), false);
});

Deno.test("garbage: an upload that is referred to again is not deleted when it ends", async () => {
  const { deleted, collector } = await create(0);
  collector.hold(upload(1));
  await collector.collect([upload(1)]);
  collector.keep(upload(1));
  await collector.release(upload(1));
  assert.deepEqual(deleted, []);
});

Deno.test("garbage: the start collects everything listed, in pages, past blobs that cannot be deleted", async () => {
  const { catalog, deleted, failures, broken, collector } = await create(250);
  broken.add(blob(1));
  assert.equal(await collector.collectAll(), 250);
  assert.equal(deleted.length, 249);
  assert.deepEqual(failures, [blob(1)]);
  assert.deepEqual(await garbageOf(catalog), [blob(1)]);
});

Deno.test("garbage: blobs that cannot be removed from the list are reported", async () => {
  const { failures, collector, catalog } = await create(1);
  const broken = new GarbageCollector({
    catalog: {
      blobs: { ...catalog.blobs, collected: () => Promise.reject(new Error("disk is full")) },
    },
    blobs: { delete: () => Promise.resolve() },
    onFailure: (id) => failures.push(id),
  });
  await broken.collect([blob(1)]);
  assert.deepEqual(failures, [blob(1)]);
  await collector.collectAll();
  assert.deepEqual(await garbageOf(catalog), []);
});

Deno.test("garbage: the whole list is collected in the background, except reserved blobs", async () => {
  const { catalog, deleted, broken, failures, collector } = await create(2);
  const listed = Array.from({ length: 250 }, (_, i) => blob(1000 + i));
  await login(catalog);
  for (const [i, id] of listed.entries()) {
    await catalog.files.commit(v4File(1000 + i, { name: `d/${i}`, content: { kind: "blob", id } }));
  }
  await catalog.files.remove(alice, "d", { now: 1, recursive: true });
  broken.add(blob(1100));
  collector.collectListed();
  collector.collectListed();
  while ((await garbageOf(catalog)).length > 3) await new Promise((done) => setTimeout(done, 0));
  await collector.close();
  assert.deepEqual(deleted.toSorted(), listed.filter((id) => id !== blob(1100)).toSorted());
  assert.ok(failures.length > 0);
  assert.deepEqual(await garbageOf(catalog), [blob(1), blob(1100), blob(2)]);
});

Deno.test("garbage: closing ends the collection of the list after the current page", async () => {
  const { catalog, deleted, collector } = await create(0);
  await login(catalog);
  for (let i = 0; i < 250; i++) await catalog.files.commit(v4File(i, { name: `d/${i}` }));
  await catalog.files.remove(alice, "d", { now: 1, recursive: true });
  collector.collectListed();
  await collector.close();
  assert.ok(deleted.length <= 100, `${deleted.length} of 250`);
  assert.equal((await garbageOf(catalog)).length, 250 - deleted.length);
});
