/** Protocol 4: ways to create an account or to join one: registration, invitation, link token. */
import assert from "node:assert/strict";
import { invite } from "../../../server/operator/invitations.ts";
import { linkUser, listUserKeys, listUsers } from "../../../server/operator/users.ts";
import { AccountFolder } from "../../../client/identity/v4_account.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { ServerLog } from "../../support/server_log.ts";
import { kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { Clock, HOUR, machine, once } from "../../support/v4/machines.ts";
import { Fixture, put, startServer } from "../../support/v4/fixture.ts";

for (const registration of ["invite", "closed"] as const) {
  Deno.test(`registration ${registration}: nobody registers without an invitation, over either protocol; known clients continue`, async () => {
    await using fixture = await Fixture.create();
    (await fixture.client("Alice"))[Symbol.dispose]();
    using bob = await RawClient.connect(fixture.server.address);
    await bob.enrol("Bob");
    using pending = await RawClient.connect(fixture.server.address);
    assert.equal(kindOf(await pending.register("Pending")), "registered");
    await fixture.restart({ registration });
    await using log = await ServerLog.take();

    assert.equal(await machine(fixture, "Carol", "Carol"), "registration-closed");
    const why = {
      invite: "registration requires an invitation",
      closed: "registration is closed",
    };
    assert.deepEqual(log.refusals, [`client.refused: ${why[registration]}`]);
    (await fixture.client("Alice"))[Symbol.dispose]();
    using late = await RawClient.connect(fixture.server.address);
    assert.equal(kindOf(await late.register("Carol")), "refused");
    assert.equal(kindOf(await late.reconnect("Carol")), "denied");
    assert.equal(
      kindOf(await late.sendKey("Carol")),
      "generalError",
      "the id that the client got is not registered",
    );
    late.clientId = pending.clientId;
    assert.equal(kindOf(await late.sendKey("Pending")), "generalError", "it has expired");
    late.clientId = bob.clientId;
    assert.equal(kindOf(await late.reconnect("Bob")), "reconnected");
    assert.equal(kindOf(await late.sendKey("Bob")), "keyReceived");
    const names = (await listUsers(fixture.data)).map(({ name }) => name);
    assert.deepEqual(names, ["Alice", "Bob", "Pending"]);
  });
}

Deno.test("invitation: it is valid for its number of uses, for a free name, and not with registration closed", async () => {
  await using fixture = await Fixture.create({}, { registration: "invite" });
  await using log = await ServerLog.take();
  const { token } = await invite(fixture.data, { ...once, uses: 2 });
  assert.ok((await machine(fixture, "Alice", "Alice", token)) instanceof Uint8Array);
  assert.equal(
    await machine(fixture, "other", "Alice", token),
    "name-taken",
    "a refused name does not use it up",
  );
  assert.ok((await machine(fixture, "Bob", "Bob", token)) instanceof Uint8Array);
  assert.equal(await machine(fixture, "Carol", "Carol", token), "bad-token");
  assert.deepEqual(log.refusals, [
    "client.refused: the user name is taken",
    "client.refused: the token is used up",
  ]);
  assert.deepEqual(log.entries, ["client.registered Alice", "client.registered Bob"]);
  const other = await invite(fixture.data, once);
  await fixture.restart({ registration: "closed" });
  assert.equal(await machine(fixture, "Carol", "Carol", other.token), "registration-closed");
  await fixture.restart({ registration: "open" });
  assert.ok((await machine(fixture, "Carol", "Carol", other.token)) instanceof Uint8Array);
});

Deno.test("invitation: one of many simultaneous clients gets the last use", async () => {
  await using fixture = await Fixture.create({}, { registration: "invite" });
  const { token } = await invite(fixture.data, once);
  await using log = await ServerLog.take();
  const names = Array.from({ length: 8 }, (_, i) => `User${i}`);
  const came = await Promise.all(names.map((name) => machine(fixture, name, name, token)));
  assert.equal(came.filter((one) => one instanceof Uint8Array).length, 1);
  assert.deepEqual(new Set(came.filter((one) => typeof one === "string")), new Set(["bad-token"]));
  assert.deepEqual(log.refusals, Array(7).fill("client.refused: the token is used up"));
  assert.equal(log.entries.length, 1);
  assert.equal((await listUsers(fixture.data)).length, 1);
});

Deno.test("token: if expired, unknown, cut off or of another server, it is refused with the reason", async () => {
  const clock = new Clock();
  await using fixture = await Fixture.create({}, {
    registration: "invite",
    clock: clock.now,
    ticks: clock.now,
  });
  await using other = await Fixture.create({}, { registration: "invite" });
  const { token } = await invite(fixture.data, once);
  const { token: foreign } = await invite(other.data, once);
  await using log = await ServerLog.take();
  clock.forward(HOUR);
  const cases: readonly [string, RegExp][] = [
    [token, /has expired/],
    ["a".repeat(26), /unknown/],
    [token.slice(0, 25), /unknown/],
    [foreign, /unknown/],
  ];
  for (const [i, [bad, why]] of cases.entries()) {
    const failure = { name: "RefusedError", code: "bad-token", message: why };
    await assert.rejects(fixture.client(`User${i}`, { token: bad }), failure);
  }
  const [expired, unknown] = [
    "client.refused: the token has expired",
    "client.refused: the token is unknown or was revoked",
  ];
  assert.deepEqual(log.refusals, [expired, unknown, unknown, unknown]);
  assert.deepEqual(await listUsers(fixture.data), []);
});

Deno.test("token: guesses count as registrations", async () => {
  await using fixture = await Fixture.create({ maxRegistrationsPerHour: 2 }, {
    registration: "invite",
  });
  await using log = await ServerLog.take();
  for (const name of ["A", "B"]) {
    assert.equal(await machine(fixture, name, name, "a".repeat(26)), "bad-token");
  }
  const { token } = await invite(fixture.data, once);
  assert.equal(await machine(fixture, "C", "C", token), "over-limit");
  const [limit] = await log.awaits("limit.reached");
  assert.equal(limit?.["name"], "maxRegistrationsPerHour");
  assert.equal(log.of("client.refused").length, 2);
});

Deno.test("link: a client links a machine once, under its own name, to the same account, whatever the registration", async () => {
  await using fixture = await Fixture.create();
  using alice = await fixture.client("Alice");
  await put(alice, [{ file: await fixture.source("a", pseudoRandomBytes(10)) }]);
  const { clientId } = await new AccountFolder(fixture.folder.join("Alice")).loadAccount() ?? {};
  const { token, expiresAt } = await alice.link();
  assert.ok(Math.abs(expiresAt - Date.now() - HOUR) < 60_000);
  await fixture.restart({ registration: "closed" });
  await using log = await ServerLog.take();
  assert.equal(await machine(fixture, "laptop", "Bob", token), "bad-token");
  assert.deepEqual(await machine(fixture, "laptop", "Alice", token), clientId);
  assert.equal(await machine(fixture, "third", "Alice", token), "bad-token");
  assert.deepEqual(log.of("client.refused").map(({ name, reason }) => `${name}: ${reason}`), [
    "Bob: the token links to an account with another name",
    "Alice: the token is used up",
  ]);
  assert.deepEqual(log.entries, ["client.linked Alice"]);
  using laptop = await fixture.client("laptop", { userName: "Alice" });
  assert.equal((await laptop.stat("a")).size, 10);
  assert.equal((await listUserKeys(fixture.data, "Alice")).length, 2);
  assert.deepEqual((await listUsers(fixture.data)).map(({ name }) => name), ["Alice"]);
});

Deno.test("registration: one whose answer was lost is repeated, for the same account", async () => {
  await using fixture = await Fixture.create({}, { registration: "invite" });
  const { token } = await invite(fixture.data, once);
  const id = await machine(fixture, "Alice", "Alice", token);
  await Deno.remove(fixture.folder.join("Alice", "me.account"));
  assert.deepEqual(await machine(fixture, "Alice", "Alice", token), id);
  await Deno.remove(fixture.folder.join("Alice", "me.account"));
  assert.deepEqual(await machine(fixture, "Alice", "Alice"), id);
});

Deno.test("registration: a name that both protocols register at once becomes one account", async () => {
  await using fixture = await Fixture.create();
  for (let round = 0; round < 8; round++) {
    const name = `Name${round}`;
    using peer = await RawClient.connect(fixture.server.address);
    const [theirs, ours] = await Promise.all([peer.register(name), machine(fixture, name, name)]);
    const outcomes = [kindOf(theirs), ours instanceof Uint8Array ? "registered" : ours];
    assert.ok(
      ["registered,name-taken", "refused,registered"].includes(outcomes.join()),
      outcomes.join(),
    );
  }
  assert.equal((await listUsers(fixture.data)).length, 8);
});

Deno.test("link: the operator's link token moves an account of protocol 3 to protocol 4 for good", async () => {
  await using fixture = await Fixture.create();
  using peer = await RawClient.connect(fixture.server.address);
  await peer.enrol("Alice");
  await fixture.restart({ registration: "closed" });
  using open = await RawClient.connect(fixture.server.address);
  open.clientId = peer.clientId;
  assert.equal(kindOf(await open.reconnect("Alice")), "reconnected");
  const { token } = await linkUser(fixture.data, "Alice");
  assert.deepEqual(await machine(fixture, "new", "Alice", token), peer.clientId);
  assert.equal(kindOf(await open.sendFile("a", pseudoRandomBytes(10))), "generalError");
  assert.equal(kindOf(await open.reconnect("Alice")), "denied");
  const [account] = await listUsers(fixture.data);
  assert.deepEqual([account?.protocol, account?.keys, account?.publicKey], [4, 1, undefined]);
});

Deno.test("token: a server restarted on the same data accepts earlier tokens", async () => {
  await using fixture = await Fixture.create({}, { registration: "invite" });
  const { token } = await invite(fixture.data, once);
  await fixture.server.close();
  fixture.server = await startServer(fixture.data, {}, { registration: "invite" });
  assert.ok((await machine(fixture, "Alice", "Alice", token)) instanceof Uint8Array);
});

Deno.test("registration: two clients that start at once in a new folder share one account", async () => {
  await using fixture = await Fixture.create();
  const clients = await Promise.all([fixture.client("Alice"), fixture.client("Alice")]);
  for (const client of clients) client[Symbol.dispose]();
  (await fixture.client("Alice"))[Symbol.dispose]();
  assert.equal((await listUserKeys(fixture.data, "Alice")).length, 1);
});
