/** Protocol 4: operations of the operator on accounts, and what their clients see. */
import assert from "node:assert/strict";
import { invite } from "../../../server/operator/invitations.ts";
import {
  linkUser,
  listUserKeys,
  removeUser,
  removeUserKey,
  renameUser,
  setUserDisabled,
  setUserQuota,
} from "../../../server/operator/users.ts";
import { AccountFolder } from "../../../client/identity/v4_account.ts";
import type { V4Event } from "../../../client/events.ts";
import { digestTree } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { Clock, machine, once } from "../../support/v4/machines.ts";
import { connectRaw, Fixture, loginRaw, put } from "../../support/v4/fixture.ts";
import { FILE_PUT } from "../../support/v4/message_fields.ts";

const DISABLED = { name: "RefusedError", code: "account-disabled" };

Deno.test("disable: open connections end within a second; enable: the user can sign in again", async () => {
  const clock = new Clock();
  await using fixture = await Fixture.create({}, { clock: clock.now, ticks: clock.now });
  using alice = await fixture.client("Alice");
  using bob = await fixture.client("Bob");
  const { token } = await alice.link();
  await setUserDisabled(fixture.data, "Alice", true);
  clock.forward(1000);
  await assert.rejects(alice.stat("a"), DISABLED);
  await assert.rejects(fixture.client("Alice"), DISABLED);
  assert.equal(await machine(fixture, "laptop", "Alice", token), "bad-token");
  const { token: newToken } = await linkUser(fixture.data, "Alice");
  assert.equal(await machine(fixture, "laptop", "Alice", newToken), "account-disabled");
  assert.equal(await machine(fixture, "other", "Alice"), "name-taken");
  await assert.rejects(bob.stat("a"), { code: "no-such-file" }, "other users are not affected");
  await setUserDisabled(fixture.data, "Alice", false);
  (await fixture.client("Alice"))[Symbol.dispose]();
  assert.equal(
    await machine(fixture, "laptop", "Alice", token),
    "bad-token",
    "the link token stays invalid",
  );
  assert.ok((await machine(fixture, "laptop", "Alice", newToken)) instanceof Uint8Array);
});

Deno.test("link token: it is void once a key of the account is removed or the account is disabled", async () => {
  await using fixture = await Fixture.create();
  using alice = await fixture.client("Alice");
  using bob = await fixture.client("Bob");
  const links = [(await alice.link()).token, (await linkUser(fixture.data, "Alice")).token];
  const { token: ofBob } = await bob.link();
  const { token: invitation } = await invite(fixture.data, once);
  const [key] = await listUserKeys(fixture.data, "Alice");
  assert.ok(key !== undefined);
  await removeUserKey(fixture.data, "Alice", key.fingerprint, true);
  for (const token of links) {
    assert.equal(await machine(fixture, "thief", "Alice", token), "bad-token");
  }
  assert.deepEqual(await listUserKeys(fixture.data, "Alice"), []);
  assert.ok((await machine(fixture, "of Bob", "Bob", ofBob)) instanceof Uint8Array);
  assert.ok((await machine(fixture, "Carol", "Carol", invitation)) instanceof Uint8Array);
});

for (const what of ["its key is taken away", "its account is disabled", "it is removed"] as const) {
  Deno.test(`link token: none is created in the moment before the server notices that ${what}`, async () => {
    const stopped = Date.now();
    await using fixture = await Fixture.create({}, { clock: () => stopped, ticks: () => stopped });
    using alice = await fixture.client("Alice");
    await assert.rejects(alice.stat("a"), { code: "no-such-file" });
    const [key] = await listUserKeys(fixture.data, "Alice");
    assert.ok(key !== undefined);
    if (what === "it is removed") await removeUser(fixture.data, "Alice");
    else if (what === "its account is disabled") await setUserDisabled(fixture.data, "Alice", true);
    else await removeUserKey(fixture.data, "Alice", key.fingerprint, true);
    // The clock stands still, so only the transaction can notice it.
    await assert.rejects(alice.link(), { name: "RefusedError", code: /^(not-auth|account-dis)/ });
  });
}

