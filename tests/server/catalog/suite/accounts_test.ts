/** What every catalog must do about accounts; each implementation is run through the same suite. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { LoginFault, LoginResult, RegisterKey } from "../../../../server/catalog/accounts.ts";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import type { StoredFile } from "../../../../server/catalog/files.ts";
import { MAX_KEYS } from "../../../../server/catalog/bounds.ts";
import { MAX_INVITATIONS, MAX_LINKS } from "../../../../server/catalog/bounds.ts";
import { SqliteCatalog } from "../../../../server/catalog/sqlite/sqlite_catalog.ts";
import { openWorkerCatalog } from "../../../../server/catalog/sqlite/worker_catalog.ts";
import { pseudoRandomBytes } from "../../../support/bytes.ts";
import { TemporaryFolder } from "../../../support/temporary_folder.ts";
import { blobId } from "../../../support/store/ids.ts";

const IMPLEMENTATIONS: Record<string, (path: string) => Catalog | Promise<Catalog>> = {
  SqliteCatalog: (path) => SqliteCatalog.open(path),
  "catalog in threads": (path) => openWorkerCatalog(path),
};

// Neighbouring seeds may give the same bytes.
const id = (number: number) => pseudoRandomBytes(16, 2 * number);
const key = (number: number) => pseudoRandomBytes(32, 2 * number);
const rsa = pseudoRandomBytes(160);
const storedProfile = { edition: "2023c", quirks: [] };

const outcome = (entered: LoginResult | LoginFault): string =>
  typeof entered === "string" ? entered : entered.how;

const register = async (catalog: Catalog, changes: Partial<RegisterKey> = {}) =>
  outcome(
    await catalog.accounts.registerV4({
      ...{ id: id(1), name: "Alice", key: key(1), now: 1000, expiredBefore: 0 },
      ...{ registration: "open", ...changes },
    }),
  );

async function registerPlainly(catalog: Catalog, clientId: Bytes, name: string): Promise<void> {
  const now = 1000;
  await catalog.accounts.registerV3({
    ...{ id: clientId, name, now, storedProfile, expiredBefore: 0, claimedIds: [] },
  });
  const change = { id: clientId, name, publicKey: rsa, now, storedProfile, expiredBefore: 0 };
  assert.equal(await catalog.accounts.setPublicKey(change), "set");
}

/** A token by its number: good once, from 1000 to 2000, if nothing else is said. */
const token = (number: number, clientId?: Bytes, usesLeft = 1) => ({
  ...{ hash: key(1000 + number), clientId, label: undefined, usesLeft, used: 0 },
  ...{ expiresAt: 2000, madeAt: 1000 + number },
});

const file = (clientId: Bytes, changes: Partial<StoredFile> = {}): StoredFile => ({
  ...{
    clientId,
    name: "a",
    path: blobId("files/1/1"),
    size: 10,
    crc: 1,
    storedAt: 1,
    verified: true,
  },
  ...changes,
});

const tree = { mtime: 1, digest: key(5) };

