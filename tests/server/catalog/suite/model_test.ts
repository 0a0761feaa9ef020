/** Random calls in random order: all catalogs give the same answers. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Bytes } from "../../../../protocol/bytes.ts";
import { ENTRY_KINDS } from "../../../../protocol/entry.ts";
import { PackWriter } from "../../../../protocol/v4/pack.ts";
import { UpdateWriter } from "../../../../protocol/v4/update.ts";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import type { StoredFile } from "../../../../server/catalog/files.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import { openInPostgres, openInThisThread } from "../../../support/store/catalogs.ts";
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
const name = fc.constantFrom("a", "a/b", "a/b/c", "b", "b/\u00e9", "b/e\u0301");
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
    fc.record({
      ...{ accountId: account, name, number, hasTree: fc.boolean(), storedAt: time, quota },
      ...{ kind: fc.constantFrom(...ENTRY_KINDS), storedBy: someKey, keepHistory: fc.boolean() },
    }),
    async ({ files }, { accountId, name, number, hasTree, quota, keepHistory, ...rest }) => {
      const file = v3File(number, { accountId, name, crc: number % 2, storedAt: rest.storedAt });
      const committed = hasTree ? { ...file, ...rest, tree } : file;
      return sorted(await files.commit(committed, { quota, keepHistory }));
    },
  ),
  call(fc.tuple(account, name, name), ({ files }, args) => files.rename(...args)),
  call(
    fc.tuple(
      account,
      name,
      fc.integer({ min: 1, max: 3 }),
      fc.option(fc.nat(8), { nil: undefined }),
    ),
    ({ files }, [owner, name, version, mode]) =>
      files.update(owner, name, version, { mode, mtime: 3n }),
  ),
  call(
    fc.tuple(
      account,
      name,
      fc.record({
        ...{ recursive: fc.boolean(), forever: fc.boolean(), keepHistory: fc.boolean() },
        now: time,
      }, { noNullPrototype: true }),
    ),
    async ({ files }, args) => sorted(await files.remove(...args)),
  ),
  call(
    fc.tuple(
      account,
      name,
      fc.record({
        now: time,
        version: fc.integer({ min: 1, max: 3 }),
        since: time,
        quota,
        by: someKey,
      }, {
        ...{ requiredKeys: ["now"], noNullPrototype: true },
      }),
    ),
    async ({ files }, args) => sorted(await files.restore(...args)),
  ),
  call(
    fc.tuple(account, quota),
    async ({ files }, args) => sorted(await files.trimHistory(...args)),
  ),
  call(
    fc.tuple(time, fc.nat(3)),
    async ({ files }, args) => sorted(await files.expireHistory(...args)),
  ),
  call(
    fc.tuple(fc.constantFrom(0, 15, 99), fc.nat(2)),
    async ({ files }, args) => sorted(await files.dropOldestHistory(...args)),
  ),
  call(number, ({ files }, number) => files.forget(blob(number))),
  call(number, ({ files }, number) => files.setDigests(blob(number), tree, key(1))),
  call(fc.tuple(number, time), ({ files }, [number, at]) => files.confirm(blob(number), at)),
  call(
    fc.tuple(number, damage),
    ({ files }, [number, damage]) => files.setDamage(blob(number), damage),
  ),
];

const content = fc.constantFrom("", "one", "two", "three");
const packed = fc.record({
  name,
  content,
  entry: fc.constantFrom(...ENTRY_KINDS),
  accepted: fc.nat(5),
});

const PACKS = [
  call(
    fc.record({
      owner: account,
      entries: fc.array(packed, { minLength: 1, maxLength: 6 }),
      // Blobs of their own for some of the records.
      blobs: fc.option(fc.integer({ min: 100, max: 1_000_000 })),
      options: fc.record({
        ...{ storedAt: time, storedBy: someKey, quota, keepHistory: fc.boolean() },
        reserved: fc.constantFrom({ bytes: 0, files: 0 }, { bytes: 7, files: 1 }),
      }, { requiredKeys: ["storedAt", "storedBy"], noNullPrototype: true }),
    }),
    async ({ files }, { owner, entries, blobs, options }) => {
      const writer = new PackWriter();
      for (const { name, content, entry } of entries) {
        const bytes = new TextEncoder().encode(entry === "folder" ? "" : content);
        writer.begin(name, bytes.length)?.set(bytes);
        writer.add({ entry, mode: bytes.length, mtime: BigInt(options.storedAt) }, bytes.length);
      }
      const accepted = new Uint8Array(entries.map(({ accepted }) => accepted === 0 ? 0 : 1));
      const withBlobs = blobs === null ? {} : {
        blobs: new Map(entries.flatMap((_, i) => i % 2 === 0 ? [[i, blob(10 * blobs + i)]] : [])),
      };
      const pack = writer.payload.slice();
      return sorted(await files.commitPack(owner, pack, { ...options, accepted, ...withBlobs }));
    },
  ),
  call(
    fc.record({
      owner: account,
      updates: fc.array(fc.tuple(name, fc.integer({ min: 1, max: 3 }), fc.nat(8)), {
        ...{ minLength: 1, maxLength: 4 },
      }),
    }),
    ({ files }, { owner, updates }) => {
      const writer = new UpdateWriter();
      for (const [name, version, mode] of updates) writer.add(name, version, { mode, mtime: 3n });
      const accepted = new Uint8Array(updates.length).fill(1);
      return files.updatePack(owner, writer.payload.slice(), { accepted });
    },
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

/** A result whose garbage is in any order. */
function sorted<T extends { readonly garbage: readonly string[] }>(result: T | undefined) {
  return result && { ...result, garbage: result.garbage.toSorted() };
}

