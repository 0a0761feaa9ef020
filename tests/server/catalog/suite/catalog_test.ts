/** What every catalog must do; each implementation is run through the same suite. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { LoginFault, LoginResult, RegisterKey } from "../../../../server/catalog/accounts.ts";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import type { StoredFile } from "../../../../server/catalog/files.ts";
import type { RegisterAccount, SetPublicKey } from "../../../../server/catalog/accounts.ts";
import { SqliteCatalog } from "../../../../server/catalog/sqlite/sqlite_catalog.ts";
import { openWorkerCatalog } from "../../../../server/catalog/sqlite/worker_catalog.ts";
import { pseudoRandomBytes } from "../../../support/bytes.ts";
import { openDatabase } from "../../../support/store/database.ts";
import { TemporaryFolder } from "../../../support/temporary_folder.ts";
import { blobId } from "../../../support/store/ids.ts";

const id = (seed: number) => pseudoRandomBytes(16, seed);
const storedProfile = { edition: "2023c", quirks: [] };
const key = pseudoRandomBytes(160);
const otherKey = pseudoRandomBytes(160, 2);

const IMPLEMENTATIONS: Record<string, (folder: TemporaryFolder) => Catalog | Promise<Catalog>> = {
  SqliteCatalog: (folder) => SqliteCatalog.open(folder.join("catalog.db")),
  "catalog in threads": (folder) => openWorkerCatalog(folder.join("catalog.db")),
};

const registration = (
  clientId: Bytes,
  changes: Partial<RegisterAccount> = {},
): RegisterAccount => ({
  id: clientId,
  name: "Alice",
  now: 1000,
  storedProfile,
  expiredBefore: 0,
  claimedIds: [],
  ...changes,
});

const keyChange = (clientId: Bytes, changes: Partial<SetPublicKey> = {}): SetPublicKey => ({
  id: clientId,
  name: "Alice",
  publicKey: key,
  now: 2000,
  storedProfile,
  expiredBefore: 0,
  ...changes,
});

const keyOf = (clientId: Bytes, changes: Partial<RegisterKey> = {}): RegisterKey => ({
  id: clientId,
  name: "Alice",
  key: pseudoRandomBytes(32),
  now: 1000,
  expiredBefore: 0,
  registration: "open",
  ...changes,
});

/** How somebody was let in, or why not. */
const outcome = (entered: LoginResult | LoginFault): string =>
  typeof entered === "string" ? entered : entered.how;

const file = (clientId: Bytes, changes: Partial<StoredFile> = {}): StoredFile => ({
  clientId,
  name: "a.txt",
  version: 1,
  current: true,
  path: blobId("files/1/1"),
  size: 2 ** 32 - 273,
  crc: 2 ** 32 - 1,
  storedAt: 3000,
  verified: true,
  ...changes,
});