Deno.test("disable: a file that arrives meanwhile is not stored", async () => {
  const stopped = Date.now();
  await using fixture = await Fixture.create({}, { clock: () => stopped, ticks: () => stopped });
  (await fixture.client("Alice"))[Symbol.dispose]();
  using raw = await connectRaw(fixture.server.address);
  await loginRaw(raw, fixture.folder.join("Alice"));
  const { mux } = raw;
  const stat = { kind: "stat", tag: 1, name: "a", version: 0 } as const;
  await assert.rejects(mux.askFor(stat, "file"), { code: "no-such-file" });
  await setUserDisabled(fixture.data, "Alice", true);
  // The clock stands still, so only the transaction can notice it.
  await mux.send({ ...FILE_PUT, kind: "put", tag: 2, name: "a", size: 0, resume: 0 });
  const digest = digestTree(new Uint8Array(0));
  const end = { kind: "end", tag: 2, size: 0, cksum: 0xffffffff, digest } as const;
  await assert.rejects(mux.askFor(end, "stored"), {
    ...DISABLED,
    message: /cannot store the file/,
  });
  assert.deepEqual(fixture.blobs("files"), []);
  assert.deepEqual(fixture.blobs("staging"), []);
});

Deno.test("disable: protocol 3 gets general errors, and its files are not stored", async () => {
  const clock = new Clock();
  await using fixture = await Fixture.create({}, { clock: clock.now, ticks: clock.now });
  using open = await RawClient.connect(fixture.server.address);
  await open.enrol("Alice");
  assert.equal(kindOf(await open.sendFile("a", pseudoRandomBytes(10))), "fileReceived");
  await setUserDisabled(fixture.data, "Alice", true);
  assert.equal(kindOf(await open.judge("crcValid", "a")), "generalError");
  clock.forward(1000);
  assert.equal(kindOf(await open.sendFile("a", pseudoRandomBytes(10))), "generalError");
  assert.equal(kindOf(await open.sendKey("Alice")), "generalError");
  assert.equal(kindOf(await open.reconnect("Alice")), "generalError");
  assert.equal(kindOf(await open.register("Alice")), "refused");
  assert.deepEqual([...fixture.blobs("files"), ...fixture.blobs("staging")], []);
  await setUserDisabled(fixture.data, "Alice", false);
  clock.forward(1000);
  assert.equal(kindOf(await open.reconnect("Alice")), "reconnected");
  assert.equal(kindOf(await open.sendFile("a", pseudoRandomBytes(10))), "fileReceived");
  assert.equal(kindOf(await open.judge("crcValid", "a")), "messageReceived");
});

Deno.test("quota: an account's own quota takes precedence over the server's, over both protocols", async () => {
  const clock = new Clock();
  await using fixture = await Fixture.create({ quotaFiles: 1 }, {
    clock: clock.now,
    ticks: clock.now,
  });
  using alice = await fixture.client("Alice");
  const files = await Promise.all(
    ["a", "b", "c"].map(async (name) => ({
      file: await fixture.source(name, pseudoRandomBytes(10)),
    })),
  );
  // Any of the files may be the refused ones.
  const refused = async () =>
    (await put(alice, files)).filter((outcome) => outcome === "over-limit").length;
  assert.equal(await refused(), 2);
  const changes = [{ files: 2, bytes: 20 }, { files: Infinity }, { bytes: Infinity }];
  for (const [i, left] of [1, 1, 0].entries()) {
    await setUserQuota(fixture.data, "Alice", changes[i] ?? {});
    clock.forward(1000);
    assert.equal(await refused(), left, `change ${i}`);
  }

  using bob = await RawClient.connect(fixture.server.address);
  await bob.enrol("Bob");
  await setUserQuota(fixture.data, "Bob", { bytes: 0 });
  assert.equal(kindOf(await bob.sendFile("a", pseudoRandomBytes(100))), "generalError");
  await setUserQuota(fixture.data, "Bob", "default");
  clock.forward(1000);
  using back = await RawClient.connect(fixture.server.address);
  back.clientId = bob.clientId;
  await back.reconnect("Bob");
  assert.equal(kindOf(await back.sendFile("a", pseudoRandomBytes(100))), "fileReceived");
  // A file that fits when it arrives and no longer fits when it would be stored.
  await setUserQuota(fixture.data, "Bob", { bytes: 99 });
  assert.equal(kindOf(await back.judge("crcValid", "a")), "generalError");
});

