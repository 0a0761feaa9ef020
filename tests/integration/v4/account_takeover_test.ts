/** Protocol 4: an account of protocol 3 can be claimed by the owner of its key and by nobody else. */
import assert from "node:assert/strict";
import { reset } from "@logtape/logtape";
import type { Bytes } from "../../../protocol/bytes.ts";
import { listUsers, setUserDisabled } from "../../../server/operator/users.ts";
import { publicKeyOf, unwrapKey, wrapKey } from "../../../protocol/cipher/rsa.ts";
import type { RefusedError } from "../../../protocol/errors.ts";
import { sendFiles } from "../../../client/v3/send_files.ts";
import { IdentityFolder } from "../../../client/identity/v3_identity.ts";
import { AccountFolder, type AccountKey } from "../../../client/identity/v4_account.ts";
import type { RequestMux } from "../../../client/v4/request_mux.ts";
import { authenticate } from "../../../client/v4/login.ts";
import type { V4Event } from "../../../client/events.ts";
import {
  prove,
  sealedBytes,
  secretIn,
  sign,
  type Takeover,
} from "../../../protocol/v4/authentication.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { kindOf, privateKey, RawClient } from "../../support/v3/raw_client.ts";
import { ServerLog, takeLogs } from "../../support/server_log.ts";
import { connectRaw, Fixture, startWithOwnKey } from "../../support/v4/fixture.ts";

/** Registers over protocol 3 and stores a file. The folder then has me.info. */
async function registerOverV3(
  fixture: Fixture,
  name: string,
  server = fixture.server,
): Promise<string> {
  const { identityFolder } = await fixture.options(name);
  const file = await fixture.folder.write(`${name}.txt`, pseudoRandomBytes(10));
  const connect = { server: server.address, userName: name, identityFolder };
  const [outcome] = await sendFiles({ connect, files: [file] });
  assert.equal(outcome?.state, "stored");
  return identityFolder;
}

async function identityIn(folder: string) {
  const identity = await new IdentityFolder(folder).load();
  assert.ok(identity !== undefined);
  return identity;
}

interface Attempt {
  readonly clientId: Bytes;
  readonly name: string;
  readonly key: AccountKey;
  /** Decrypts the server's challenge. */
  readonly privateKey: Bytes;
  /** Replaces the input of the proof. */
  readonly changes?: Partial<Takeover>;
}

/** Claims an account on a raw connection. Returns `welcome`, or the code of the error. */
async function claim(fixture: Fixture, attempt: Attempt): Promise<string> {
  const { clientId, name, key: { privateKey, publicKey: key } } = attempt;
  using raw = await connectRaw(fixture.server.address);
  const { mux, nonce, fingerprint } = raw;
  const signature = await sign(privateKey, { fingerprint, nonce, clientId, key, name });
  try {
    const request = { kind: "claim", tag: 0, clientId, name, key, signature } as const;
    const { bytes } = await mux.askFor(request, "sealed");
    const unsealed = await unwrapKey(attempt.privateKey, bytes).catch(() => new Uint8Array(0));
    const secret = secretIn(unsealed) ?? new Uint8Array(32);
    const takeover = { fingerprint, clientId, key, ...attempt.changes };
    const proof = await prove(secret, takeover);
    return (await mux.askFor({ kind: "unsealed", tag: 0, proof }, "welcome")).kind;
  } catch (error) {
    return (error as RefusedError).code;
  }
}

/** A claim of an account of protocol 3, with a key that is not saved. */
async function attemptOf(fixture: Fixture, folder: string): Promise<Attempt> {
  const { identityFolder } = await fixture.options(`key of ${folder}`.replaceAll("/", " "));
  return { ...await identityIn(folder), key: await new AccountFolder(identityFolder).loadKey() };
}

Deno.test("account takeover: the client keeps its id and files, and protocol 3 no longer works for the account", async () => {
  await using fixture = await Fixture.create();
  const folder = await registerOverV3(fixture, "Alice");
  const { clientId } = await identityIn(folder);
  // An eavesdropper on protocol 3 knows the id.
  using spy = await RawClient.connect(fixture.server.address);
  spy.clientId = clientId;

  const events: V4Event[] = [];
  (await fixture.client("Alice", { onEvent: (event) => void events.push(event) }))
    [Symbol.dispose]();
  assert.deepEqual(events.at(-1), { type: "claimed", clientId });
  const account = await new AccountFolder(folder).loadAccount();
  assert.deepEqual(account, { name: "Alice", clientId });
  const [user] = await listUsers(fixture.data);
  assert.deepEqual([user?.protocol, user?.keys, user?.usage.files], [4, 1, 1]);

  assert.equal(kindOf(await spy.reconnect("Alice")), "denied");
  assert.equal(kindOf(await spy.sendKey("Alice")), "generalError");
  spy.clientId = clientId;
  assert.equal(kindOf(await spy.sendKey("Alice")), "generalError");
  assert.equal(kindOf(await spy.register("Alice")), "refused");
  (await fixture.client("Alice"))[Symbol.dispose]();
});