for (const [implementation, open] of Object.entries(IMPLEMENTATIONS)) {
  const test = (what: string, body: (catalog: Catalog, folder: TemporaryFolder) => Promise<void>) =>
    Deno.test(`${implementation}: ${what}`, async () => {
      await using folder = await TemporaryFolder.create();
      await using catalog = await open(folder);
      await body(catalog, folder);
    });

  test("a name is one client's, also against a race", async (catalog) => {
    const results = await Promise.all(
      [1, 2, 3].map((seed) => catalog.accounts.registerV3(registration(id(seed)))),
    );
    assert.deepEqual(results, [true, false, false]);
    assert.deepEqual((await catalog.accounts.find({ name: "Alice" }))?.id, id(1));
    assert.equal(await catalog.accounts.find({ id: id(2) }), undefined);
  });

  test("names differ by case", async (catalog) => {
    assert.ok(await catalog.accounts.registerV3(registration(id(1))));
    assert.ok(await catalog.accounts.registerV3(registration(id(2), { name: "alice" })));
  });

  test("a registration without a key gives way when it has expired, is claimed or reclaimed", async (catalog) => {
    assert.ok(await catalog.accounts.registerV3(registration(id(1))));
    const again = (seed: number, changes: Partial<RegisterAccount>) =>
      catalog.accounts.registerV3(registration(id(seed), changes));
    assert.equal(await again(2, { expiredBefore: 1000 }), false);
    assert.equal(await again(2, { expiredBefore: 1001, now: 5000 }), true);
    assert.equal(await again(3, { claimedIds: [id(9)] }), false);
    assert.equal(await again(3, { claimedIds: [id(9), id(2)] }), true);
    assert.equal((await catalog.accounts.list()).length, 1);
    assert.deepEqual((await catalog.accounts.find({ name: "Alice" }))?.id, id(3));
    await catalog.accounts.expireRegistrations(5000);
    assert.equal((await catalog.accounts.list()).length, 0);
  });

  test("a registration with a key gives way to nothing", async (catalog) => {
    await catalog.accounts.registerV3(registration(id(1)));
    assert.equal(await catalog.accounts.setPublicKey(keyChange(id(1))), "set");
    const changes = { expiredBefore: Infinity, claimedIds: [id(1)] };
    assert.equal(await catalog.accounts.registerV3(registration(id(2), changes)), false);
    await catalog.accounts.expireRegistrations(Infinity);
    assert.equal((await catalog.accounts.list()).length, 1);
  });

  test("a public key is set and replaced by its owner only", async (catalog) => {
    await catalog.accounts.registerV3(registration(id(1)));
    assert.equal(await catalog.accounts.setPublicKey(keyChange(id(2))), "unknown");
    assert.equal(await catalog.accounts.setPublicKey(keyChange(id(1), { name: "Bob" })), "unknown");
    assert.equal(
      await catalog.accounts.setPublicKey(keyChange(id(1), { expiredBefore: 1001 })),
      "unknown",
    );
    assert.equal((await catalog.accounts.find({ id: id(1) }))?.publicKey, undefined);
    assert.equal(await catalog.accounts.setPublicKey(keyChange(id(1))), "set");
    assert.equal(
      await catalog.accounts.setPublicKey(keyChange(id(1), { expiredBefore: 1001 })),
      "set",
    );
    assert.equal(
      await catalog.accounts.setPublicKey(keyChange(id(1), { publicKey: otherKey })),
      "replaced",
    );
    assert.deepEqual((await catalog.accounts.find({ id: id(1) }))?.publicKey, otherKey);
  });

  test("a reserved id takes a name that is free or its own, and no other", async (catalog) => {
    const reserved = (seed: number, reservedFor: Bytes, name = "Alice") =>
      catalog.accounts.setPublicKey(keyChange(id(seed), { name, reservedFor }));
    assert.equal(await reserved(1, id(9)), "set");
    assert.equal(await reserved(2, id(9)), "unknown", "it has a key");
    await catalog.accounts.registerV3(registration(id(3), { name: "Bob" }));
    assert.equal(await reserved(4, id(9), "Bob"), "unknown", "it is being registered by another");
    assert.equal(await reserved(4, id(3), "Bob"), "set");
    assert.deepEqual((await catalog.accounts.find({ name: "Bob" }))?.id, id(4));
    assert.equal(await catalog.accounts.find({ id: id(3) }), undefined);
  });

  test("damage is recorded of a file, and is gone with it or with what is said against it", async (catalog) => {
    await catalog.accounts.setPublicKey(keyChange(id(1), { reservedFor: id(99) }));
    const damage = async () => (await catalog.files.find(id(1), "a.txt"))?.damage;
    await catalog.files.commit(file(id(1)));
    for (const found of ["missing", "size", "content", undefined] as const) {
      assert.equal(await catalog.files.setDamage(blobId("files/1/1"), found), true);
      assert.equal(
        await catalog.files.setDamage(blobId("files/1/1"), found),
        false,
        "it is nothing new",
      );
      assert.equal(await damage(), found);
    }
    assert.equal(
      await catalog.files.setDamage(blobId("files/1/9"), "missing"),
      false,
      "there is no such file",
    );
    await catalog.files.setDamage(blobId("files/1/1"), "content");
    const other = file(id(1), { path: blobId("files/1/2"), version: 2, crc: 9 });
    assert.deepEqual(await catalog.files.commit(other, { keep: 5 }), { version: 2, garbage: [] });
    assert.equal(await damage(), undefined);
    const same = file(id(1), { path: blobId("files/1/3"), version: 3 });
    assert.deepEqual(await catalog.files.commit(same, { keep: 5 }), {
      ...{ version: 3, garbage: [blobId("files/1/1")] },
    }, "the damaged version has the same content");
  });

  test("a repair is kept until it is ended, and takes its file with it", async (catalog) => {
    await catalog.accounts.setPublicKey(keyChange(id(1), { reservedFor: id(99) }));
    await catalog.files.commit(file(id(1)));
    const repairs = [
      { path: blobId("files/1/1"), movedTo: "quarantine/1", record: "{}" },
      { path: blobId("files/stray"), movedTo: undefined, record: '{"kind":"stray"}' },
    ];
    for (const repair of repairs) await catalog.repairs.begin(repair);
    assert.deepEqual(await catalog.repairs.list(), repairs);
    assert.equal(await catalog.blobs.owner(blobId("files/1/1")) === "file", true);
    for (const { path } of repairs) await catalog.repairs.end(path);
    assert.deepEqual(await catalog.repairs.list(), []);
    assert.equal(await catalog.blobs.owner(blobId("files/1/1")) === "file", false);
    assert.deepEqual(await catalog.blobs.garbage(undefined, 9), [], "what was moved is no orphan");
  });

  test("a file of the same name takes the place of the one before, which becomes an orphan", async (catalog) => {
    await catalog.accounts.setPublicKey(keyChange(id(1), { reservedFor: id(99) }));
    await catalog.blobs.reserve(blobId("files/1/1"));
    assert.deepEqual(await catalog.files.commit(file(id(1))), { version: 1, garbage: [] });
    assert.deepEqual(await catalog.blobs.garbage(undefined, 9), []);
    assert.deepEqual(await catalog.files.find(id(1), "a.txt"), file(id(1)));
    const next = file(id(1), { path: blobId("files/1/2"), version: 2, size: 5, storedAt: 4000 });
    assert.deepEqual(await catalog.files.commit(next), {
      version: 2,
      garbage: [blobId("files/1/1")],
    });
    assert.deepEqual(await catalog.files.listAll(id(1)), [next]);
    assert.deepEqual(await catalog.blobs.garbage(undefined, 9), [blobId("files/1/1")]);
    await catalog.blobs.collected([blobId("files/1/1")]);
    assert.deepEqual(await catalog.blobs.garbage(undefined, 9), []);
    assert.equal((await catalog.accounts.find({ id: id(1) }))?.lastSeen, 4000);
  });

  test("a file of nobody is refused and changes nothing", async (catalog) => {
    await catalog.blobs.reserve(blobId("files/1/1"));
    await assert.rejects(catalog.files.commit(file(id(1))));
    assert.deepEqual(await catalog.blobs.garbage(undefined, 9), [blobId("files/1/1")]);
  });

  test("an account of protocol 4 is out of protocol 3's reach, whatever that claims and waits for", async (catalog) => {
    const mine = pseudoRandomBytes(32);
    assert.equal(
      outcome(await catalog.accounts.registerV4(keyOf(id(1), { key: mine }))),
      "registered",
    );
    const account = await catalog.accounts.find({ id: id(1) });
    assert.deepEqual(account?.keys, [{ key: mine, addedAt: 1000 }]);
    assert.equal(await catalog.accounts.find({ id: id(2) }), undefined);
    const late = { expiredBefore: 1e12, claimedIds: [id(1)], now: 1e12 };
    assert.equal(await catalog.accounts.registerV3(registration(id(2), late)), false);
    assert.equal(await catalog.accounts.setPublicKey(keyChange(id(1))), "unknown");
    assert.equal(
      await catalog.accounts.setPublicKey(keyChange(id(2), { reservedFor: id(1) })),
      "unknown",
    );
    await catalog.accounts.expireRegistrations(1e12);
    await catalog.accounts.setProfile(id(1), storedProfile);
    assert.deepEqual(
      await catalog.accounts.find({ id: id(1) }),
      account,
      "it is still there, as it was",
    );
  });

  test("protocol 4 takes no name that an account of protocol 3 has, but an expired one without a key", async (catalog) => {
    await catalog.accounts.registerV3(registration(id(1)));
    const register = async (changes: Partial<RegisterKey>) =>
      outcome(await catalog.accounts.registerV4(keyOf(id(2), changes)));
    assert.equal(await register({ expiredBefore: 1000 }), "name-taken");
    assert.equal(await register({ expiredBefore: 1001 }), "registered");
    await catalog.accounts.registerV3(registration(id(5), { name: "Bob" }));
    await catalog.accounts.setPublicKey(keyChange(id(5), { name: "Bob" }));
    assert.equal(await register({ id: id(7), name: "Bob", expiredBefore: 1e12 }), "name-taken");
  });

  test("files with trees: no name is another's folder; prefix, chunks, rename, removal", async (catalog) => {
    await catalog.accounts.registerV4(keyOf(id(1)));
    const tree = { mtime: 5, digest: pseudoRandomBytes(32, 3) };
    const chunks = pseudoRandomBytes(64, 4);
    const store = (name: string) =>
      catalog.files.commit(file(id(1), { name, path: blobId(`files/1/${name}`), tree }), {
        chunks,
      });
    for (const name of ["a/b", "a/c", "ab", "z%"]) await store(name);
    await assert.rejects(store("a"), { message: /folder of another file/ });
    await assert.rejects(store("ab/c"), { message: /folder of another file/ });
    const names = async (prefix: string, after = "", count = 10) =>
      (await catalog.files.list(id(1), { prefix, after, limit: count })).map(({ name }) => name);
    assert.deepEqual(await names(""), ["a/b", "a/c", "ab", "z%"]);
    assert.deepEqual(await names("a/"), ["a/b", "a/c"]);
    assert.deepEqual(await names("a", "a/b", 1), ["a/c"]);
    assert.deepEqual(await names("z_"), [], "no pattern");
    const found = await catalog.files.find(id(1), "ab");
    assert.deepEqual(found?.tree, tree);
    assert.deepEqual(await catalog.files.chunkDigests(found?.path ?? ""), chunks);
    assert.equal(await catalog.files.rename(id(1), "ab", "z%"), "taken");
    assert.equal(await catalog.files.rename(id(1), "none", "new"), "missing");
    await assert.rejects(catalog.files.rename(id(1), "ab", "a"), { message: /folder of another/ });
    assert.equal(await catalog.files.rename(id(1), "ab", "ab/c"), "renamed");
    assert.deepEqual(await catalog.files.remove(id(1), "ab/c"), [blobId("files/1/ab")]);
    assert.deepEqual(await catalog.files.remove(id(1), "ab/c"), undefined);
    assert.deepEqual(await catalog.blobs.garbage(undefined, 9), [blobId("files/1/ab")]);
  });

  test("old versions: as many as are to be kept, with their bytes in the quota; they go with the name", async (catalog) => {
    await catalog.accounts.setPublicKey(keyChange(id(1), { reservedFor: id(99) }));
    const store = async (seed: number, keep: number, quota = { bytes: 100, files: 1 }) => {
      const next = file(id(1), { path: blobId(`files/1/${seed}`), size: 10, crc: seed });
      return (await catalog.files.commit(next, { keep, quota })).garbage;
    };
    for (const seed of [1, 2, 3]) assert.deepEqual(await store(seed, 2), []);
    assert.deepEqual(await store(4, 2), [blobId("files/1/1")]);
    const versions = async (name: string) =>
      (await catalog.files.versions(id(1), name, { limit: 9 })).map(({ version, current, crc }) => [
        ...[version, current, crc],
      ]);
    assert.deepEqual(await versions("a.txt"), [[4, true, 4], [3, false, 3], [2, false, 2]]);
    assert.equal((await catalog.files.find(id(1), "a.txt", { version: 3 }))?.crc, 3);
    assert.equal((await catalog.files.find(id(1), "a.txt"))?.crc, 4);
    assert.equal(await catalog.files.find(id(1), "a.txt", { version: 1 }), undefined);
    assert.deepEqual(await catalog.files.usage(id(1)), {
      ...{ files: 1, bytes: 30, replaced: { files: 0, bytes: 0 } },
    });
    await assert.rejects(store(5, 2, { bytes: 29, files: 1 }), { message: /more bytes/ });
    assert.deepEqual(await versions("a.txt"), [[4, true, 4], [3, false, 3], [2, false, 2]]);
    assert.equal(await catalog.files.rename(id(1), "a.txt", "b.txt"), "renamed");
    assert.equal((await versions("b.txt")).length, 3);
    assert.deepEqual((await catalog.files.list(id(1), { limit: 9 })).map(({ crc }) => crc), [4]);
    const last = file(id(1), { name: "b.txt", path: blobId("files/1/6") });
    assert.deepEqual(await catalog.files.commit(last), {
      ...{ version: 5, garbage: [blobId("files/1/4"), blobId("files/1/3"), blobId("files/1/2")] },
    });
    assert.deepEqual(await versions("b.txt"), [[5, true, 2 ** 32 - 1]]);
    assert.deepEqual(await catalog.files.remove(id(1), "b.txt"), [blobId("files/1/6")]);
  });

  test("everything is there after it was closed and opened", async (catalog, folder) => {
    await catalog.accounts.registerV3(registration(id(1)));
    await catalog.accounts.setPublicKey(keyChange(id(1)));
    await catalog.files.commit(file(id(1)));
    await catalog.accounts.touch(id(1), 9000);
    const learnt = { edition: "2024", quirks: ["frames", "from-a-later-version"] };
    await catalog.accounts.setProfile(id(1), learnt);
    const before = await catalog.accounts.list();
    await using again = await open(folder);
    assert.deepEqual(await again.accounts.list(), before);
    assert.equal(before[0]?.lastSeen, 9000);
    assert.deepEqual(before[0]?.storedProfile, learnt);
    assert.deepEqual(await again.files.listAll(id(1)), [file(id(1))]);
  });
}