Deno.test("quota: two operators who set different limits at a time set both", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  await Promise.all([
    setUserQuota(fixture.data, "Alice", { bytes: 5 }),
    setUserQuota(fixture.data, "Alice", { files: 6 }),
  ]);
  assert.deepEqual(await setUserQuota(fixture.data, "Alice", {}), { bytes: 5, files: 6 });
});

for (const bad of [{ bytes: NaN }, { bytes: -1 }, { files: 1.5 }]) {
  Deno.test(`quota: ${Deno.inspect(bad)} is refused, and nothing changes`, async () => {
    await using fixture = await Fixture.create();
    (await fixture.client("Alice"))[Symbol.dispose]();
    await setUserQuota(fixture.data, "Alice", { bytes: 5, files: 6 });
    await assert.rejects(setUserQuota(fixture.data, "Alice", bad), RangeError);
    assert.deepEqual(await setUserQuota(fixture.data, "Alice", {}), { bytes: 5, files: 6 });
  });
}

Deno.test("rename: the client reports it, and transfer.info needs the new name", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  (await fixture.client("Bob"))[Symbol.dispose]();
  await assert.rejects(renameUser(fixture.data, "Alice", "Bob"), { code: "name-taken" });
  await assert.rejects(renameUser(fixture.data, "Alice", "no name"), { code: "bad-user-name" });
  assert.equal(await renameUser(fixture.data, "Alice", "Alicia"), true);
  const events: V4Event[] = [];
  const onEvent = (event: V4Event) => void events.push(event);
  await assert.rejects(fixture.client("Alice", { onEvent }), {
    name: "ConfigurationError",
    code: "other-identity",
    hint: /Write Alicia into line 2/,
  });
  assert.deepEqual(events.at(-1), { type: "renamed", from: "Alice", to: "Alicia" });
  const account = new AccountFolder(fixture.folder.join("Alice"));
  assert.equal((await account.loadAccount())?.name, "Alicia");
  (await fixture.client("Alice", { userName: "Alicia" }))[Symbol.dispose]();
  assert.ok((await machine(fixture, "new", "Alice")) instanceof Uint8Array, "the old name is free");
});

Deno.test("keys: a removed key is signed out within a second; removing the last one needs confirmation", async () => {
  const clock = new Clock();
  await using fixture = await Fixture.create({}, { clock: clock.now, ticks: clock.now });
  using alice = await fixture.client("Alice");
  const { token } = await alice.link();
  clock.forward(1);
  await machine(fixture, "laptop", "Alice", token);
  using laptop = await fixture.client("laptop", { userName: "Alice" });
  const [first, second] = await listUserKeys(fixture.data, "Alice");
  assert.ok(first !== undefined && second !== undefined);
  await removeUserKey(fixture.data, "Alice", second.fingerprint, false);
  clock.forward(1000);
  const out = { name: "RefusedError", code: "not-authenticated" };
  await assert.rejects(laptop.stat("a"), out);
  await assert.rejects(fixture.client("laptop", { userName: "Alice" }), out);
  await assert.rejects(alice.stat("a"), { code: "no-such-file" });
  const { fingerprint } = first;
  await assert.rejects(removeUserKey(fixture.data, "Alice", fingerprint, false), {
    code: "last-key",
  });
  await assert.rejects(removeUserKey(fixture.data, "Alice", second.fingerprint, true), {
    code: "no-such-key",
  });
  await removeUserKey(fixture.data, "Alice", fingerprint, true);
  clock.forward(1000);
  await assert.rejects(alice.stat("a"), out);
  const { token: newToken } = await linkUser(fixture.data, "Alice");
  assert.ok((await machine(fixture, "new", "Alice", newToken)) instanceof Uint8Array);
});

Deno.test("remove: an account is signed out within a second, and its name is free", async () => {
  const clock = new Clock();
  await using fixture = await Fixture.create({}, { clock: clock.now, ticks: clock.now });
  using alice = await fixture.client("Alice");
  const { token } = await alice.link();
  await removeUser(fixture.data, "Alice");
  clock.forward(1000);
  await assert.rejects(alice.stat("a"), { code: "not-authenticated" });
  assert.equal(
    await machine(fixture, "laptop", "Alice", token),
    "bad-token",
    "the file was removed with the account",
  );
  assert.ok((await machine(fixture, "new", "Alice")) instanceof Uint8Array);
});
