/** Two servers with one PostgreSQL catalog: whatever they do at a time, the result is that of some order. */
import assert from "node:assert/strict";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import type { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import {
  openPostgresCatalog,
  type PostgresCatalog,
} from "../../../../server/catalog/postgres/postgres_catalog.ts";
import {
  alice,
  blob,
  enrolV3,
  garbageOf,
  id,
  key,
  login,
  NO_QUOTA,
  partial,
  registration,
  takeOver,
  token,
  upload,
  v4File,
} from "../../../support/store/catalog_suite.ts";
import { createDatabase } from "../../../support/store/postgres.ts";
import { untilWaiting } from "../../../support/store/until_waiting.ts";

const TWELVE = Array.from({ length: 12 }, (_, i) => i + 1);

/** Runs a test with two catalogs in one database. `at` gives calls to both in turn. */
function twoServersTest(
  what: string,
  body: (at: (number: number) => Catalog, first: PostgresCatalog) => Promise<void>,
): void {
  Deno.test(`two servers: ${what}`, async () => {
    await using test = await createDatabase();
    await using first = await openPostgresCatalog(test.options);
    await using second = await openPostgresCatalog(test.options);
    await body((number) => number % 2 === 0 ? first : second, first);
  });
}

twoServersTest("one registration of a name succeeds, over either protocol", async (at) => {
  const results = await Promise.all(
    TWELVE.map(async (number) =>
      number <= 6
        ? await at(number).accounts.registerV3(registration({ id: id(number) }))
        : await login(at(number), { id: id(number), key: key(number) }) === "registered"
    ),
  );
  assert.equal(results.filter((isRegistered) => isRegistered).length, 1);
  const [account, ...others] = await at(1).accounts.list();
  assert.deepEqual([account?.id, others], [id(results.indexOf(true) + 1), []]);
});

twoServersTest("of several accounts renamed to one name, one gets it", async (at) => {
  for (const number of TWELVE) {
    await login(at(number), { id: id(number), name: `Name${number}`, key: key(number) });
  }
  const results = await Promise.all(
    TWELVE.map((number) => at(number).accounts.update(id(number), { name: "Alice" })),
  );
  assert.deepEqual(results.toSorted(), [...Array(11).fill("name-taken"), "updated"]);
});

twoServersTest("one takeover of an account succeeds", async (at) => {
  await enrolV3(at(0));
  const results = await Promise.all(
    TWELVE.map((number) => takeOver(at(number), { key: key(number) })),
  );
  assert.deepEqual(results.toSorted(), ["claimed", ...Array(11).fill("claimed-already")]);
});

twoServersTest("an invitation is used as often as it says", async (at) => {
  await at(0).tokens.add(token(1, { usesLeft: 5 }));
  const results = await Promise.all(TWELVE.map((number) =>
    login(at(number), {
      ...{ id: id(number), name: `Name${number}`, key: key(number) },
      ...{ registration: "invite", token: token(1).hash },
    })
  ));
  assert.deepEqual(results.toSorted(), [
    ...Array(5).fill("registered"),
    ...Array(7).fill("token-used-up"),
  ]);
  assert.equal((await at(1).accounts.list()).length, 5);
});

twoServersTest("a link adds one key, and links stay within their number", async (at) => {
  await login(at(0));
  const links = TWELVE.map((number) => token(number, { accountId: alice }));
  await Promise.all(links.map((link, number) => at(number).tokens.add(link, key(1))));
  const results = await Promise.all(
    links.map(({ hash }, number) =>
      login(at(number), { key: key(100 + number), token: hash, now: 1500 })
    ),
  );
  assert.equal(results.filter((one) => one === "linked").length, 8);
  assert.equal(results.filter((one) => one === "token-unknown").length, 4);
  assert.equal((await at(0).accounts.find({ id: alice }))?.keys.length, 9);
});

twoServersTest("checkpoints stay within their number and the quota", async (at) => {
  await login(at(0));
  const quota = { bytes: 20, files: 100 };
  const results = await Promise.allSettled(
    TWELVE.map((number) => at(number).uploads.save(partial(number), { max: 6, quota })),
  );
  const refused = results.filter((one) => one.status === "rejected")
    .map((one) => (one.reason as CatalogRefusal).reason);
  assert.deepEqual(refused, Array(8).fill("quota-bytes"));
  assert.equal((await at(0).uploads.scan(undefined, 99)).length, 4);
  assert.equal((await at(1).files.usage(alice)).bytes, 20);

  const more = TWELVE.map((number) => partial(20 + number, { updatedAt: 100 + number }));
  await Promise.all(
    more.map((one, number) => at(number).uploads.save(one, { max: 6, quota: NO_QUOTA })),
  );
  const left = (await at(0).uploads.scan(undefined, 99)).map((one) => one.id);
  assert.equal(left.length, 6);
  const known = [...left, ...await garbageOf(at(1))].filter((one) =>
    more.some(({ id }) => id === one)
  );
  assert.deepEqual(known.toSorted(), more.map(({ id }) => id as string).toSorted());
});

twoServersTest("an upload expires once", async (at) => {
  await login(at(0));
  for (const number of TWELVE) {
    await at(number).uploads.save(partial(number), { max: 99, quota: NO_QUOTA });
  }
  const expired = await Promise.all(TWELVE.map((number) => at(number).uploads.expire(10, 3)));
  assert.deepEqual(expired.flat().toSorted(), TWELVE.slice(0, 9).map(upload).toSorted());
});

twoServersTest("a removed account takes no files, and nothing of it is left", async (at) => {
  for (const number of TWELVE) {
    await login(at(number), { id: id(number), name: `Name${number}`, key: key(number) });
  }
  const results = await Promise.all(TWELVE.map(async (number) => {
    const file = v4File(number, { accountId: id(number) });
    const [committed, garbage] = await Promise.allSettled([
      at(number).files.commit(file),
      at(number + 1).accounts.remove(id(number)),
    ]);
    assert.equal(garbage.status, "fulfilled");
    return committed.status;
  }));
  assert.deepEqual(await at(0).accounts.list(), []);
  assert.deepEqual(await at(0).files.scan(undefined, 99), []);
  const stored = TWELVE.filter((_, i) => results[i] === "fulfilled").map(blob);
  assert.deepEqual(await garbageOf(at(0)), stored.toSorted());
});

twoServersTest(
  "the owner of a blob waits for a commit in progress, whose answer may be lost",
  async (at, { database }) => {
    await login(at(0));
    await at(0).files.commit(v4File(1));
    await at(0).blobs.reserve(blob(9));
    let owner: Promise<string | undefined> | undefined;
    // The last statements of a commit without an answer.
    await database.transaction(async (one) => {
      await one.run("DELETE FROM orphans WHERE path = $1", blob(9));
      await one.run("UPDATE files SET path = $1 WHERE path = $2", blob(9), blob(1));
      owner = at(1).blobs.owner(blob(9));
      await untilWaiting(one);
    });
    assert.equal(await owner, "file");
  },
);
