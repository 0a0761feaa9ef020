/** Catalog calls that are committed together. */
import assert from "node:assert/strict";
import {
  argumentsToHandOver,
  batchedCatalog,
  type Call,
  type CallOutcome,
  commitTogether,
  type Executors,
  lookUp,
  MAX_BATCH_BYTES,
  MAX_BATCH_MS,
} from "../../../../server/catalog/sqlite/batching.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import { sizeOf } from "../../../../server/catalog/sqlite/value_size.ts";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import type { SqliteCatalog } from "../../../../server/catalog/sqlite/sqlite_catalog.ts";
import { pseudoRandomBytes } from "../../../support/bytes.ts";
import { openDatabase } from "../../../support/store/database.ts";
import { blobId } from "../../../support/store/ids.ts";
import { file, fixture, id, storedProfile } from "./batching_fixture.ts";

const waysTo = (catalog: SqliteCatalog, changes: Partial<Executors> = {}): Executors => ({
  read: (calls) => lookUp(catalog, calls),
  write: (calls) => commitTogether(catalog, calls),
  close: () => Promise.resolve(),
  ...changes,
});

Deno.test("batching: calls during a commit are committed together, with one sync", () =>
  fixture(async ({ catalog, executed }) => {
    // On a busy machine, the time of a batch would be used up before the end.
    const write = (calls: readonly Call[]) => commitTogether(catalog, calls, () => 0);
    const batched = batchedCatalog(waysTo(catalog, { write }));
    const names = Array.from({ length: 100 }, (_, i) => `${i}.txt`);
    await Promise.all(names.map((name) => batched.files.commit(file(name))));
    assert.equal((await catalog.files.listAll(id)).length, 100);
    assert.equal(
      executed.filter((sql) => sql === "COMMIT").length,
      2,
      "the first alone, then the rest",
    );
  }));

Deno.test("batching: calls count as waiting until their batch begins", () =>
  fixture(async ({ catalog }) => {
    const batched = batchedCatalog(waysTo(catalog));
    const calls = ["a", "b", "c"].map((name) => batched.files.commit(file(name)));
    assert.equal(batched.waiting(), 2, "the first one has begun");
    await Promise.all([...calls, batched.accounts.list()]);
    assert.equal(batched.waiting(), 0);
  }));

Deno.test("batching: a failing call does not affect the others", () =>
  fixture(async ({ catalog }) => {
    const quota = { bytes: 10, files: 10 };
    const calls: Call[] = [file("a", 6), file("b", 6), file("c", 4)]
      .map((one) => ({ method: "files.commit", args: [one, { quota }] }));
    const stored = { version: 1, garbage: [], hasSurplus: false };
    const noTimePasses = () => 0;
    const [a, b, c] = await commitTogether(catalog, calls, noTimePasses);
    assert.deepEqual([a, c], [{ value: stored }, { value: stored }]);
    assert.ok(b !== undefined && "error" in b && b.error instanceof CatalogRefusal);
    assert.deepEqual((await catalog.files.listAll(id)).map(({ name }) => name), ["a", "c"]);
  }));

Deno.test("batching: if the commit fails, all calls fail, and nothing is done", () =>
  fixture(async ({ catalog, fail }) => {
    fail("COMMIT");
    const batched = batchedCatalog(waysTo(catalog));
    const stored = await Promise.allSettled(["a", "b"].map((n) => batched.files.commit(file(n))));
    assert.deepEqual(stored.map(({ status }) => status), ["rejected", "fulfilled"]);
    assert.deepEqual((await catalog.files.listAll(id)).map(({ name }) => name), ["b"]);
  }));

Deno.test("batching: after a failure that ends the transaction, nothing is committed on its own", () =>
  fixture(async ({ catalog, fillUp }) => {
    fillUp(blobId("files/1/b"));
    const calls: Call[] = [
      { method: "files.commit", args: [file("a")] },
      { method: "blobs.reserve", args: [blobId("files/1/b")] },
      { method: "blobs.reserve", args: [blobId("files/1/c")] },
    ];
    const outcomes = await commitTogether(catalog, calls);
    const reasons = outcomes.map((outcome) => "error" in outcome && `${outcome.error}`);
    const after = "Error: cannot continue a transaction that an earlier failure has ended";
    assert.deepEqual(reasons, [after, "Error: database or disk is full", after]);
    assert.deepEqual(await catalog.files.listAll(id), []);
    assert.deepEqual(await catalog.blobs.garbage(undefined, 9), []);
  }));

