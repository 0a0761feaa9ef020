/** Leases, claims and open uploads of servers that share a catalog, with each implementation. */
import assert from "node:assert/strict";
import {
  importName,
  LeaseLost,
  type NameClaim,
  type SharedCatalog,
} from "../../../server/catalog/shared_catalog.ts";
import { NameLost } from "../../../server/catalog/partial_uploads.ts";
import { LEASE_LOCK } from "../../../server/catalog/postgres/cluster_tables.ts";
import {
  openPostgresCatalog,
  type PostgresCatalog,
} from "../../../server/catalog/postgres/postgres_catalog.ts";
import {
  alice,
  blob,
  enrolV3,
  id,
  login,
  NO_QUOTA,
  partial,
  upload,
  v4File,
} from "../../support/store/catalog_suite.ts";
import { createDatabase } from "../../support/store/postgres.ts";
import { sharedCatalogTest as test } from "../../support/store/shared_catalog_suite.ts";
import { untilWaiting } from "../../support/store/until_waiting.ts";

/** Long enough for a slow machine. */
const LONG_MS = 600_000;

async function join(catalog: SharedCatalog, name: string, leaseMs = LONG_MS): Promise<number> {
  return (await catalog.nodes.join(name, leaseMs)).epoch;
}

test("servers join beside each other, and know the oldest", async (first, second) => {
  const one = await first.nodes.join("one", LONG_MS);
  const two = await second.nodes.join("two", LONG_MS);
  assert.deepEqual([one.isOldest, two.isOldest], [true, false]);
  assert.ok(two.epoch > one.epoch);
  await first.nodes.leave(one.epoch);
  const renewed = await second.nodes.renew(two.epoch, LONG_MS);
  assert.deepEqual(renewed, { epoch: two.epoch, isOldest: true, removed: [] });
});

test(
  "an import that began before a server leaves the housekeeping to it",
  async (first, second) => {
    const { epoch } = await first.nodes.join(importName(77), LONG_MS);
    assert.equal((await second.nodes.join("import 77 files", LONG_MS)).isOldest, true);
    const renewed = await first.nodes.renew(epoch, LONG_MS);
    assert.equal(renewed?.epoch, epoch);
  },
);

test("servers with a lease are listed with their renewals", async (first, second) => {
  const one = await join(first, "one");
  await first.nodes.renew(one, LONG_MS);
  const two = await join(second, "two");
  const listed = await second.nodes.running();
  assert.ok(listed.every(({ leftMs }) => leftMs > 0 && leftMs <= LONG_MS));
  assert.deepEqual(
    listed.map(({ leftMs: _, ...node }) => node),
    [{ name: "one", epoch: one, renewals: 1 }, { name: "two", epoch: two, renewals: 0 }],
  );
  await first.nodes.renew(one, 0);
  assert.deepEqual((await second.nodes.running()).map(({ name }) => name), ["two"]);
});

test("an ended lease can be renewed until another server removes it", async (first, second) => {
  const epoch = await join(first, "one", 0);
  assert.notEqual(await first.nodes.renew(epoch, 0), undefined);
  const two = await second.nodes.join("two", LONG_MS);
  assert.deepEqual([two.removed, two.isOldest], [["one"], true]);
  assert.equal(await first.nodes.renew(epoch, LONG_MS), undefined);
});

test("a renewal removes servers whose lease has ended, too", async (first, second) => {
  const one = await join(first, "one");
  const two = await join(second, "two", 0);
  assert.deepEqual((await first.nodes.renew(one, LONG_MS))?.removed, ["two"]);
  assert.equal(await second.nodes.renew(two, LONG_MS), undefined);
});

test("a server that was removed changes nothing before it joins again", async (first, second) => {
  await join(first, "one", 0);
  await enrolV3(first);
  await join(second, "two");
  await assert.rejects(enrolV3(first, undefined, "Bob"), LeaseLost);
  assert.deepEqual((await second.accounts.list()).map(({ name }) => name), ["Alice"]);
  await join(first, "one");
  await enrolV3(first, id(2), "Bob");
  assert.equal((await second.accounts.list()).length, 2);
});