Deno.test("SqliteCatalog: a database of a later version is refused and left as it is", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("catalog.db");
  await using _catalog = SqliteCatalog.open(path);
  using database = openDatabase(path);
  database.exec("PRAGMA user_version = 999");
  assert.throws(() => SqliteCatalog.open(path), { code: "catalog-too-new" });
  assert.deepEqual({ ...database.prepare("PRAGMA user_version").get() }, { user_version: 999 });
});

Deno.test("SqliteCatalog: write-ahead log, so that it can be read while it is written", async () => {
  await using folder = await TemporaryFolder.create();
  await using _catalog = SqliteCatalog.open(folder.join("catalog.db"));
  using database = openDatabase(folder.join("catalog.db"));
  assert.deepEqual({ ...database.prepare("PRAGMA journal_mode").get() }, { journal_mode: "wal" });
});

Deno.test("SqliteCatalog: every commit is synced to the disk", async () => {
  await using folder = await TemporaryFolder.create();
  const exec = DatabaseSync.prototype.exec;
  let opened: DatabaseSync | undefined;
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string) {
    opened = this;
    return exec.call(this, sql);
  };
  try {
    await using _catalog = SqliteCatalog.open(folder.join("catalog.db"));
    const FULL = 2;
    const row = opened?.prepare("PRAGMA synchronous").get();
    assert.deepEqual({ ...row }, { synchronous: FULL });
  } finally {
    DatabaseSync.prototype.exec = exec;
  }
});

Deno.test("SqliteCatalog: opened to read it changes nothing, not even an older schema", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("catalog.db");
  {
    await using catalog = SqliteCatalog.open(path);
    await catalog.accounts.registerV3(registration(id(1)));
  }
  {
    await using reader = SqliteCatalog.openToRead(path);
    assert.equal((await reader.accounts.list()).length, 1);
    await assert.rejects(reader.accounts.touch(id(1), 1), /readonly/);
  }
  using database = openDatabase(path);
  database.exec("PRAGMA user_version = 1");
  assert.throws(() => SqliteCatalog.openToRead(path), { code: "catalog-too-old" });
  assert.deepEqual({ ...database.prepare("PRAGMA user_version").get() }, { user_version: 1 });
});