Deno.test("account takeover: open sessions of protocol 3 end with it", async () => {
  await using fixture = await Fixture.create();
  using open = await RawClient.connect(fixture.server.address);
  await open.enrol("Alice");
  using other = await RawClient.connect(fixture.server.address);
  other.clientId = open.clientId;
  assert.equal(kindOf(await other.reconnect("Alice")), "reconnected");
  assert.equal(kindOf(await open.sendFile("b", pseudoRandomBytes(10))), "fileReceived");
  const { identityFolder } = await fixture.options("Alice");
  const key = await new AccountFolder(identityFolder).loadKey();
  const { clientId } = open;
  assert.equal(await claim(fixture, { clientId, name: "Alice", key, privateKey }), "welcome");

  assert.equal(kindOf(await open.judge("crcValid", "b")), "generalError");
  assert.equal(kindOf(await other.sendFile("c", pseudoRandomBytes(10))), "generalError");
  assert.equal(kindOf(await open.sendFile("c", pseudoRandomBytes(10))), "generalError");
  assert.equal(kindOf(await other.sendKey("Alice")), "generalError");
  assert.deepEqual([...fixture.blobs("files"), ...fixture.blobs("staging")], []);
  const [user] = await listUsers(fixture.data);
  assert.deepEqual([user?.protocol, user?.publicKey, user?.usage.files], [4, undefined, 0]);
});

Deno.test("account takeover: it fails without the account's key, and a proof is valid for one server and key only", async () => {
  await using fixture = await Fixture.create();
  const alice = await attemptOf(fixture, await registerOverV3(fixture, "Alice"));
  const bob = await attemptOf(fixture, await registerOverV3(fixture, "Bob"));
  await using log = await ServerLog.take();
  const denied = "not-authenticated";
  const wrongKey = { ...alice, privateKey: bob.privateKey };
  assert.equal(await claim(fixture, wrongKey), denied, "another's id");
  const attacker = await startWithOwnKey(fixture.folder.join("attacker"));
  {
    await using _attacker = attacker;
    using there = await connectRaw(attacker.address);
    const { fingerprint } = there;
    assert.equal(await claim(fixture, { ...alice, changes: { fingerprint } }), denied, "relayed");
  }
  const { publicKey: key } = bob.key;
  assert.equal(await claim(fixture, { ...alice, changes: { key } }), denied, "for another key");
  const { clientId } = bob;
  assert.equal(await claim(fixture, { ...alice, changes: { clientId } }), denied);
  assert.equal(await claim(fixture, { ...alice, name: "Bob" }), "no-such-account");
  const unknown = { ...alice, clientId: pseudoRandomBytes(16, 9) };
  assert.equal(await claim(fixture, unknown), "no-such-account");
  await setUserDisabled(fixture.data, "Alice", true);
  assert.equal(await claim(fixture, alice), "account-disabled");
  const proof = "Alice: the proof for the account's key is wrong";
  const none = "no protocol 3 account has this id and name";
  assert.deepEqual(log.of("client.refused").map(({ name, reason }) => `${name}: ${reason}`), [
    ...Array(4).fill(proof),
    ...[`Bob: ${none}`, `Alice: ${none}`],
    "Alice: the operator has disabled the account",
  ]);
  assert.deepEqual(log.entries, []);
  await setUserDisabled(fixture.data, "Alice", false);
  assert.deepEqual((await listUsers(fixture.data)).map(({ protocol }) => protocol), [3, 3]);
  assert.equal(await claim(fixture, alice), "welcome");
});

Deno.test("account takeover: a claimed account can be claimed again only with the key that it has", async () => {
  await using fixture = await Fixture.create();
  const folder = await registerOverV3(fixture, "Alice");
  const attempt = await attemptOf(fixture, folder);
  assert.equal(await claim(fixture, attempt), "welcome");
  await using log = await ServerLog.take();
  await assert.rejects(fixture.client("Alice"), {
    code: "not-authenticated",
    hint: /xfer client link/,
  });
  assert.deepEqual(log.refusals, [
    "client.refused: the account already uses protocol 4",
  ]);
  await assert.rejects(Deno.stat(`${folder}/me.account`), Deno.errors.NotFound);
});