test("connections that have not joined are not checked", async (first, second) => {
  await join(first, "one", 0);
  await enrolV3(second);
  assert.equal((await first.accounts.list()).length, 1);
});

test("the first value of a name stays", async (first, second) => {
  const [one, other] = [new Uint8Array([1, 0, 255]), new Uint8Array([2])];
  assert.equal(await first.values.find("a"), undefined);
  const kept = await Promise.all([first.values.keep("a", one), second.values.keep("a", other)]);
  assert.deepEqual(new Uint8Array(kept[0] ?? []), new Uint8Array(kept[1] ?? []));
  assert.deepEqual(await second.values.keep("b", one), one);
  assert.deepEqual(await first.values.find("b"), one);
});

test("an upload that is being written has an owner until it ends", async (first, second) => {
  await login(first);
  const epoch = await join(first, "one");
  await join(second, "two");
  await first.openUploads.begin(upload(1));
  assert.deepEqual(await second.openUploads.condemn([upload(1), upload(3)]), [upload(3)]);
  assert.equal(await second.blobs.owner(upload(1)), "upload");
  await second.openUploads.end(upload(1));
  assert.equal(await second.blobs.owner(upload(1)), "upload", "only its server ends it");
  assert.equal(await first.openUploads.end(upload(1)), false);
  assert.equal(await second.blobs.owner(upload(1)), undefined);
  await first.openUploads.begin(upload(2));
  await first.nodes.leave(epoch);
  assert.equal(await second.blobs.owner(upload(2)), undefined);
});

test("a server learns that its open upload has become garbage", async (first, second) => {
  await login(first);
  await join(first, "one");
  await join(second, "two");
  await first.uploads.save(partial(1), { max: 9, quota: NO_QUOTA });
  await first.openUploads.begin(upload(1));
  assert.deepEqual(await second.uploads.remove(alice, "file1"), [upload(1)]);
  assert.deepEqual(await second.openUploads.condemn([upload(1)]), []);
  assert.equal(await first.openUploads.end(upload(1)), true);
  assert.deepEqual(await second.openUploads.condemn([upload(1)]), [upload(1)]);
});

test("nothing is deleted to which a file or an upload refers", async (first, second) => {
  await login(first);
  await join(first, "one");
  await join(second, "two");
  await first.files.commit(v4File(1));
  await first.uploads.save(partial(1), { max: 9, quota: NO_QUOTA });
  const ids = [blob(1), upload(1), blob(2)];
  assert.deepEqual(await second.openUploads.condemn(ids), [blob(2)]);
  assert.deepEqual(await second.openUploads.condemn([]), []);
  const owners = await Promise.all(ids.slice(0, 2).map((one) => second.blobs.owner(one)));
  assert.deepEqual(owners, ["file", "upload"]);
});

function claim(number: number, resumes: boolean): NameClaim {
  return { id: id(number), accountId: alice, name: "file1", resumes };
}

test(
  "an upload takes the name of one at another server, which learns it",
  async (first, second) => {
    await login(first);
    await join(first, "one");
    await join(second, "two");
    assert.equal(await first.claims.take(claim(1, false)), true);
    assert.equal(await second.claims.take(claim(2, false)), true);
    const lost = [{ id: id(1), isWanted: false, isCurrent: false }];
    assert.deepEqual(await first.claims.contested(), lost);
    assert.deepEqual(await second.claims.contested(), []);
  },
);

test(
  "an upload that resumes one at another server waits until that one has ended",
  async (first, second) => {
    await login(first);
    await join(first, "one");
    await join(second, "two");
    await first.claims.take(claim(1, true));
    assert.equal(await second.claims.take(claim(2, true)), false);
    const wanted = [{ id: id(1), isWanted: true, isCurrent: true }];
    assert.deepEqual(await first.claims.contested(), wanted);
    await first.claims.end(id(1));
    assert.equal(await second.claims.take(claim(2, true)), true);
    assert.equal(
      await second.claims.take(claim(3, true)),
      true,
      "one of the own server is no obstacle",
    );
  },
);

