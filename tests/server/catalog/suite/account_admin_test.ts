/** The operator's calls for accounts: list, change, disable, remove. */
import assert from "node:assert/strict";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import {
  alice,
  blob,
  bob,
  catalogTest,
  enrolV3,
  garbageOf,
  inlineFile,
  KEEP,
  key,
  keyChange,
  login,
  NO_QUOTA,
  NOTHING,
  partial,
  PROFILE,
  token,
  upload,
  v3File,
  v4File,
  withBytes,
} from "../../../support/store/catalog_suite.ts";

catalogTest("accounts are listed by name, with their keys, files and quotas", async (catalog) => {
  await login(catalog, { name: "Carol" });
  await enrolV3(catalog, bob, "Bob");
  for (const number of [1, 2]) {
    await catalog.files.commit(v3File(number, { accountId: bob }), KEEP);
  }
  const seen = { disabled: false, quota: {}, access: "full" as const };
  assert.deepEqual(await catalog.accounts.list(), [{
    ...{ id: bob, name: "Bob", publicKey: keyChange().publicKey, firstSeen: 1000, ...seen },
    ...{ lastSeen: 3000, storedProfile: PROFILE, protocol: 3, keys: 0 },
    ...{ usage: { bytes: 10, files: 1 }, history: { bytes: 10, files: 1 } },
  }, {
    ...{ id: alice, name: "Carol", publicKey: undefined, firstSeen: 1000, lastSeen: 1000 },
    ...{ ...seen, storedProfile: { edition: "4", quirks: [] }, protocol: 4, keys: 1 },
    ...{ usage: NOTHING, history: NOTHING },
  }]);
});

catalogTest(
  "a renamed account stays the same; names are unique",
  async (catalog) => {
    await login(catalog);
    await enrolV3(catalog, bob, "Bob");
    const { accounts } = catalog;
    assert.equal(await accounts.update(bob, { name: "Alice", disabled: true }), "name-taken");
    assert.equal(
      (await accounts.find({ id: bob }))?.disabled,
      false,
      "a failing change changes nothing",
    );
    assert.equal(await accounts.update(bob, { name: "Bob" }), "updated");
    assert.equal(await accounts.update(bob, { name: "Aaron" }), "updated");
    assert.deepEqual((await accounts.find({ name: "Aaron" }))?.id, bob);
    assert.equal(await accounts.find({ name: "Bob" }), undefined);
    assert.equal(await accounts.update(key(9), { name: "Nobody" }), "missing");
  },
);

catalogTest("values missing in a change stay", async (catalog) => {
  await login(catalog);
  const { accounts } = catalog;
  await accounts.update(alice, { quota: { bytes: 5, files: Infinity } });
  await accounts.update(alice, { disabled: true });
  await accounts.update(alice, {});
  const account = await accounts.find({ id: alice });
  assert.deepEqual([account?.quota, account?.disabled], [{ bytes: 5, files: Infinity }, true]);
  await accounts.update(alice, { quota: { bytes: 6 } });
  await accounts.update(alice, { quota: { files: "default" } });
  assert.deepEqual((await accounts.find({ id: alice }))?.quota, { bytes: 6 });
  await accounts.update(alice, { quota: { bytes: "default" } });
  assert.deepEqual((await accounts.find({ id: alice }))?.quota, {});
});

catalogTest(
  "a disabled account stores nothing, takes no key and loses its links",
  async (catalog) => {
    await login(catalog);
    await enrolV3(catalog, bob, "Bob");
    await catalog.tokens.add(token(1, { accountId: alice }));
    for (const one of [alice, bob]) await catalog.accounts.update(one, { disabled: true });
    const refusal = new CatalogRefusal("account-disabled");
    await assert.rejects(catalog.files.commit(v4File(1)), refusal);
    await assert.rejects(catalog.files.commit(v3File(2, { accountId: bob })), refusal);
    assert.equal(await login(catalog), "disabled");
    const change = keyChange({ id: bob, name: "Bob" });
    assert.equal(await catalog.accounts.setPublicKey(change), "disabled");
    for (const one of [alice, bob]) await catalog.accounts.update(one, { disabled: false });
    const linked = await login(catalog, { key: key(2), token: token(1).hash });
    assert.equal(linked, "token-unknown");
  },
);

catalogTest("a link of a disabled account cannot be used", async (catalog) => {
  await login(catalog);
  await catalog.accounts.update(alice, { disabled: true });
  await catalog.tokens.add(token(1, { accountId: alice }));
  assert.equal(await login(catalog, { key: key(2), token: token(1).hash }), "disabled");
});

catalogTest(
  "removing an account removes all of its rows, and its blobs become garbage",
  async (catalog) => {
    await login(catalog);
    await login(catalog, { id: bob, name: "Bob", key: key(2) });
    for (const number of [1, 2]) await catalog.files.commit(v4File(number), KEEP);
    await catalog.files.commit(withBytes(inlineFile(3, { name: "c" }), key(3)));
    await catalog.files.commit(v4File(4, { accountId: bob }));
    await catalog.uploads.save(partial(5), { max: 9, quota: NO_QUOTA });
    await catalog.tokens.add(token(1, { accountId: alice }));
    const gone = [blob(1), blob(2), upload(5)];
    assert.deepEqual((await catalog.accounts.remove(alice)).toSorted(), gone);
    assert.deepEqual(await garbageOf(catalog), gone);
    assert.equal(await catalog.accounts.find({ id: alice }), undefined);
    assert.deepEqual(await catalog.files.usage(alice), {
      ...NOTHING,
      history: NOTHING,
      replaced: NOTHING,
    });
    assert.equal(await catalog.uploads.find(alice, "file5"), undefined);
    assert.equal((await catalog.files.scan(undefined, 9)).length, 1, "Bob's are left");
    assert.deepEqual(await catalog.accounts.remove(alice), []);
    assert.equal(await login(catalog, { token: token(1).hash }), "token-unknown");
    assert.equal(await login(catalog), "registered", "the name is free");
  },
);
