/** Files of protocol 3 that wait in a catalog of several servers: what is left if the catalog or a server fails. */
import assert from "node:assert/strict";
import { UnavailableError } from "../../../protocol/errors.ts";
import type { SharedCatalog } from "../../../server/catalog/shared_catalog.ts";
import type { UnverifiedRows } from "../../../server/catalog/unverified_rows.ts";
import { DEFAULT_LIMITS } from "../../../server/limits/limits.ts";
import { Monitor } from "../../../server/monitor/monitor.ts";
import type { TransferOutcome } from "../../../server/monitor/traffic.ts";
import { GarbageCollector } from "../../../server/uploads/garbage_collector.ts";
import { StagedUpload } from "../../../server/uploads/staging_area.ts";
import { SharedUnverifiedFiles } from "../../../server/v3/shared_unverified_files.ts";
import type { UnverifiedFile } from "../../../server/v3/unverified_files.ts";
import { alice } from "../../support/store/catalog_suite.ts";
import { ObjectBlobStore } from "../../support/store/object_blob_store.ts";
import { SharedMemory } from "../../support/store/shared_memory_catalog.ts";

const NO_LOG = { debug() {}, info() {}, warn() {}, error() {} };
/** Several parts in the store. */
const content = new Uint8Array(2500).fill(7);
const AWAY = new UnavailableError("unavailable", "the database does not answer", { hint: "" });

class Fixture {
  readonly blobs = new ObjectBlobStore({ partSize: 1000 });
  readonly memory = new SharedMemory();
  readonly catalog: SharedCatalog = this.memory.connect();
  readonly outcomes: TransferOutcome[] = [];
  readonly #monitor = new Monitor(() => 0);
  now = 1000;

  /** A server, some of whose queries fail. */
  server(failing: Partial<UnverifiedRows> = {}): SharedUnverifiedFiles {
    const { blobs, catalog } = this;
    return new SharedUnverifiedFiles({
      rows: { ...catalog.unverified, ...failing },
      blobs: catalog.blobs,
      garbage: new GarbageCollector({ catalog, blobs, onFailure: assert.fail }),
      accounts: { find: () => Promise.reject(AWAY) },
      limits: DEFAULT_LIMITS,
      ticks: () => this.now,
      log: NO_LOG,
      isHousekeeper: () => true,
    });
  }

  /** Lets time pass at all servers and in the catalog. */
  pass(ms: number): void {
    this.now += ms;
    this.memory.pass(ms);
  }

  /** A connection that began now. */
  peer(connection: number) {
    const live = this.#monitor.describe({ protocol: 3, address: "", end: () => undefined });
    return { connection, openedAt: this.now, live };
  }

  /** A file that has arrived on a connection. */
  async arrived(connection: number, boundUntil?: Promise<void>): Promise<UnverifiedFile> {
    const writer = await this.blobs.create({ owner: alice, size: content.length });
    await writer.write(0, content);
    const share = {
      ...{ written: () => undefined, grow: () => Promise.resolve(), release: () => undefined },
    };
    return {
      ...{ accountId: alice, name: "a", user: "Alice", connection, openedAt: this.now, boundUntil },
      staged: new StagedUpload(writer, share),
      ...{ size: content.length, crc: 1, isOtherChecksumSent: false, isDisputed: false },
      ...{ intact: true, arrivedAt: this.now, reservation: undefined },
      transfer: { end: (outcome) => void this.outcomes.push(outcome) },
    };
  }
}

const test = (what: string, body: (fixture: Fixture) => Promise<void>) =>
  Deno.test(`files that wait at several servers: ${what}`, () => body(new Fixture()));

test("if the catalog refuses a row, the blob is deleted", async (fixture) => {
  const failing = fixture.server({ add: () => Promise.reject(AWAY) });
  await assert.rejects(failing.add(await fixture.arrived(1)), AWAY);
  assert.deepEqual(fixture.blobs.counts, { blobs: 0, uploads: 0 });
  assert.deepEqual(await fixture.catalog.blobs.garbage(undefined, 9), []);
});

test("if the catalog adds a row without an answer, the file waits until it expires", async (fixture) => {
  const { unverified } = fixture.catalog;
  const server = fixture.server({
    async add(...args) {
      await unverified.add(...args);
      throw AWAY;
    },
  });
  await assert.rejects(server.add(await fixture.arrived(1)), AWAY);
  assert.deepEqual(fixture.blobs.counts, { blobs: 1, uploads: 0 });
  fixture.memory.pass(DEFAULT_LIMITS.unverifiedTtlMs);
  await server.expire(0);
  assert.deepEqual(fixture.blobs.counts, { blobs: 0, uploads: 0 });
});

test("a file whose connection has ended waits in the catalog, also if its server stops", async (fixture) => {
  const server = fixture.server();
  const ending = Promise.withResolvers<void>();
  await server.add(await fixture.arrived(1, ending.promise));
  assert.equal(server.hasFrom(1), true);
  ending.resolve();
  await server.close();
  assert.equal(server.hasFrom(1), false);
  const taken = await fixture.server().take(alice, "a", fixture.peer(1));
  assert.equal(taken?.size, content.length);
  assert.deepEqual(fixture.outcomes, ["handed-over"]);
  assert.deepEqual(fixture.blobs.counts, { blobs: 1, uploads: 0 });
});