test("the claims of a server that was removed are free", async (first, second) => {
  await login(first);
  await join(first, "one", 0);
  await first.claims.take(claim(1, true));
  await join(second, "two");
  assert.equal(await second.claims.take(claim(2, true)), true);
});

test("reservations of uploads at other servers are summed", async (first, second) => {
  await login(first);
  await join(first, "one");
  await join(second, "two");
  await first.claims.take(claim(1, false));
  await first.claims.take({ ...claim(2, false), name: "other" });
  await first.claims.reserve(id(1), { bytes: 100, files: 1 });
  await first.claims.reserve(id(2), { bytes: 10, files: 0 });
  assert.deepEqual(await second.claims.reserved(alice), { bytes: 110, files: 1 });
  assert.deepEqual(await first.claims.reserved(alice), { bytes: 0, files: 0 });
  assert.deepEqual(await second.claims.reserved(id(9)), { bytes: 0, files: 0 });
});

test("requests of operators are open until they are answered or end", async (first, second) => {
  const { operators } = first;
  await operators.ask({ subject: "one", operator: "uid 0" }, LONG_MS);
  await operators.ask({ subject: "two", operator: "uid 0" }, 0);
  await operators.ask({ subject: "one", operator: "uid 1" }, LONG_MS);
  assert.deepEqual(await second.operators.asked(9), [{ subject: "one", operator: "uid 1" }]);
  assert.deepEqual(await second.operators.asked(0), []);
  const open = await Promise.all(["one", "two", "three"].map((one) => operators.isAsked(one)));
  assert.deepEqual(open, [true, false, false]);
  assert.equal(await second.operators.endRequest("two"), false);
  assert.equal(await second.operators.endRequest("one"), true);
  assert.equal(await second.operators.endRequest("one"), false);
  assert.deepEqual(await operators.asked(9), []);
});

test("each server has one report, which ends with it", async (first, second) => {
  const one = await join(first, "one");
  const two = await join(second, "two");
  await first.operators.publish("old");
  await first.operators.publish("new \u{1f600}");
  const [mine, other, ...more] = await second.operators.reports();
  assert.deepEqual([mine?.name, mine?.epoch, mine?.report], ["one", one, "new \u{1f600}"]);
  assert.ok((mine?.ageMs ?? Infinity) < LONG_MS);
  assert.deepEqual(other, { name: "two", epoch: two, report: undefined, ageMs: Infinity });
  assert.deepEqual(more, []);
  await first.nodes.leave(one);
  assert.deepEqual((await second.operators.reports()).map(({ name }) => name), ["two"]);
  await assert.rejects(first.operators.publish("late"), LeaseLost);
  const again = await join(first, "one");
  await second.operators.ask({ subject: "report", operator: "uid 0" }, LONG_MS);
  assert.deepEqual(
    (await second.operators.reports()).map(({ epoch, report }) => [epoch, report]),
    [[two, undefined], [again, undefined]],
  );
});

/** Two connections to one PostgreSQL database. The first has joined. */
function postgresTest(
  what: string,
  body: (first: PostgresCatalog, second: PostgresCatalog) => Promise<void>,
): void {
  Deno.test(`shared catalog PostgreSQL: ${what}`, async () => {
    await using database = await createDatabase();
    await using first = await openPostgresCatalog(database.options);
    await using second = await openPostgresCatalog(database.options);
    await login(first);
    await join(first, "one", 0);
    await body(first, second);
  });
}

postgresTest("a server is not removed during a transaction of it", async (first, second) => {
  const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const changing = first.database.transaction(async (transaction) => {
    await transaction.run("INSERT INTO shared_values VALUES ('x', '')");
    begun.resolve();
    await go.promise;
  });
  await begun.promise;
  const { epoch, removed } = await second.nodes.join("two", LONG_MS);
  assert.deepEqual(removed, []);
  go.resolve();
  await changing;
  assert.deepEqual((await second.nodes.renew(epoch, LONG_MS))?.removed, ["one"]);
  assert.notEqual(await second.values.find("x"), undefined);
});