/** A file without the id of its content in the catalog, which is random. */
function withoutId(file: StoredFile): StoredFile {
  return file.content.kind === "blob"
    ? file
    : { ...file, content: { kind: "inline", id: blob(0) } };
}

/** All data of a catalog. */
async function tell({ accounts, tokens, files, uploads, blobs }: Catalog) {
  const owners = [id(1), id(2)];
  const beside = { name: "a", open: ["b"] };
  const level = (prefix: string) => async (owner: Bytes) =>
    (await files.listLevel(owner, { prefix, limit: 99 })).files
      .map((entry) => "content" in entry ? withoutId(entry) : entry);
  return {
    accounts: await accounts.list(),
    keys: await Promise.all(owners.map(async (one) => (await accounts.find({ id: one }))?.keys)),
    invitations: await tokens.invitations(1500),
    blobs: (await files.scan(undefined, 99)).filter(({ content }) => content.kind === "blob"),
    files: await Promise.all(owners.map(async (one) => (await files.listAll(one)).map(withoutId))),
    lists: await Promise.all(
      owners.map(async (one) => (await files.list(one, { limit: 99 })).map(withoutId)),
    ),
    levels: await Promise.all([...owners.map(level("")), ...owners.map(level("b/"))]),
    removed: await Promise.all(
      owners.map(async (one) => (await files.listRemoved(one, { limit: 99 })).files.map(withoutId)),
    ),
    unconfirmed: (await files.unconfirmed(undefined, 99))
      .map((file) => withoutId(file).content.id).sort(),
    usage: await Promise.all(owners.map((one) => files.usage(one, beside))),
    uploads: await uploads.scan(undefined, 99),
    history: await files.totalHistory(),
    garbage: await blobs.garbage(undefined, 99),
    unreserved: await blobs.garbage(undefined, 99, "unreserved"),
  };
}

async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    return error instanceof CatalogRefusal ? error.reason : "refused";
  }
}

const SINGLE = [...ACCOUNTS, ...FILES, ...FILES, ...OTHERS];
const openSqlite = () => openInThisThread(":memory:");

for (
  const [one, open, other, openOther, steps, numRuns] of [
    ["SQLite", openSqlite, "the catalog in memory", memoryCatalog, SINGLE, 300],
    // In memory, a pack is several transactions.
    ["PostgreSQL", openInPostgres, "SQLite", openSqlite, [...SINGLE, ...PACKS, ...PACKS], 20],
  ] as const
) {
  Deno.test(`catalog: for any calls, ${one} answers like ${other}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(...steps), { maxLength: 40 }), async (steps) => {
        await using catalog = await open();
        await using reference = await openOther();
        for (const either of [catalog, reference]) {
          await either.accounts.registerV3(registration());
          await login(either, { id: id(2), name: "Bob", key: key(2) });
        }
        for (const step of steps) {
          assert.deepEqual(await outcome(step(catalog)), await outcome(step(reference)));
        }
        assert.deepEqual(await tell(catalog), await tell(reference));
      }),
      { numRuns, seed: 7 },
    );
  });
}
