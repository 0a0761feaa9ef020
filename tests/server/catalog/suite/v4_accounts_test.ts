/** Accounts of protocol 4: keys, links to accounts, takeovers. */
import assert from "node:assert/strict";
import type { RegisterV4 } from "../../../../server/catalog/accounts.ts";
import { MAX_KEYS } from "../../../../server/catalog/bounds.ts";
import { CatalogRefusal } from "../../../../server/catalog/refusal.ts";
import {
  alice,
  bob,
  catalogTest,
  enrolV3,
  id,
  key,
  keyChange,
  login,
  PROFILE,
  registration,
  rsa,
  takeOver,
  token,
  v3File,
  v4File,
} from "../../../support/store/catalog_suite.ts";

catalogTest("a key registers a name once, and finds it afterwards", async (catalog) => {
  assert.equal(await login(catalog, { registration: "closed" }), "closed");
  assert.equal(await login(catalog, { registration: "invite" }), "invitation-needed");
  assert.equal(await login(catalog), "registered");
  assert.equal(await login(catalog, { id: bob, registration: "closed" }), "known");
  assert.equal(await login(catalog, { id: bob, key: key(2) }), "name-taken");
  const account = await catalog.accounts.find({ name: "Alice" });
  assert.deepEqual(account?.keys, [{ key: key(1), addedAt: 1000 }]);
  assert.deepEqual([account?.id, account?.storedProfile.edition], [alice, "4"]);
});

catalogTest(
  "protocol 4 cannot take a name of protocol 3, except an expired one without a key",
  async (catalog) => {
    await catalog.accounts.registerV3(registration());
    assert.equal(await login(catalog, { id: bob, expiredBefore: 1000 }), "name-taken");
    assert.equal(await login(catalog, { id: bob, expiredBefore: 1001 }), "registered");
    await enrolV3(catalog, id(5), "Bob");
    const late = { id: id(7), name: "Bob", key: key(7), expiredBefore: 1e12 };
    assert.equal(await login(catalog, late), "name-taken");
  },
);

catalogTest("a token is used up by successful registrations only", async (catalog) => {
  await catalog.tokens.add(token(1, { usesLeft: 2 }));
  const { hash } = token(1);
  const by = (number: number, changes: Partial<RegisterV4> = {}) =>
    login(catalog, {
      ...{ id: id(number), key: key(number), name: `Name${number}`, token: hash },
      ...{ registration: "invite", ...changes },
    });
  assert.equal(await by(1, { token: undefined }), "invitation-needed");
  assert.equal(await by(1, { token: key(77) }), "token-unknown");
  assert.equal(await by(1, { now: 2000 }), "token-expired");
  assert.equal(await by(1, { registration: "closed" }), "closed");
  const results = await Promise.all([1, 2, 3, 4].map((number) => by(number)));
  assert.deepEqual(
    results.toSorted(),
    ["registered", "registered", "token-used-up", "token-used-up"],
  );
  const registered = results.indexOf("registered") + 1;
  assert.equal(await by(registered), "known", "no token is needed twice");
  assert.deepEqual(await catalog.tokens.invitations(1500), []);
});

catalogTest("a link adds one key to one account, by its name only", async (catalog) => {
  await login(catalog);
  await catalog.tokens.add(token(1, { accountId: alice }));
  const by = (number: number, name: string) =>
    login(catalog, {
      ...{ id: id(9), key: key(number), name, token: token(1).hash, registration: "closed" },
    });
  assert.equal(await by(2, "Bob"), "token-of-another");
  const results = await Promise.all([2, 3].map((number) => by(number, "Alice")));
  assert.deepEqual(results.toSorted(), ["linked", "token-used-up"]);
  const linked = results.indexOf("linked") + 2;
  assert.equal(await by(linked, "Alice"), "known", "a repeated call has the same result");
  const keys = (await catalog.accounts.find({ id: alice }))?.keys.map((known) => known.key);
  assert.deepEqual(keys, [key(1), key(linked)]);
});

