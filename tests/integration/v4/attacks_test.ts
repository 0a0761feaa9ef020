/** Protocol 4: attacks, and how both ends react. */
import assert from "node:assert/strict";
import { type Bytes, equalBytes } from "../../../protocol/bytes.ts";
import { DEFAULT_TIMEOUTS } from "../../../client/net/dial.ts";
import { listUsers } from "../../../server/operator/users.ts";
import { AccountFolder } from "../../../client/identity/v4_account.ts";
import { findV4Server } from "../../../client/v4/discover.ts";
import { openPinned } from "../../../client/v4/open_tls.ts";
import { KnownServers } from "../../../client/identity/known_servers.ts";
import { V4Client } from "../../../client/v4/client.ts";
import { fingerprintOf } from "../../../protocol/v4/fingerprint.ts";
import { decodeHelloAnswer, encodeHelloAnswer } from "../../../protocol/hello.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { FaultyProxy } from "../../support/net/faulty_proxy.ts";
import { ServerLog } from "../../support/server_log.ts";
import { SecureProxy } from "../../support/net/tls_proxy.ts";
import {
  connectRaw,
  Fixture,
  got,
  loginRaw,
  put,
  startWithOwnKey,
} from "../../support/v4/fixture.ts";
import { startInThisThread } from "../../support/server.ts";

/** Asserts that nobody signed in, registered or was refused: the client did not get that far. */
function assertNobody(log: ServerLog): void {
  assert.deepEqual([...log.entries, ...log.refusals], []);
}

/** The server logs the reason and tells the client nothing else. */
function assertDenied(log: ServerLog, ...reasons: readonly string[]): void {
  assert.deepEqual(log.refusals, reasons.map((reason) => `client.denied: ${reason}`));
  assert.deepEqual(log.entries, []);
}

Deno.test("attack: a man in the middle with a key of their own is detected if the server is known", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  log.forget();
  // The attacker answers at the server's address.
  await using other = await startWithOwnKey(fixture.folder.join("attacker"));
  await using proxy = await FaultyProxy.start(other.address);
  const known = await Deno.readTextFile(fixture.folder.join("Alice", "known_servers"));
  const { hostname, port } = proxy.address;
  const moved = known.replace(/^\S+/, `${hostname}:${port}`);
  await Deno.writeTextFile(fixture.folder.join("Alice", "known_servers"), moved);
  await assert.rejects(fixture.client("Alice", { server: proxy.address }), {
    name: "ConfigurationError",
    code: "other-server",
  });
  assert.equal(await Deno.readTextFile(fixture.folder.join("Alice", "known_servers")), moved);
  assertNobody(log);
});

Deno.test("attack: with a fingerprint in the address, a wrong key is detected on first use, without a question", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  await using other = await startWithOwnKey(fixture.folder.join("attacker"));
  const answer = await findV4Server(fixture.server.address, DEFAULT_TIMEOUTS);
  const fingerprint = await fingerprintOf(answer?.certificate ?? new Uint8Array(0));
  const onNewServer = () => assert.fail("nobody should be asked");
  const changes = { fingerprint, onNewServer };
  await assert.rejects(fixture.client("Alice", { ...changes, server: other.address }), {
    code: "other-server",
  });
  assertNobody(log);
  (await fixture.client("Alice", changes))[Symbol.dispose]();
});

Deno.test("first use: without a fingerprint in the address, a person is asked, and can refuse", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  const asked: string[] = [];
  const onNewServer = (fingerprint: string) => {
    asked.push(fingerprint);
    return false;
  };
  await assert.rejects(fixture.client("Alice", { onNewServer }), { code: "server-not-trusted" });
  assert.match(asked[0] ?? "", /^SHA256:/);
  await assert.rejects(
    Deno.stat(fixture.folder.join("Alice", "known_servers")),
    Deno.errors.NotFound,
  );
  assertNobody(log);
});

Deno.test("first use: a server recorded while a person is asked about another one is kept", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  const { address } = fixture.server;
  const known = new KnownServers(fixture.folder.join("Alice"));
  const other = pseudoRandomBytes(32);
  const onNewServer = async () => equalBytes(await known.keep(address, other) as Bytes, other);
  await assert.rejects(fixture.client("Alice", { onNewServer }), { code: "other-server" });
  assert.deepEqual(await known.find(address), other);
  await log.awaits("connection.lost");
  assert.deepEqual(log.refusals, ["connection.lost: the client disconnected before signing in"]);
  assert.deepEqual(log.entries, []);
});

