/** Protocol 4: how accounts come about, what an operator says of them, and who may not have them. */
import assert from "node:assert/strict";
import {
  invite,
  linkUser,
  listUserKeys,
  listUsers,
  removeUser,
  removeUserKey,
  renameUser,
  setUserDisabled,
  setUserQuota,
} from "../../mod.ts";
import { AccountFolder } from "../../client/v4/account.ts";
import type { SecureClient } from "../../client/v4/secure_client.ts";
import type { SecureEvent } from "../../client/v4/session.ts";
import { digestTree } from "../../protocol/v4/tree.ts";
import { pseudoRandomBytes } from "../helpers/bytes.ts";
import { kindOf, Peer } from "../helpers/peer.ts";
import { connectRaw, loginRaw, put, Scene, startServer } from "./scene.ts";

const HOUR = 60 * 60_000;
const once = { uses: 1, lifeMs: HOUR };

/** A clock that a test puts forward; it begins now, as the operator's does. */
class Clock {
  #ahead = 0;
  readonly now = () => Date.now() + this.#ahead;

  forward(ms: number): void {
    this.#ahead += ms;
  }
}

/** What came of a client that wants to get in: its id, or the code of the error. */
async function idOf(connecting: Promise<SecureClient>, scene: Scene, folder: string) {
  try {
    (await connecting)[Symbol.dispose]();
  } catch (error) {
    return (error as { code: string }).code;
  }
  const { clientId } = await new AccountFolder(scene.folder.join(folder)).loadAccount() ?? {};
  return clientId;
}

/** A machine that comes with a token. */
async function machine(scene: Scene, folder: string, name: string, token?: string) {
  const options = await scene.options(folder, { token });
  return idOf(scene.client(folder, { ...options, userName: name }), scene, folder);
}

for (const registration of ["invite", "closed"] as const) {
  Deno.test(`registration ${registration}: nobody registers by himself, by either protocol; who is known goes on`, async () => {
    await using scene = await Scene.create();
    (await scene.client("Alice"))[Symbol.dispose]();
    using bob = await Peer.connect(scene.server.address);
    await bob.enrol("Bob");
    using pending = await Peer.connect(scene.server.address);
    assert.equal(kindOf(await pending.register("Pending")), "registered");
    await scene.restart({ registration });

    assert.equal(await machine(scene, "Carol", "Carol"), "registration-closed");
    (await scene.client("Alice"))[Symbol.dispose]();
    using late = await Peer.connect(scene.server.address);
    assert.equal(kindOf(await late.register("Carol")), "refused");
    assert.equal(kindOf(await late.reconnect("Carol")), "denied");
    assert.equal(
      kindOf(await late.sendKey("Carol")),
      "generalError",
      "the id given is worth nothing",
    );
    late.clientId = pending.clientId;
    assert.equal(kindOf(await late.sendKey("Pending")), "generalError", "its time is over");
    late.clientId = bob.clientId;
    assert.equal(kindOf(await late.reconnect("Bob")), "reconnected");
    assert.equal(kindOf(await late.sendKey("Bob")), "keyReceived");
    const names = (await listUsers(scene.data)).map(({ name }) => name);
    assert.deepEqual(names, ["Alice", "Bob", "Pending"]);
  });
}

Deno.test("an invitation is good for as many as it says, for a name that is free, and not in closed", async () => {
  await using scene = await Scene.create({}, { registration: "invite" });
  const { token } = await invite(scene.data, { ...once, uses: 2 });
  assert.ok((await machine(scene, "Alice", "Alice", token)) instanceof Uint8Array);
  assert.equal(await machine(scene, "other", "Alice", token), "name-taken", "it is not used up so");
  assert.ok((await machine(scene, "Bob", "Bob", token)) instanceof Uint8Array);
  assert.equal(await machine(scene, "Carol", "Carol", token), "bad-token");
  const other = await invite(scene.data, once);
  await scene.restart({ registration: "closed" });
  assert.equal(await machine(scene, "Carol", "Carol", other.token), "registration-closed");
  await scene.restart({ registration: "open" });
  assert.ok((await machine(scene, "Carol", "Carol", other.token)) instanceof Uint8Array);
});

Deno.test("of many that come at once with one use of an invitation one gets in", async () => {
  await using scene = await Scene.create({}, { registration: "invite" });
  const { token } = await invite(scene.data, once);
  const names = Array.from({ length: 8 }, (_, i) => `User${i}`);
  const came = await Promise.all(names.map((name) => machine(scene, name, name, token)));
  assert.equal(came.filter((one) => one instanceof Uint8Array).length, 1);
  assert.deepEqual(new Set(came.filter((one) => typeof one === "string")), new Set(["bad-token"]));
  assert.equal((await listUsers(scene.data)).length, 1);
});