test("a file whose connection has ended is deleted if the catalog does not answer", async (fixture) => {
  const server = fixture.server({ complete: () => Promise.reject(AWAY) });
  await server.add(await fixture.arrived(1, Promise.resolve()));
  await server.close();
  assert.deepEqual(fixture.blobs.counts, { blobs: 0, uploads: 0 });
});

test("a connection confirms its own file, whose content never enters the catalog", async (fixture) => {
  const server = fixture.server({ complete: () => Promise.reject(AWAY) });
  const ending = Promise.withResolvers<void>();
  await server.add(await fixture.arrived(1, ending.promise));
  const taken = await server.take(alice, "a", fixture.peer(1)) ?? assert.fail();
  ending.resolve();
  await server.close();
  assert.deepEqual(fixture.blobs.counts, { blobs: 0, uploads: 1 });
  await server.discard(taken);
  assert.deepEqual(fixture.blobs.counts, { blobs: 0, uploads: 0 });
});

test("a discarded file that waited in the catalog leaves no blob", async (fixture) => {
  const server = fixture.server();
  await server.add(await fixture.arrived(1));
  const taken = await fixture.server().take(alice, "a", fixture.peer(9)) ?? assert.fail();
  await server.discard(taken);
  assert.deepEqual(fixture.blobs.counts, { blobs: 0, uploads: 0 });
  assert.deepEqual(await fixture.catalog.blobs.garbage(undefined, 9), []);
});

test("if a server ends between verdict and commit, the blob is garbage", async (fixture) => {
  await fixture.server().add(await fixture.arrived(1));
  await fixture.server().take(alice, "a", fixture.peer(9));
  const garbage = await fixture.catalog.blobs.garbage(undefined, 9);
  assert.equal(garbage.length, 1);
  await fixture.server().close();
});

test("another server takes no earlier file while the content of the latest is here", async (fixture) => {
  const server = fixture.server();
  const ending = Promise.withResolvers<void>();
  await server.add(await fixture.arrived(1));
  await server.add(await fixture.arrived(2, ending.promise));
  assert.equal(await fixture.server().take(alice, "a", fixture.peer(9)), undefined);
  ending.resolve();
  await server.close();
  assert.equal((await fixture.server().take(alice, "a", fixture.peer(9)))?.connection, 9);
});

test("a file that the catalog has forgotten meanwhile leaves no blob", async (fixture) => {
  const server = fixture.server({ complete: () => Promise.resolve(false) });
  await server.add(await fixture.arrived(1, Promise.resolve()));
  await server.close();
  assert.deepEqual(fixture.blobs.counts, { blobs: 0, uploads: 0 });
});

/** A query that the catalog answers late. */
function late<A extends unknown[], R>(fixture: Fixture, query: (...args: A) => R) {
  return (...args: A): R => {
    fixture.pass(60_000);
    return query(...args);
  };
}

test("a catalog that adds a file late finds it for a connection that began after it", async (fixture) => {
  const { unverified } = fixture.catalog;
  const server = fixture.server({ add: late(fixture, unverified.add) });
  const file = await fixture.arrived(1);
  fixture.pass(10_000);
  const after = fixture.peer(8);
  await server.add(file);
  assert.equal((await fixture.server().take(alice, "a", after))?.size, content.length);
});

test("a catalog that answers late finds no file of a connection that began after it", async (fixture) => {
  const { unverified } = fixture.catalog;
  const before = fixture.peer(7);
  fixture.pass(10_000);
  await fixture.server().add(await fixture.arrived(1));
  const other = fixture.server({ take: late(fixture, unverified.take) });
  assert.equal(await other.take(alice, "a", before), undefined);
});

test("a verdict waits for a file that its server finishes slowly", async (fixture) => {
  const { unverified } = fixture.catalog;
  const looks: unknown[] = [];
  const finished = Promise.withResolvers<void>();
  const server = fixture.server();
  const file = await fixture.arrived(1, Promise.resolve());
  const { writer } = file.staged;
  const finish = writer.finish.bind(writer);
  writer.finish = async () => {
    await finished.promise;
    await finish();
  };
  await server.add(file);
  const other = fixture.server({
    async take(...args) {
      const found = await unverified.take(...args);
      looks.push(found);
      // Longer than the first server needs to notice the end of the connection.
      if (looks.length === 6) finished.resolve();
      return found;
    },
  });
  assert.equal((await other.take(alice, "a", fixture.peer(9)))?.size, content.length);
  assert.deepEqual(looks.slice(0, 6), Array(6).fill("coming"));
  await server.close();
});

test("a verdict about a file that is nowhere is answered after one look", async (fixture) => {
  const { unverified } = fixture.catalog;
  let looks = 0;
  const server = fixture.server({
    take(...args) {
      looks++;
      return unverified.take(...args);
    },
  });
  assert.equal(await server.take(alice, "a", fixture.peer(1)), undefined);
  assert.equal(looks, 1);
});
