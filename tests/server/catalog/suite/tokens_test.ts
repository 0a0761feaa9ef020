/** Invitations and links to accounts. */
import assert from "node:assert/strict";
import { MAX_LINKS } from "../../../../server/catalog/bounds.ts";
import {
  alice,
  bob,
  catalogTest,
  enrolV3,
  key,
  login,
  token,
} from "../../../support/store/catalog_suite.ts";

catalogTest("open invitations are listed, oldest first", async ({ tokens }) => {
  const [first, second] = [token(1), token(2, { label: "lab 3", usesLeft: 3 })];
  for (const one of [second, first, token(3, { expiresAt: 1500 })]) {
    assert.equal(await tokens.add(one), true);
  }
  assert.deepEqual(await tokens.invitations(1500), [first, second]);
  await tokens.remove(first.hash);
  await tokens.remove(key(77));
  assert.deepEqual(await tokens.invitations(1500), [second]);
  assert.deepEqual(await tokens.invitations(2000), []);
});

catalogTest(
  "an invitation keeps its label, its past uses and the uses left",
  async (catalog) => {
    const labeled = token(1, { label: "lab 3", usesLeft: 3 });
    await catalog.tokens.add(labeled);
    assert.equal(await login(catalog, { token: labeled.hash }), "registered");
    assert.deepEqual(await catalog.tokens.invitations(1500), [{
      ...labeled,
      usesLeft: 2,
      used: 1,
    }]);
  },
);

catalogTest("the oldest link of an account makes room; links of others stay", async (catalog) => {
  await login(catalog);
  await enrolV3(catalog, bob, "Bob");
  await catalog.tokens.add(token(99, { accountId: bob, madeAt: 1 }));
  for (let i = 0; i <= MAX_LINKS; i++) {
    assert.equal(await catalog.tokens.add(token(i, { accountId: alice })), true);
  }
  const by = (number: number, name = "Alice") =>
    login(catalog, { name, key: key(100 + number), token: token(number).hash });
  assert.equal(await by(0), "token-unknown", "the oldest has made room");
  assert.equal(await by(1), "linked");
  assert.equal(await by(99, "Bob"), "linked");
  assert.deepEqual(await catalog.tokens.invitations(0), [], "a link is not an invitation");
});

catalogTest(
  "a link is added only while the key of the requesting session is valid",
  async (catalog) => {
    await login(catalog);
    const link = token(1, { accountId: alice });
    assert.equal(await catalog.tokens.add(link, key(2)), false);
    await catalog.accounts.update(alice, { disabled: true });
    assert.equal(await catalog.tokens.add(link, key(1)), false);
    await catalog.accounts.update(alice, { disabled: false });
    assert.equal(await catalog.tokens.add(link, key(1)), true);
  },
);

catalogTest("a token is remembered for 30 days after its expiry", async (catalog) => {
  const days = 24 * 60 * 60_000;
  await catalog.tokens.add(token(1));
  const by = () => login(catalog, { token: token(1).hash, now: 3000 });
  await catalog.tokens.add(token(2, { madeAt: 2000 + 30 * days }));
  assert.equal(await by(), "token-expired");
  await catalog.tokens.add(token(3, { madeAt: 2001 + 30 * days }));
  assert.equal(await by(), "token-unknown");
});