Deno.test("a token that has expired, was never made, is cut off or of another server is refused, and why is said", async () => {
  const clock = new Clock();
  await using scene = await Scene.create({}, { registration: "invite", clock: clock.now });
  await using other = await Scene.create({}, { registration: "invite" });
  const { token } = await invite(scene.data, once);
  const { token: foreign } = await invite(other.data, once);
  clock.forward(HOUR);
  const cases: readonly [string, RegExp][] = [
    [token, /has expired/],
    ["a".repeat(26), /not known/],
    [token.slice(0, 25), /not known/],
    [foreign, /not known/],
  ];
  for (const [i, [bad, why]] of cases.entries()) {
    const failure = { name: "RefusedError", code: "bad-token", message: why };
    await assert.rejects(scene.client(`User${i}`, { token: bad }), failure);
  }
  assert.deepEqual(await listUsers(scene.data), []);
});

Deno.test("guesses at tokens count as registrations", async () => {
  await using scene = await Scene.create({ maxRegistrationsPerHour: 2 }, {
    registration: "invite",
  });
  for (const name of ["A", "B"]) {
    assert.equal(await machine(scene, name, name, "a".repeat(26)), "bad-token");
  }
  const { token } = await invite(scene.data, once);
  assert.equal(await machine(scene, "C", "C", token), "over-limit");
});

Deno.test("a client links a machine: once, under its own name, to the same account, whatever the registration", async () => {
  await using scene = await Scene.create();
  using alice = await scene.client("Alice");
  await put(alice, [{ file: await scene.source("a", pseudoRandomBytes(10)) }]);
  const { clientId } = await new AccountFolder(scene.folder.join("Alice")).loadAccount() ?? {};
  const { token, expiresAt } = await alice.link();
  assert.ok(Math.abs(expiresAt - Date.now() - HOUR) < 60_000);
  await scene.restart({ registration: "closed" });
  assert.equal(await machine(scene, "laptop", "Bob", token), "bad-token");
  assert.deepEqual(await machine(scene, "laptop", "Alice", token), clientId);
  assert.equal(await machine(scene, "third", "Alice", token), "bad-token");
  using laptop = await scene.client("laptop", { userName: "Alice" });
  assert.equal((await laptop.stat("a")).size, 10);
  assert.equal((await listUserKeys(scene.data, "Alice")).length, 2);
  assert.deepEqual((await listUsers(scene.data)).map(({ name }) => name), ["Alice"]);
});

Deno.test("a registration whose answer was lost is done again, and is the same account", async () => {
  await using scene = await Scene.create({}, { registration: "invite" });
  const { token } = await invite(scene.data, once);
  const id = await machine(scene, "Alice", "Alice", token);
  await Deno.remove(scene.folder.join("Alice", "me.account"));
  assert.deepEqual(await machine(scene, "Alice", "Alice", token), id);
  await Deno.remove(scene.folder.join("Alice", "me.account"));
  assert.deepEqual(await machine(scene, "Alice", "Alice"), id);
});

Deno.test("a name for which both protocols register at once is one account", async () => {
  await using scene = await Scene.create();
  for (let round = 0; round < 8; round++) {
    const name = `Name${round}`;
    using peer = await Peer.connect(scene.server.address);
    const [theirs, ours] = await Promise.all([peer.register(name), machine(scene, name, name)]);
    const outcomes = [kindOf(theirs), ours instanceof Uint8Array ? "registered" : ours];
    assert.ok(
      ["registered,name-taken", "refused,registered"].includes(outcomes.join()),
      outcomes.join(),
    );
  }
  assert.equal((await listUsers(scene.data)).length, 8);
});

const DISABLED = { name: "RefusedError", code: "account-disabled" };

Deno.test("disabled: out within a second, on open connections too; enabled: in again", async () => {
  const clock = new Clock();
  await using scene = await Scene.create({}, { clock: clock.now });
  using alice = await scene.client("Alice");
  using bob = await scene.client("Bob");
  const { token } = await alice.link();
  await setUserDisabled(scene.data, "Alice", true);
  clock.forward(1000);
  await assert.rejects(alice.stat("a"), DISABLED);
  await assert.rejects(scene.client("Alice"), DISABLED);
  assert.equal(await machine(scene, "laptop", "Alice", token), "account-disabled");
  assert.equal(await machine(scene, "other", "Alice"), "name-taken");
  await assert.rejects(bob.stat("a"), { code: "no-such-file" }, "nobody else is concerned");
  await setUserDisabled(scene.data, "Alice", false);
  (await scene.client("Alice"))[Symbol.dispose]();
  assert.ok((await machine(scene, "laptop", "Alice", token)) instanceof Uint8Array, "still good");
});