Deno.test("batching: a read does not wait for a commit", () =>
  fixture(async ({ catalog }) => {
    const slow = Promise.withResolvers<void>();
    const batched = batchedCatalog(waysTo(catalog, {
      write: async (calls) => {
        await slow.promise;
        return await commitTogether(catalog, calls);
      },
    }));
    const writing = batched.files.commit(file("a"));
    assert.equal((await batched.accounts.find({ id }))?.name, "Alice");
    assert.equal(await batched.files.find(id, "a"), undefined);
    slow.resolve();
    await writing;
    assert.equal((await batched.files.find(id, "a"))?.name, "a");
    const closing = batched.accounts.touch(id, 77);
    await batched[Symbol.asyncDispose]();
    await closing;
    assert.equal(
      (await catalog.accounts.find({ id }))?.lastSeen,
      77,
      "batching: waiting calls are done before the catalog closes",
    );
  }));

/** Clock ticks that each call of a batch takes. */
const slowBy = (ms: number) => {
  let now = 0;
  return () => now += ms;
};

Deno.test("batches: one ends when its time is used up, and another process gets its turn before the next", () =>
  fixture(async ({ catalog, executed, path }) => {
    const batches: number[] = [];
    const others: string[] = [];
    using other = openDatabase(path);
    const ticks = slowBy(MAX_BATCH_MS / 4);
    const batched = batchedCatalog(waysTo(catalog, {
      write: (calls) => {
        const outcomes = commitTogether(catalog, calls, ticks);
        batches.push(outcomes.length);
        return outcomes;
      },
      rest: () => {
        // It does not wait: if the database is locked, it fails.
        other.exec("PRAGMA busy_timeout = 0");
        other.exec(
          "INSERT INTO orphans (path) VALUES ('files/' || (SELECT count(*) FROM orphans))",
        );
        others.push("done");
        return Promise.resolve();
      },
    }));
    const names = Array.from({ length: 21 }, (_, i) => `${i}`);
    await Promise.all(names.map((name) => batched.files.commit(file(name))));
    assert.equal((await catalog.files.listAll(id)).length, names.length);
    assert.deepEqual(batches, [1, 4, 4, 4, 4, 4]);
    assert.equal(executed.filter((sql) => sql === "COMMIT").length, batches.length);
    assert.equal(others.length, 4, "after each batch that has left calls for the next");
  }));

Deno.test("batches: a call that takes longer than a batch gets its own", () =>
  fixture(async ({ catalog }) => {
    const ticks = slowBy(2 * MAX_BATCH_MS);
    const calls: Call[] = ["a", "b"].map((name) => ({
      method: "files.commit",
      args: [file(name)],
    }));
    const outcomes = await commitTogether(catalog, calls, ticks);
    assert.equal(outcomes.length, 1);
    assert.deepEqual((await catalog.files.listAll(id)).map(({ name }) => name), ["a"]);
  }));

Deno.test("batches: a batch is bounded in bytes, of requests and of answers", () =>
  fixture(async ({ catalog }) => {
    const asked: number[] = [];
    const answered: number[] = [];
    const count = (calls: readonly Call[], outcomes: readonly unknown[]) => {
      asked.push(sizeOf(calls.map(({ args }) => args)));
      answered.push(sizeOf(outcomes));
      return outcomes as CallOutcome[];
    };
    const batched = batchedCatalog(waysTo(catalog, {
      read: (calls) => count(calls, lookUp(catalog, calls)),
      write: (calls) => count(calls, commitTogether(catalog, calls)),
    }));
    const content = new Uint8Array(256 * 1024);
    const names = Array.from({ length: 64 }, (_, i) => `${i}`);
    const idOf = (name: string) => blobId(`catalog/${name}`);
    await Promise.all(names.map((name) => {
      const inline = { kind: "inline", id: idOf(name), bytes: content } as const;
      return batched.files.commit({ ...file(name), content: inline });
    }));
    const read = await Promise.all(
      names.map((name) => batched.files.content(idOf(name))),
    );
    assert.ok(read.every((bytes) => bytes?.length === content.length));
    const most = MAX_BATCH_BYTES + 2 * content.length;
    assert.ok(Math.max(...asked, ...answered) <= most, `${asked} asked, ${answered} answered`);
  }));

