/** Accounts of protocol 3: registrations, keys, profiles. */
import assert from "node:assert/strict";
import type { RegisterV3 } from "../../../../server/catalog/accounts.ts";
import {
  alice,
  bob,
  catalogTest,
  enrolV3,
  id,
  keyChange,
  login,
  PROFILE,
  registration,
  rsa,
} from "../../../support/store/catalog_suite.ts";

catalogTest("names differ by case", async ({ accounts }) => {
  assert.ok(await accounts.registerV3(registration()));
  assert.ok(await accounts.registerV3(registration({ id: bob, name: "alice" })));
  assert.deepEqual((await accounts.find({ name: "alice" }))?.id, bob);
});

catalogTest("a registration is found by its id and its name", async ({ accounts }) => {
  await accounts.registerV3(registration());
  const account = {
    ...{ id: alice, name: "Alice", publicKey: undefined, firstSeen: 1000, lastSeen: 1000 },
    ...{ storedProfile: PROFILE, disabled: false, quota: {}, access: "full", keys: [] },
  };
  assert.deepEqual(await accounts.find({ id: alice }), account);
  assert.deepEqual(await accounts.find({ name: "Alice" }), account);
  assert.equal(await accounts.find({ id: bob }), undefined);
  assert.equal(await accounts.find({ name: "Bob" }), undefined);
});

catalogTest(
  "a registration without a key makes room when it has expired or is claimed",
  async ({ accounts }) => {
    assert.ok(await accounts.registerV3(registration()));
    const again = (number: number, changes: Partial<RegisterV3>) =>
      accounts.registerV3(registration({ id: id(number), ...changes }));
    assert.equal(await again(2, { expiredBefore: 1000 }), false);
    assert.equal(await again(2, { expiredBefore: 1001, now: 5000 }), true);
    assert.equal(await again(3, { claimedIds: [id(9)] }), false);
    assert.equal(await again(3, { claimedIds: [id(9), id(2)] }), true);
    assert.equal((await accounts.list()).length, 1);
    assert.deepEqual((await accounts.find({ name: "Alice" }))?.id, id(3));
    assert.equal(await accounts.find({ id: alice }), undefined);
  },
);

catalogTest("registrations without a key expire", async ({ accounts }) => {
  await accounts.registerV3(registration());
  await accounts.expireRegistrations(1000);
  assert.equal((await accounts.list()).length, 1);
  await accounts.expireRegistrations(1001);
  assert.deepEqual(await accounts.list(), []);
});

catalogTest("a registration with a key never makes room", async (catalog) => {
  await enrolV3(catalog);
  const { accounts } = catalog;
  const changes = { id: bob, expiredBefore: Infinity, claimedIds: [alice] };
  assert.equal(await accounts.registerV3(registration(changes)), false);
  await accounts.expireRegistrations(Infinity);
  assert.equal((await accounts.list()).length, 1);
});

catalogTest("a public key is set and replaced by its owner only", async ({ accounts }) => {
  await accounts.registerV3(registration());
  const set = (changes = {}) => accounts.setPublicKey(keyChange(changes));
  assert.equal(await set({ id: bob }), "unknown");
  assert.equal(await set({ name: "Bob" }), "unknown");
  assert.equal(await set({ expiredBefore: 1001 }), "unknown");
  assert.equal((await accounts.find({ id: alice }))?.publicKey, undefined);
  assert.equal(await set(), "set");
  assert.equal(await set({ expiredBefore: 1001 }), "set", "one with a key does not expire");
  assert.equal(await set({ publicKey: rsa(2), now: 5000 }), "replaced");
  const account = await accounts.find({ id: alice });
  assert.deepEqual([account?.publicKey, account?.lastSeen], [rsa(2), 5000]);
});

catalogTest(
  "a reserved id can take a free name or its own, and no other",
  async ({ accounts }) => {
    const reserved = (number: number, reservedFor: number, name = "Alice") =>
      accounts.setPublicKey(keyChange({ id: id(number), name, reservedFor: id(reservedFor) }));
    assert.equal(await reserved(1, 9), "set");
    assert.equal(await reserved(2, 9), "unknown", "it has a key");
    await accounts.registerV3(registration({ id: id(3), name: "Bob" }));
    assert.equal(await reserved(4, 9, "Bob"), "unknown", "another client is registering it");
    assert.equal(await reserved(4, 3, "Bob"), "set");
    assert.deepEqual((await accounts.find({ name: "Bob" }))?.id, id(4));
    assert.equal(await accounts.find({ id: id(3) }), undefined);
  },
);

catalogTest("a profile is kept as names, also those of later versions", async (catalog) => {
  await enrolV3(catalog);
  const learned = { edition: "2024", quirks: ["frames", "from-a-later-version"] };
  await catalog.accounts.setProfile(alice, learned);
  await catalog.accounts.setProfile(bob, learned);
  await catalog.accounts.touch(alice, 9000);
  await catalog.accounts.touch(bob, 9000);
  const account = await catalog.accounts.find({ id: alice });
  assert.deepEqual([account?.storedProfile, account?.lastSeen], [learned, 9000]);
  assert.equal((await catalog.accounts.list()).length, 1, "nobody else is there");
});

catalogTest(
  "calls of protocol 3 never change an account of protocol 4",
  async (catalog) => {
    const { accounts } = catalog;
    assert.equal(await login(catalog), "registered");
    const account = await accounts.find({ id: alice });
    const late = { id: bob, expiredBefore: 1e12, claimedIds: [alice], now: 1e12 };
    assert.equal(await accounts.registerV3(registration(late)), false);
    assert.equal(await accounts.setPublicKey(keyChange()), "unknown");
    assert.equal(
      await accounts.setPublicKey(keyChange({ id: bob, reservedFor: alice })),
      "unknown",
    );
    await accounts.expireRegistrations(1e12);
    await accounts.setProfile(alice, PROFILE);
    assert.deepEqual(await accounts.find({ id: alice }), account, "it is unchanged");
  },
);