catalogTest("a link moves an account of protocol 3 to protocol 4", async (catalog) => {
  await enrolV3(catalog);
  await catalog.tokens.add(token(1, { accountId: alice }));
  assert.equal(await login(catalog, { id: bob, token: token(1).hash }), "linked");
  const account = await catalog.accounts.find({ id: alice });
  assert.deepEqual([account?.publicKey, account?.storedProfile.edition], [undefined, "4"]);
});

catalogTest("the keys of an account are bounded", async (catalog) => {
  await login(catalog);
  const link = async (number: number) => {
    const one = token(number, { accountId: alice, madeAt: 1000 });
    await catalog.tokens.add(one);
    return await login(catalog, { key: key(number), token: one.hash });
  };
  for (let number = 2; number <= MAX_KEYS; number++) assert.equal(await link(number), "linked");
  assert.equal(await link(MAX_KEYS + 1), "too-many-keys");
});

catalogTest("removing a key removes the account's links", async (catalog) => {
  await login(catalog);
  await catalog.tokens.add(token(1, { accountId: alice }));
  assert.equal(await login(catalog, { key: key(2), token: token(1).hash }), "linked");
  await catalog.tokens.add(token(2, { accountId: alice }));
  assert.equal(await catalog.accounts.removeKey(alice, key(2)), true);
  assert.equal(await catalog.accounts.removeKey(alice, key(2)), false);
  assert.equal(await catalog.accounts.removeKey(bob, key(1)), false);
  const account = await catalog.accounts.find({ id: alice });
  assert.deepEqual(account?.keys, [{ key: key(1), addedAt: 1000 }]);
  assert.equal(await login(catalog, { key: key(3), token: token(2).hash }), "token-unknown");
});

catalogTest("an account of protocol 3 is claimed with its recorded key", async (catalog) => {
  await enrolV3(catalog);
  assert.equal(await takeOver(catalog, { name: "Bob" }), "no-such-account");
  assert.equal(await takeOver(catalog, { id: bob }), "no-such-account");
  assert.equal(await takeOver(catalog, { publicKey: rsa(2) }), "no-such-account");
  await catalog.accounts.update(alice, { disabled: true });
  assert.equal(await takeOver(catalog), "disabled");
  await catalog.accounts.update(alice, { disabled: false });
  assert.deepEqual(
    [await takeOver(catalog), await takeOver(catalog), await takeOver(catalog, { key: key(2) })],
    ["claimed", "known", "claimed-already"],
  );
});

catalogTest("a claimed account belongs to protocol 4", async (catalog) => {
  await enrolV3(catalog);
  await takeOver(catalog);
  assert.equal(await catalog.accounts.setPublicKey(keyChange()), "unknown");
  await catalog.accounts.setProfile(alice, PROFILE);
  const account = await catalog.accounts.find({ id: alice });
  assert.deepEqual([account?.publicKey, account?.storedProfile.edition], [undefined, "4"]);
  await assert.rejects(catalog.files.commit(v3File(1)), new CatalogRefusal("other-protocol"));
  assert.equal((await catalog.files.commit(v4File(1))).version, 1);
});

catalogTest("a registration without a key cannot be claimed", async (catalog) => {
  await catalog.accounts.registerV3(registration());
  assert.equal(await takeOver(catalog), "no-such-account");
});

catalogTest(
  "sessions are invalid if their key or account is removed, or their account is disabled",
  async (catalog) => {
    await login(catalog);
    await login(catalog, { id: bob, name: "Bob", key: key(2) });
    const sessions = [
      { accountId: alice, key: key(1) },
      { accountId: alice, key: key(2) },
      { accountId: bob, key: key(2) },
      { accountId: id(3), key: key(1) },
    ];
    const revocations = () => catalog.accounts.revocations(sessions);
    assert.deepEqual(await revocations(), [undefined, "gone", undefined, "gone"]);
    await catalog.accounts.update(bob, { disabled: true });
    assert.deepEqual(await revocations(), [undefined, "gone", "disabled", "gone"]);
    await catalog.accounts.removeKey(alice, key(1));
    await catalog.accounts.remove(bob);
    assert.deepEqual(await revocations(), ["gone", "gone", "gone", "gone"]);
    assert.deepEqual(await catalog.accounts.revocations([]), []);
  },
);