Deno.test("batches: clients take turns, however many calls one of them has waiting", () =>
  fixture(async ({ catalog }) => {
    const bob = pseudoRandomBytes(16, 2);
    const registration = {
      id: bob,
      name: "Bob",
      now: 1,
      storedProfile,
      expiredBefore: 0,
      claimedIds: [],
    };
    await catalog.accounts.registerV3(registration);
    const done: string[] = [];
    const ticks = slowBy(MAX_BATCH_MS / 4);
    const batched = batchedCatalog(waysTo(catalog, {
      write: (calls) => commitTogether(catalog, calls, ticks),
      rest: () => Promise.resolve(),
    }));
    const store = async (accountId: typeof id, name: string) => {
      const path = blobId(`files/${name}`);
      await batched.files.commit({ ...file(name), accountId, content: { kind: "blob", id: path } });
      done.push(name);
    };
    const alices = Array.from({ length: 100 }, (_, i) => store(id, `alice${i}`));
    const bobs = Array.from({ length: 3 }, (_, i) => store(bob, `bob${i}`));
    await Promise.all([...alices, ...bobs]);
    const last = done.indexOf("bob2");
    assert.ok(last < 12, `Bob's last comes after ${last} others`);
    const inOrder = (who: string) => done.filter((name) => name.startsWith(who));
    assert.deepEqual(inOrder("alice"), alices.map((_, i) => `alice${i}`), "each in its order");
  }));

Deno.test("batches: a pack that was handed over to a thread and came back is handed over again", () =>
  fixture(async ({ catalog }) => {
    const sizes: number[][] = [];
    // A thread that does one call of each batch.
    const batched = batchedCatalog(waysTo(catalog, {
      write: (calls, giveBack) => {
        const there = structuredClone(calls, { transfer: argumentsToHandOver(calls) });
        sizes.push(there.map(({ args }) => (args[1] as Uint8Array).length));
        const [, ...left] = structuredClone(there, { transfer: argumentsToHandOver(there) });
        giveBack(left);
        return [{ value: undefined }];
      },
      rest: () => Promise.resolve(),
    }));
    const options = { accepted: new Uint8Array(1), storedAt: 1, storedBy: new Uint8Array(32) };
    await Promise.all(
      [1, 2, 3].map((size) => batched.files.commitPack(id, new Uint8Array(size), options)),
    );
    assert.deepEqual(sizes, [[1], [2, 3], [3]]);
  }));

const LOOKS: Readonly<Record<string, (catalog: Catalog, who: typeof id) => Promise<unknown>>> = {
  "files": ({ files }, who) => files.find(who, "a"),
  "accounts": ({ accounts }, who) => accounts.find({ id: who }),
};

for (const [what, look] of Object.entries(LOOKS)) {
  Deno.test(`batches: a client with few calls does not wait for those that a batch had no time for: ${what}`, () =>
    fixture(async ({ catalog }) => {
      const bob = pseudoRandomBytes(16, 2);
      const done: string[] = [];
      const ticks = slowBy(MAX_BATCH_MS / 4);
      let asked: Promise<void> | undefined;
      const ask = async (who: typeof id, name: string) => {
        await look(batched, who);
        done.push(name);
      };
      const batched = batchedCatalog(waysTo(catalog, {
        read: (calls) => {
          // Bob calls during a batch that contains most of Alice's calls.
          if (done.length > 0) asked ??= ask(bob, "bob");
          return lookUp(catalog, calls, ticks);
        },
      }));
      await Promise.all(Array.from({ length: 100 }, (_, i) => ask(id, `alice${i}`)));
      await asked;
      assert.ok(done.indexOf("bob") < 12, `Bob comes after ${done.indexOf("bob")} others`);
    }));
}

Deno.test("batches: attack: with any number of client names, nobody waits for all of them", () =>
  fixture(async ({ catalog }) => {
    const ticks = slowBy(2 * MAX_BATCH_MS);
    const batched = batchedCatalog(waysTo(catalog, {
      read: (calls) => lookUp(catalog, calls, ticks),
    }));
    let [named, isOver] = [0, false];
    const flood = async () => {
      while (!isOver && named < 10_000) {
        const other = new Uint8Array(16);
        new DataView(other.buffer).setUint32(0, ++named);
        await batched.accounts.find({ id: other });
      }
    };
    // More than fit in a batch.
    const flooding = Array.from({ length: 300 }, flood);
    await Promise.all([batched.files.find(id, "a"), batched.files.find(id, "b")]);
    isOver = true;
    await Promise.all(flooding);
    assert.ok(named < 3000, `${named} had their turn before Alice's second`);
  }));