Deno.test("attack: replaying a server's certificate without its key does not complete TLS", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  await using other = await startWithOwnKey(fixture.folder.join("attacker"));
  const honest = await findV4Server(fixture.server.address, DEFAULT_TIMEOUTS);
  const attacker = await findV4Server(other.address, DEFAULT_TIMEOUTS);
  assert.ok(honest !== undefined && attacker !== undefined);
  const lie = { certificate: honest.certificate, port: attacker.port };
  const fingerprint = await fingerprintOf(honest.certificate);
  await assert.rejects(openPinned(fixture.server.address, lie, fingerprint, DEFAULT_TIMEOUTS), {
    name: "NetworkError",
    code: "no-secure-channel",
  });
  // TLS breaks before either end has said who it is.
  await log.awaits("connection.lost");
  assert.match(log.refusals.join(), /^connection\.lost: an answer could not be sent: [^,]+$/);
  assert.deepEqual(log.entries, []);
});

Deno.test("attack: a new server without the key of its certificate is not recorded", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  await using other = await startWithOwnKey(fixture.folder.join("attacker"));
  const attacker = await findV4Server(other.address, DEFAULT_TIMEOUTS);
  assert.ok(attacker !== undefined);
  // The attacker presents somebody else's certificate.
  await using proxy = await SecureProxy.start(fixture.server, {
    plain: {
      down: () => (bytes) => {
        const { port } = decodeHelloAnswer(bytes) ?? { port: 0 };
        return [encodeHelloAnswer({ port, certificate: attacker.certificate })];
      },
    },
  });
  const meeting = fixture.client("Alice", { server: proxy.address });
  await assert.rejects(meeting, { code: "no-secure-channel" });
  await assert.rejects(
    Deno.stat(fixture.folder.join("Alice", "known_servers")),
    Deno.errors.NotFound,
  );
  // TLS breaks before either end has said who it is.
  await log.awaits("connection.lost");
  assert.match(log.refusals.join(), /^connection\.lost: an answer could not be sent: [^,]+$/);
  assert.deepEqual(log.entries, []);
});

Deno.test("attack: a hello that is stripped or answered with garbage does not downgrade to protocol 3", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  log.forget();
  const changes: Record<string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>[]> = {
    silence: () => [],
    nonsense: (bytes) => [bytes.map((byte) => byte ^ 0x55)],
    "an error of protocol 3": () => [Uint8Array.of(3, 0x3b, 0x08, 0, 0, 0, 0)],
  };
  for (const [what, answer] of Object.entries(changes)) {
    await using proxy = await FaultyProxy.start(fixture.server.address, { down: () => answer });
    const failure = what === "nonsense"
      ? { name: "ProtocolError", code: "protocol-4-not-spoken" }
      : { name: "NetworkError", code: "no-hello" };
    await assert.rejects(fixture.client("Alice", { server: proxy.address }), failure, what);
    assertNobody(log);
  }
  assert.equal((await listUsers(fixture.data)).length, 1);
});

Deno.test("hello: a server without protocol 4 ends the connection and keeps serving others", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  await using plain = await startInThisThread({
    listen: [{ hostname: "127.0.0.1", port: 0 }],
    dataFolder: fixture.folder.join("plain"),
  });
  await assert.rejects(findV4Server(plain.address, DEFAULT_TIMEOUTS), { code: "no-hello" });
  assertNobody(log);
});

const NOT_IN = { name: "RefusedError", code: "not-authenticated" };

Deno.test("attack: a signature is not valid on another connection", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  log.forget();
  using first = await connectRaw(fixture.server.address);
  using second = await connectRaw(fixture.server.address);
  assert.notDeepEqual(first.nonce, second.nonce);
  await assert.rejects(
    loginRaw(second, fixture.folder.join("Alice"), { nonce: first.nonce }),
    NOT_IN,
  );
  assertDenied(log, "the signature is wrong");
});

Deno.test("attack: a signature made for another server is not valid", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  log.forget();
  await using other = await startWithOwnKey(fixture.folder.join("attacker"));
  using attacker = await connectRaw(other.address);
  using raw = await connectRaw(fixture.server.address);
  // The attacker relays our nonce. The client signs it with the attacker's fingerprint.
  const { fingerprint } = attacker;
  await assert.rejects(loginRaw(raw, fixture.folder.join("Alice"), { fingerprint }), NOT_IN);
  assertDenied(log, "the signature is wrong");
});