Deno.test("disabled while a file arrives: it is not stored", async () => {
  const stopped = Date.now();
  await using scene = await Scene.create({}, { clock: () => stopped });
  (await scene.client("Alice"))[Symbol.dispose]();
  using raw = await connectRaw(scene.server.address);
  await loginRaw(raw, scene.folder.join("Alice"));
  const { exchange } = raw;
  const stat = { kind: "stat", tag: 1, name: "a", version: 0 } as const;
  await assert.rejects(exchange.askFor(stat, "file"), { code: "no-such-file" });
  await setUserDisabled(scene.data, "Alice", true);
  // The clock stands still: only the transaction can know.
  await exchange.send({ kind: "put", tag: 2, name: "a", size: 0, mtime: 0, resume: 0 });
  const digest = digestTree(new Uint8Array(0));
  const end = { kind: "end", tag: 2, cksum: 0xffffffff, digest } as const;
  await assert.rejects(exchange.askFor(end, "stored"), {
    ...DISABLED,
    message: /Cannot store the file/,
  });
  assert.deepEqual(scene.blobs("files"), []);
  assert.deepEqual(scene.blobs("staging"), []);
});

Deno.test("disabled: protocol 3 gets general errors, and its files are not stored", async () => {
  const clock = new Clock();
  await using scene = await Scene.create({}, { clock: clock.now });
  using open = await Peer.connect(scene.server.address);
  await open.enrol("Alice");
  assert.equal(kindOf(await open.sendFile("a", pseudoRandomBytes(10))), "fileReceived");
  await setUserDisabled(scene.data, "Alice", true);
  assert.equal(kindOf(await open.judge("crcValid", "a")), "generalError");
  clock.forward(1000);
  assert.equal(kindOf(await open.sendFile("a", pseudoRandomBytes(10))), "generalError");
  assert.equal(kindOf(await open.sendKey("Alice")), "generalError");
  assert.equal(kindOf(await open.reconnect("Alice")), "generalError");
  assert.equal(kindOf(await open.register("Alice")), "refused");
  assert.deepEqual([...scene.blobs("files"), ...scene.blobs("staging")], []);
  await setUserDisabled(scene.data, "Alice", false);
  clock.forward(1000);
  assert.equal(kindOf(await open.reconnect("Alice")), "reconnected");
  assert.equal(kindOf(await open.sendFile("a", pseudoRandomBytes(10))), "fileReceived");
  assert.equal(kindOf(await open.judge("crcValid", "a")), "messageReceived");
});

Deno.test("a quota of one's own goes before the server's, for either protocol", async () => {
  const clock = new Clock();
  await using scene = await Scene.create({ quotaFiles: 1 }, { clock: clock.now });
  using alice = await scene.client("Alice");
  const files = await Promise.all(
    ["a", "b", "c"].map(async (name) => ({
      file: await scene.source(name, pseudoRandomBytes(10)),
    })),
  );
  // Which of them comes first is left to chance.
  const refused = async () =>
    (await put(alice, files)).filter((outcome) => outcome === "over-limit").length;
  assert.equal(await refused(), 2);
  const changes = [{ files: 2, bytes: 20 }, { files: Infinity }, { bytes: Infinity }];
  for (const [i, left] of [1, 1, 0].entries()) {
    await setUserQuota(scene.data, "Alice", changes[i] ?? {});
    clock.forward(1000);
    assert.equal(await refused(), left, `change ${i}`);
  }

  using bob = await Peer.connect(scene.server.address);
  await bob.enrol("Bob");
  await setUserQuota(scene.data, "Bob", { bytes: 0 });
  assert.equal(kindOf(await bob.sendFile("a", pseudoRandomBytes(100))), "generalError");
  await setUserQuota(scene.data, "Bob", "default");
  clock.forward(1000);
  using back = await Peer.connect(scene.server.address);
  back.clientId = bob.clientId;
  await back.reconnect("Bob");
  assert.equal(kindOf(await back.sendFile("a", pseudoRandomBytes(100))), "fileReceived");
  // Two that fit one by one: the second is refused where it would be stored.
  assert.equal(kindOf(await back.sendFile("b", pseudoRandomBytes(100))), "fileReceived");
  assert.equal(kindOf(await back.judge("crcValid", "a")), "messageReceived");
  assert.equal(kindOf(await back.judge("crcValid", "b")), "generalError");
});

