/** Random calls in random order: SQLite and the catalog in memory give the same answers. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import { openInThisThread } from "../../../support/store/catalogs.ts";
import { memoryCatalog } from "../../../support/store/memory_catalog.ts";
import {
  blob,
  id,
  key,
  login,
  partial,
  PROFILE,
  registration,
  rsa,
  token,
  tree,
  upload,
  v3File,
} from "../../../support/store/catalog_suite.ts";

type Step = (catalog: Catalog) => Promise<unknown>;

const account = fc.integer({ min: 1, max: 2 }).map(id);
const user = fc.constantFrom("Alice", "Bob");
const someKey = fc.integer({ min: 1, max: 3 }).map(key);
const name = fc.constantFrom("a", "a/b", "b", "c");
const number = fc.integer({ min: 1, max: 12 });
const time = fc.integer({ min: 1, max: 5 });
const max = fc.integer({ min: 1, max: 3 });
const quota = fc.record({
  bytes: fc.constantFrom(30, 60, Infinity),
  files: fc.constantFrom(2, Infinity),
}, { noNullPrototype: true });
const damage = fc.constantFrom("missing", "size", "content", undefined);

/** A call with any arguments. */
const call = <T>(args: fc.Arbitrary<T>, run: (catalog: Catalog, args: T) => Promise<unknown>) =>
  args.map((values): Step => (catalog) => run(catalog, values));

const ACCOUNTS = [
  call(
    fc.record({ id: account, name: user, now: time }),
    ({ accounts }, changes) => accounts.registerV3(registration({ ...changes, expiredBefore: 3 })),
  ),
  call(fc.record({ id: account, name: user, number: fc.nat(2) }), ({ accounts }, args) => {
    const { number, ...change } = args;
    const rest = { publicKey: rsa(number), now: 4, storedProfile: PROFILE, expiredBefore: 3 };
    return accounts.setPublicKey({ ...change, ...rest });
  }),
  call(
    fc.record({ id: account, name: user, key: someKey, token: fc.option(number) }),
    (catalog, { token: hash, ...changes }) =>
      login(catalog, hash === null ? changes : { ...changes, token: token(hash).hash }),
  ),
  call(fc.record({ id: account, name: user, key: someKey }), async ({ accounts }, claim) => {
    const taken = await accounts.takeOver({ ...claim, publicKey: rsa(1), now: 5 });
    return typeof taken === "string" ? taken : taken.how;
  }),
  call(
    fc.tuple(
      account,
      fc.record({ name: user, disabled: fc.boolean(), quota }, { requiredKeys: [] }),
    ),
    ({ accounts }, args) => accounts.update(...args),
  ),
  call(fc.tuple(account, someKey), ({ accounts }, args) => accounts.removeKey(...args)),
  call(account, async ({ accounts }, one) => (await accounts.remove(one)).toSorted()),
  call(time, ({ accounts }, before) => accounts.expireRegistrations(before)),
  call(
    fc.tuple(account, number, fc.boolean()),
    ({ tokens }, [accountId, number, isLink]) =>
      tokens.remove(token(number).hash).then(() =>
        tokens.add(token(number, isLink ? { accountId } : {}), isLink ? key(1) : undefined)
      ),
  ),
];

const FILES = [
  call(
    fc.record({ accountId: account, name, number, hasTree: fc.boolean(), keep: fc.nat(2), quota }),
    async ({ files }, { accountId, name, number, hasTree, ...options }) => {
      const file = v3File(number, { accountId, name, crc: number % 2 });
      const { version, garbage } = await files.commit(hasTree ? { ...file, tree } : file, options);
      return { version, garbage: garbage.toSorted() };
    },
  ),
  call(fc.tuple(account, name, name), ({ files }, args) => files.rename(...args)),
  call(
    fc.tuple(account, name),
    async ({ files }, args) => (await files.remove(...args))?.toSorted(),
  ),
  call(number, ({ files }, number) => files.forget(blob(number))),
  call(number, ({ files }, number) => files.setDigests(blob(number), tree, key(1))),
  call(
    fc.tuple(number, damage),
    ({ files }, [number, damage]) => files.setDamage(blob(number), damage),
  ),
];

const OTHERS = [
  call(
    fc.record({ accountId: account, name, number, updatedAt: time, max, quota }),
    async ({ uploads }, { number, max, quota, ...changes }) =>
      (await uploads.save(partial(number, changes), { max, quota })).toSorted(),
  ),
  call(fc.tuple(account, name), ({ uploads }, args) => uploads.remove(...args)),
  call(time, async ({ uploads }, before) => (await uploads.expire(before, 9)).toSorted()),
  call(number, ({ blobs }, number) => blobs.reserve(blob(number))),
  call(number, ({ blobs }, number) => blobs.collected([blob(number), upload(number)])),
];

/** All data of a catalog. */
async function tell({ accounts, tokens, files, uploads, blobs }: Catalog) {
  const owners = [id(1), id(2)];
  const beside = { name: "a", size: 10, keep: 1, open: ["b"] };
  return {
    accounts: await accounts.list(),
    keys: await Promise.all(owners.map(async (one) => (await accounts.find({ id: one }))?.keys)),
    invitations: await tokens.invitations(1500),
    files: await files.scan(undefined, 99),
    lists: await Promise.all(owners.map((one) => files.list(one, { limit: 99 }))),
    usage: await Promise.all(owners.map((one) => files.usage(one, beside))),
    uploads: await uploads.scan(undefined, 99),
    garbage: await blobs.garbage(undefined, 99),
  };
}

async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    return error instanceof CatalogRefusal ? error.reason : "refused";
  }
}

Deno.test("catalog: for any calls, SQLite answers like the catalog in memory", async () => {
  const steps = fc.array(fc.oneof(...ACCOUNTS, ...FILES, ...FILES, ...OTHERS), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      await using sqlite = await openInThisThread(":memory:");
      await using memory = memoryCatalog();
      for (const catalog of [sqlite, memory]) {
        await catalog.accounts.registerV3(registration());
        await login(catalog, { id: id(2), name: "Bob", key: key(2) });
      }
      for (const step of steps) {
        assert.deepEqual(await outcome(step(sqlite)), await outcome(step(memory)));
      }
      assert.deepEqual(await tell(sqlite), await tell(memory));
    }),
    { numRuns: 300, seed: 7 },
  );
});