postgresTest("only without its server, a reserved blob is garbage", async (first, second) => {
  await first.blobs.reserve(blob(1));
  await first.files.commit(v4File(2));
  await first.files.commit(v4File(3));
  assert.deepEqual(await second.blobs.garbage(undefined, 9, "all"), [blob(2)]);
  await join(second, "two");
  assert.deepEqual(await second.blobs.garbage(undefined, 9, "unreserved"), [blob(2)]);
  assert.deepEqual(await second.blobs.garbage(undefined, 9, "all"), [blob(1), blob(2)]);
});

postgresTest(
  "what a removed server has reserved is another one's, or is deleted",
  async (first, second) => {
    const garbage = () => second.blobs.garbage(undefined, 9, "all");
    await first.blobs.reserve(blob(1));
    await first.blobs.reserve(blob(2));
    assert.deepEqual(await second.openUploads.condemn([blob(1)]), [], "its server runs");
    await join(second, "two");
    await second.blobs.reserve(blob(1));
    assert.deepEqual(await garbage(), [blob(2)], "a reserved one is not swept");
    assert.deepEqual(await first.openUploads.condemn([blob(1), blob(2)]), [blob(2)]);
    await assert.rejects(second.blobs.reserve(blob(2)), { code: "unavailable" });
    assert.deepEqual(await second.openUploads.condemn([blob(1)]), [blob(1)], "its own");
    await assert.rejects(second.blobs.reserve(blob(1)), { code: "unavailable" });
    await second.blobs.collected([blob(1), blob(2)]);
    await second.blobs.reserve(blob(2));
    assert.deepEqual(await garbage(), []);
  },
);

postgresTest("nothing is deleted that a commit in progress stores", async (first, second) => {
  await first.files.commit(v4File(1));
  let condemned: Promise<unknown> | undefined;
  await second.database.transaction(async (one) => {
    await one.run("INSERT INTO orphans (path, reserved) VALUES ($1, true)", blob(9));
  });
  await second.database.transaction(async (one) => {
    await one.run("DELETE FROM orphans WHERE path = $1", blob(9));
    await one.run("UPDATE files SET path = $1 WHERE path = $2", blob(9), blob(1));
    condemned = first.openUploads.condemn([blob(9)]);
    await untilWaiting(one);
  });
  assert.deepEqual(await condemned, []);
  assert.equal(await second.blobs.owner(blob(9)), "file");
  assert.deepEqual(await second.blobs.garbage(undefined, 9, "all"), []);
});

postgresTest(
  "a connection whose transaction could not begin is good for the next one",
  async (first, second) => {
    const { epoch } = first.database;
    await second.database.transaction(async (one) => {
      await one.run("SELECT pg_advisory_xact_lock($1, $2::integer)", LEASE_LOCK, epoch);
      const held = first.database.transaction(({ get }) => get("SELECT 1"), 20);
      await assert.rejects(held, /cannot keep up/);
    });
    assert.deepEqual(await first.database.read(({ get }) => get("SELECT 1 AS one")), { one: 1 });
  },
);

Deno.test("shared catalog PostgreSQL: an upload whose name was taken records no checkpoint", async () => {
  await using database = await createDatabase();
  await using first = await openPostgresCatalog(database.options);
  await using second = await openPostgresCatalog(database.options);
  await login(first);
  await join(first, "one");
  await join(second, "two");
  const options = { max: 9, quota: NO_QUOTA };
  await first.claims.take(claim(1, false));
  await first.uploads.save(partial(1), { ...options, claim: id(1) });
  await second.claims.take(claim(2, false));
  await second.uploads.save(partial(1, { id: upload(7) }), { ...options, claim: id(2) });
  await assert.rejects(first.uploads.save(partial(1), { ...options, claim: id(1) }), NameLost);
  assert.equal((await first.uploads.find(alice, "file1"))?.id, upload(7));
});