Deno.test("renamed: the client learns of it, and transfer.info has to say the new name", async () => {
  await using scene = await Scene.create();
  (await scene.client("Alice"))[Symbol.dispose]();
  (await scene.client("Bob"))[Symbol.dispose]();
  await assert.rejects(renameUser(scene.data, "Alice", "Bob"), { code: "name-taken" });
  await assert.rejects(renameUser(scene.data, "Alice", "no name"), { code: "bad-user-name" });
  assert.equal(await renameUser(scene.data, "Alice", "Alicia"), true);
  const events: SecureEvent[] = [];
  const onEvent = (event: SecureEvent) => void events.push(event);
  await assert.rejects(scene.client("Alice", { onEvent }), {
    name: "ConfigurationError",
    code: "other-identity",
    hint: /Write Alicia into line 2/,
  });
  assert.deepEqual(events.at(-1), { type: "renamed", from: "Alice", to: "Alicia" });
  const account = new AccountFolder(scene.folder.join("Alice"));
  assert.equal((await account.loadAccount())?.name, "Alicia");
  (await scene.client("Alice", { userName: "Alicia" }))[Symbol.dispose]();
  assert.ok((await machine(scene, "new", "Alice")) instanceof Uint8Array, "the old name is free");
});

Deno.test("a key that is taken away is out within a second; the last one is not taken by mistake", async () => {
  const clock = new Clock();
  await using scene = await Scene.create({}, { clock: clock.now });
  using alice = await scene.client("Alice");
  const { token } = await alice.link();
  clock.forward(1);
  await machine(scene, "laptop", "Alice", token);
  using laptop = await scene.client("laptop", { userName: "Alice" });
  const [first, second] = await listUserKeys(scene.data, "Alice");
  assert.ok(first !== undefined && second !== undefined);
  await removeUserKey(scene.data, "Alice", second.fingerprint, false);
  clock.forward(1000);
  const out = { name: "RefusedError", code: "not-authenticated" };
  await assert.rejects(laptop.stat("a"), out);
  await assert.rejects(scene.client("laptop", { userName: "Alice" }), out);
  await assert.rejects(alice.stat("a"), { code: "no-such-file" });
  const { fingerprint } = first;
  await assert.rejects(removeUserKey(scene.data, "Alice", fingerprint, false), {
    code: "last-key",
  });
  await assert.rejects(removeUserKey(scene.data, "Alice", second.fingerprint, true), {
    code: "no-such-key",
  });
  await removeUserKey(scene.data, "Alice", fingerprint, true);
  clock.forward(1000);
  await assert.rejects(alice.stat("a"), out);
  const { token: anew } = await linkUser(scene.data, "Alice");
  assert.ok((await machine(scene, "new", "Alice", anew)) instanceof Uint8Array);
});

Deno.test("an account that is removed is out within a second, and its name is free", async () => {
  const clock = new Clock();
  await using scene = await Scene.create({}, { clock: clock.now });
  using alice = await scene.client("Alice");
  const { token } = await alice.link();
  await removeUser(scene.data, "Alice");
  clock.forward(1000);
  await assert.rejects(alice.stat("a"), { code: "not-authenticated" });
  assert.equal(await machine(scene, "laptop", "Alice", token), "bad-token", "it went with it");
  assert.ok((await machine(scene, "new", "Alice")) instanceof Uint8Array);
});

Deno.test("the operator's link binds an account of protocol 3, which that has no more", async () => {
  await using scene = await Scene.create();
  using peer = await Peer.connect(scene.server.address);
  await peer.enrol("Alice");
  await scene.restart({ registration: "closed" });
  using open = await Peer.connect(scene.server.address);
  open.clientId = peer.clientId;
  assert.equal(kindOf(await open.reconnect("Alice")), "reconnected");
  const { token } = await linkUser(scene.data, "Alice");
  assert.deepEqual(await machine(scene, "new", "Alice", token), peer.clientId);
  assert.equal(kindOf(await open.sendFile("a", pseudoRandomBytes(10))), "generalError");
  assert.equal(kindOf(await open.reconnect("Alice")), "denied");
  const [account] = await listUsers(scene.data);
  assert.deepEqual([account?.protocol, account?.keys, account?.publicKey], [4, 1, undefined]);
});

Deno.test("a server that was started anew on the data of another knows its tokens", async () => {
  await using scene = await Scene.create({}, { registration: "invite" });
  const { token } = await invite(scene.data, once);
  await scene.server.close();
  scene.server = await startServer(scene.data, {}, { registration: "invite" });
  assert.ok((await machine(scene, "Alice", "Alice", token)) instanceof Uint8Array);
});