Deno.test("account takeover: a claim whose answer was lost is repeated", async () => {
  await using fixture = await Fixture.create();
  const folder = await registerOverV3(fixture, "Alice");
  (await fixture.client("Alice"))[Symbol.dispose]();
  await Deno.remove(`${folder}/me.account`);
  await fixture.restart({ registration: "closed" });
  (await fixture.client("Alice", {
    server: fixture.server.address,
    onNewServer: () => true,
  }))[Symbol.dispose]();
  assert.equal((await listUsers(fixture.data))[0]?.keys, 1);
});

Deno.test("account takeover: an account without a completed key exchange cannot be claimed", async () => {
  await using fixture = await Fixture.create();
  using peer = await RawClient.connect(fixture.server.address);
  await peer.register("Alice");
  const { clientId } = peer;
  const bob = await attemptOf(fixture, await registerOverV3(fixture, "Bob"));
  assert.equal(await claim(fixture, { ...bob, clientId, name: "Alice" }), "no-such-account");
});

Deno.test("account takeover: if the server does not know the identity of protocol 3, the client registers", async () => {
  await using fixture = await Fixture.create();
  await using other = await startWithOwnKey(fixture.folder.join("other"));
  await registerOverV3(fixture, "Alice", other);
  const events: string[] = [];
  const onEvent = ({ type }: V4Event) => void events.push(type);
  (await fixture.client("Alice", { onEvent }))[Symbol.dispose]();
  assert.deepEqual(events, ["connected", "connected", "registered"]);
});

for (const registration of ["invite", "closed"] as const) {
  Deno.test(`registration ${registration}: no claim, and the client's hint says what to do`, async () => {
    await using fixture = await Fixture.create();
    await registerOverV3(fixture, "Alice");
    await fixture.restart({ registration });
    await using log = await ServerLog.take();
    await assert.rejects(fixture.client("Alice"), {
      code: "registration-closed",
      hint: /link token/,
    });
    assert.deepEqual(log.refusals, ["client.refused: registration is closed"]);
    assert.equal((await listUsers(fixture.data))[0]?.protocol, 3);
  });
}

Deno.test("account takeover: the client decrypts nothing but a challenge about its account", async () => {
  await using fixture = await Fixture.create();
  const folder = await registerOverV3(fixture, "Alice");
  const { privateKey: mine, clientId } = await identityIn(folder);
  const publicKey = publicKeyOf(mine);
  const key = await new AccountFolder(folder).loadKey();
  const sealed = sealedBytes(pseudoRandomBytes(32));
  const questions: readonly (readonly [Bytes, readonly string[]])[] = [
    // AES keys of protocol 3, of either size, as an eavesdropper would record them.
    [await wrapKey(publicKey, pseudoRandomBytes(16)), ["claim"]],
    [await wrapKey(publicKey, pseudoRandomBytes(32)), ["claim"]],
    [await wrapKey(publicKey, sealed.slice(0, 51)), ["claim"]],
    [pseudoRandomBytes(128), ["claim"]],
    [await wrapKey(publicKey, sealed), ["claim", "unsealed"]],
  ];
  for (const [bytes, says] of questions) {
    const said: string[] = [];
    const mux = {
      answerOf: () => Promise.resolve({ nonce: pseudoRandomBytes(32) }),
      async ask(message: { kind: string }, take: (message: unknown) => boolean) {
        said.push(message.kind);
        await take({ kind: "sealed", bytes });
      },
      askFor: (message: { kind: string }) => void said.push(message.kind),
    } as unknown as RequestMux;
    const fingerprint = pseudoRandomBytes(32);
    const way = { by: "claim", name: "Alice", clientId, privateKey: mine } as const;
    const introducing = authenticate(
      mux,
      { loadKey: () => Promise.resolve(key), fingerprint },
      way,
    );
    if (says.includes("unsealed")) await introducing;
    else await assert.rejects(introducing, { code: "bad-seal" });
    assert.deepEqual(said, says, "account takeover: the client answers a challenge only");
  }
});

Deno.test("log: an invalid name as long as a frame is shortened and escaped", async () => {
  const names: unknown[] = [];
  await takeLogs("warning", ({ properties }) => void names.push(properties["name"]));
  try {
    await using fixture = await Fixture.create();
    const { identityFolder } = await fixture.options("Alice");
    const key = await new AccountFolder(identityFolder).loadKey();
    const clientId = pseudoRandomBytes(16);
    const name = "\x1b".repeat(60_000);
    assert.equal(await claim(fixture, { clientId, name, key, privateKey }), "no-such-account");
    const part = "\\u{1b}".repeat(19);
    assert.deepEqual(names.filter((name) => name !== undefined), [`${part}…${part}`]);
  } finally {
    await reset();
  }
});