for (const [implementation, open] of Object.entries(IMPLEMENTATIONS)) {
  const test = (what: string, body: (catalog: Catalog, path: string) => Promise<void>) =>
    Deno.test(`${implementation}: ${what}`, async () => {
      await using folder = await TemporaryFolder.create();
      const path = folder.join("catalog.db");
      await using catalog = await open(path);
      await body(catalog, path);
    });

  test("a token is used up by those who get in, and by nobody else", async (catalog) => {
    await catalog.tokens.add(token(1, undefined, 2));
    const { hash } = token(1);
    const by = (seed: number, name: string, changes: Partial<RegisterKey> = {}) =>
      register(catalog, {
        ...{ id: id(seed), key: key(seed), name, token: hash, registration: "invite" },
        ...changes,
      });
    assert.equal(await by(1, "Alice", { token: undefined }), "invitation-needed");
    assert.equal(await by(1, "Alice", { token: key(77) }), "token-unknown");
    assert.equal(await by(1, "Alice", { now: 2000 }), "token-expired");
    assert.equal(await by(1, "Alice", { registration: "closed" }), "closed");
    assert.deepEqual(
      await Promise.all([1, 2, 3, 4].map((seed) => by(seed, `Name${seed}`))),
      ["registered", "registered", "token-used-up", "token-used-up"],
    );
    assert.deepEqual(await catalog.tokens.invitations(1500), []);
  });

  test("an invitation keeps its label, and how many have used it and still may", async (catalog) => {
    const labelled = { ...token(1, undefined, 3), label: "lab 3" };
    await catalog.tokens.add(labelled);
    await register(catalog, {
      ...{ id: id(1), key: key(1), name: "Alice", token: labelled.hash, registration: "invite" },
    });
    assert.deepEqual(await catalog.tokens.invitations(1500), [{
      ...labelled,
      usesLeft: 2,
      used: 1,
    }]);
  });

  test("a link gives one account one key, by its name alone", async (catalog) => {
    await register(catalog);
    await catalog.tokens.add(token(1, id(1)));
    const { hash } = token(1);
    const by = (seed: number, name: string) =>
      register(catalog, { id: id(9), key: key(seed), name, token: hash, registration: "closed" });
    assert.equal(await by(2, "Bob"), "token-of-another");
    assert.deepEqual(
      await Promise.all([2, 3].map((seed) => by(seed, "Alice"))),
      ["linked", "token-used-up"],
    );
    assert.equal(await by(2, "Alice"), "known", "asked again it is the same");
    const keys = (await catalog.accounts.find({ id: id(1) }))?.keys.map(({ key }) => key);
    assert.equal(keys?.length, 2);
    assert.equal(await catalog.accounts.removeKey(id(1), key(2)), true);
    assert.equal(await catalog.accounts.removeKey(id(1), key(2)), false);
    assert.deepEqual((await catalog.accounts.find({ id: id(1) }))?.keys, [{
      key: key(1),
      addedAt: 1000,
    }]);
  });

  test("links and keys of an account, and invitations, are bounded", async (catalog, path) => {
    await register(catalog);
    const link = (number: number) => ({ ...token(number, id(1)), hash: key(5000 + number) });
    for (let i = 0; i <= MAX_LINKS; i++) await catalog.tokens.add(link(i));
    const by = (number: number, seed: number) =>
      register(catalog, { key: key(seed), token: link(number).hash });
    assert.equal(await by(0, 2), "token-unknown", "the oldest has made room");
    for (let seed = 2; seed <= MAX_KEYS; seed++) {
      await catalog.tokens.add(link(100 + seed));
      assert.equal(await by(100 + seed, seed), "linked");
    }
    await catalog.tokens.add(link(999));
    assert.equal(await by(999, 99), "too-many-keys");

    const database = new DatabaseSync(path);
    database.exec("PRAGMA busy_timeout = 5000");
    database.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9999)
      INSERT INTO tokens (hash, uses_left, expires_at, made_at)
      SELECT randomblob(32), 1, 2000, 1000 FROM n`);
    assert.equal(await catalog.tokens.add(token(1)), true);
    assert.equal((await catalog.tokens.invitations(1500)).length, MAX_INVITATIONS);
    assert.equal(await catalog.tokens.add(token(2)), false);
    const later = 2000 + 31 * 24 * 60 * 60_000;
    assert.equal(await catalog.tokens.add({ ...token(3), madeAt: later, expiresAt: 2e12 }), true);
    const [row] = database.prepare("SELECT count(*) AS count FROM tokens").all();
    database.close();
    assert.equal(row?.["count"], 1, "what has expired long ago is gone");
  });

  test("an account of protocol 3 is claimed with its key as it is, and is protocol 4's from then on", async (catalog) => {
    await registerPlainly(catalog, id(1), "Alice");
    const claim = async (changes = {}) =>
      outcome(
        await catalog.accounts.takeOver({
          ...{ id: id(1), name: "Alice", publicKey: rsa, key: key(1), now: 2000, ...changes },
        }),
      );
    assert.equal(await claim({ name: "Bob" }), "no-such-account");
    assert.equal(await claim({ id: id(2) }), "no-such-account");
    assert.equal(await claim({ publicKey: pseudoRandomBytes(160, 2) }), "no-such-account");
    await catalog.accounts.update(id(1), { disabled: true });
    assert.equal(await claim(), "disabled");
    await catalog.accounts.update(id(1), { disabled: false });
    assert.deepEqual(
      [await claim(), await claim(), await claim({ key: key(2) })],
      ["claimed", "known", "claimed-already"],
    );
    const change = {
      id: id(1),
      name: "Alice",
      publicKey: rsa,
      now: 1,
      storedProfile,
      expiredBefore: 0,
    };
    assert.equal(await catalog.accounts.setPublicKey(change), "unknown");
    await catalog.accounts.setProfile(id(1), storedProfile);
    const account = await catalog.accounts.find({ id: id(1) });
    assert.deepEqual([account?.publicKey, account?.storedProfile.edition], [undefined, "4"]);
    await assert.rejects(catalog.files.commit(file(id(1))), new CatalogRefusal("other-protocol"));
    assert.equal((await catalog.files.commit(file(id(1), { tree }))).version, 1);
  });

  test("nothing is stored for an account that is disabled, and it takes no key", async (catalog) => {
    await register(catalog);
    await registerPlainly(catalog, id(2), "Bob");
    for (const one of [id(1), id(2)]) await catalog.accounts.update(one, { disabled: true });
    await catalog.tokens.add(token(1, id(1)));
    const refusal = new CatalogRefusal("account-disabled");
    await assert.rejects(catalog.files.commit(file(id(1), { tree })), refusal);
    await assert.rejects(catalog.files.commit(file(id(2))), refusal);
    assert.equal(await register(catalog), "disabled");
    assert.equal(await register(catalog, { key: key(2), token: token(1).hash }), "disabled");
    const change = {
      id: id(2),
      name: "Bob",
      publicKey: rsa,
      now: 1,
      storedProfile,
      expiredBefore: 0,
    };
    assert.equal(await catalog.accounts.setPublicKey(change), "disabled");
  });

  test("a quota of one's own goes before that of all, each part by itself", async (catalog) => {
    await register(catalog);
    const all = { bytes: 15, files: 1 };
    const store = (name: string) =>
      catalog.files.commit(file(id(1), { name, path: blobId(`files/1/${name}`), tree }), {
        quota: all,
      });
    await store("a");
    await assert.rejects(store("b"), new CatalogRefusal("quota-bytes"));
    await catalog.accounts.update(id(1), { quota: { bytes: 25 } });
    await assert.rejects(store("b"), new CatalogRefusal("quota-files"));
    await catalog.accounts.update(id(1), { quota: { bytes: 25, files: Infinity } });
    await store("b");
    await assert.rejects(store("c"), new CatalogRefusal("quota-bytes"));
    assert.deepEqual((await catalog.accounts.find({ id: id(1) }))?.quota, {
      bytes: 25,
      files: Infinity,
    });
    await catalog.accounts.update(id(1), { quota: {} });
    await assert.rejects(store("a"), new CatalogRefusal("quota-bytes"));
  });

  test("accounts are listed with what they have; one that is renamed is the same", async (catalog) => {
    await register(catalog);
    await registerPlainly(catalog, id(2), "Bob");
    await catalog.files.commit(file(id(2)));
    assert.equal(await catalog.accounts.update(id(2), { name: "Alice" }), "name-taken");
    assert.equal(await catalog.accounts.update(id(2), { name: "Aaron" }), "updated");
    const rows = (await catalog.accounts.list()).map(({ name, protocol, keys, usage }) => [
      ...[name, protocol, keys, usage.files, usage.bytes],
    ]);
    assert.deepEqual(rows, [["Aaron", 3, 0, 1, 10], ["Alice", 4, 1, 0, 0]]);
  });
}