Deno.test("attack: signing in with another account's id or key fails", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  for (const name of ["Alice", "Bob"]) (await fixture.client(name))[Symbol.dispose]();
  log.forget();
  const alice = new AccountFolder(fixture.folder.join("Alice"));
  const { clientId } = await alice.loadAccount() ?? {};
  assert.ok(clientId !== undefined);
  {
    using raw = await connectRaw(fixture.server.address);
    await assert.rejects(loginRaw(raw, fixture.folder.join("Bob"), { clientId }), NOT_IN);
  }
  {
    using raw = await connectRaw(fixture.server.address);
    const { publicKey: key } = await alice.loadKey();
    await assert.rejects(loginRaw(raw, fixture.folder.join("Bob"), { clientId, key }), NOT_IN);
  }
  assertDenied(log, "the account has no such key", "the signature is wrong");
  const names = log.of("client.denied").map(({ name }) => name);
  assert.deepEqual(names, ["Alice", ""], "an operator finds it by the name of the account");
});

Deno.test("registration: a name that is taken, over either protocol, is refused", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  const folder = fixture.folder.join("another");
  await Deno.mkdir(folder, { mode: 0o700 });
  const options = { ...await fixture.options("Alice"), identityFolder: folder };
  await assert.rejects(V4Client.connect(options), { code: "name-taken" });
  const bad = { ...options, userName: "no name" };
  await assert.rejects(V4Client.connect(bad), { code: "bad-user-name" });
  assert.deepEqual(log.refusals, [
    "client.refused: the user name is taken",
    "client.refused: a user name must have 1 to 254 ASCII letters and digits",
  ]);
  assert.deepEqual(log.entries, ["client.registered Alice"]);
});

Deno.test("attack: requests before signing in are refused", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  using raw = await connectRaw(fixture.server.address);
  const asked = raw.mux.ask({ kind: "list", tag: 1, prefix: "", scope: "below" }, () => true);
  await assert.rejects(asked, { code: "bad-frame" });
  assert.deepEqual(log.refusals, [
    "connection.refused: cannot accept list: the client is not signed in",
  ]);
  assert.deepEqual(log.entries, []);
});

Deno.test("accounts: files of other users look missing to get, stat, remove, rename and list", async () => {
  await using log = await ServerLog.take("debug");
  await using fixture = await Fixture.create();
  using alice = await fixture.client("Alice");
  await put(alice, [{ file: await fixture.source("secret", pseudoRandomBytes(10)) }]);
  log.forget();
  using bob = await fixture.client("Bob");
  const none = { code: "no-such-file" };
  await assert.rejects(got(bob, "secret"), none);
  await assert.rejects(bob.stat("secret"), none);
  await assert.rejects(bob.remove("secret"), none);
  await assert.rejects(bob.rename("secret", "mine"), none);
  await bob.list("", () => assert.fail("Bob has no files"));
  assert.equal((await alice.stat("secret")).size, 10);
  const refused = "request.refused: no such file: secret";
  assert.deepEqual(log.refusals, Array(3).fill(refused), "to look is no refusal");
  assert.deepEqual(log.of("file.removed", "file.renamed"), []);
});

Deno.test("damage: a file changed on the server's disk fails before its first wrong byte", async () => {
  await using fixture = await Fixture.create();
  using client = await fixture.client("Alice");
  await put(client, [{ file: await fixture.source("a", pseudoRandomBytes(2 * CHUNK_SIZE)) }]);
  const [path = ""] = fixture.blobs("files");
  {
    using blob = await Deno.open(path, { write: true });
    await blob.seek(CHUNK_SIZE + 5, Deno.SeekMode.Start);
    await blob.write(Uint8Array.of(0));
    await blob.write(Uint8Array.of(1));
  }
  const taken: number[] = [];
  const getting = client.get({ name: "a" }, (chunk) => {
    taken.push(chunk.length);
    return Promise.resolve();
  });
  await assert.rejects(getting, { name: "RefusedError", code: "damaged" });
  assert.deepEqual(taken, [CHUNK_SIZE], "the chunk before the damage was delivered");
});
