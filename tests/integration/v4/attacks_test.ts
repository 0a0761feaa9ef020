/** Protocol 4: what an adversary may try, and what comes of it at both ends. */
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
import { connectRaw, got, loginRaw, put, Scene, startServer } from "../../support/v4/fixture.ts";
import { startInThisThread } from "../../support/server.ts";

/** At the server's end nobody has logged in or registered, nor was anybody refused: the client has not come so far. */
function assertNobody(log: ServerLog): void {
  assert.deepEqual([...log.entries, ...log.refusals], []);
}

/** The server knows why, and tells only that. */
function assertDenied(log: ServerLog, ...reasons: readonly string[]): void {
  assert.deepEqual(log.refusals, reasons.map((reason) => `client.denied: ${reason}`));
  assert.deepEqual(log.entries, []);
}

Deno.test("a man in the middle with a key of his own is found out where the server is known", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  (await scene.client("Alice"))[Symbol.dispose]();
  log.forget();
  // He answers at the address where the server was.
  await using other = await startServer(scene.folder.join("his"));
  await using proxy = await FaultyProxy.start(other.address);
  const known = await Deno.readTextFile(scene.folder.join("Alice", "known_servers"));
  const { hostname, port } = proxy.address;
  const moved = known.replace(/^\S+/, `${hostname}:${port}`);
  await Deno.writeTextFile(scene.folder.join("Alice", "known_servers"), moved);
  await assert.rejects(scene.client("Alice", { server: proxy.address }), {
    name: "ConfigurationError",
    code: "other-server",
  });
  assert.equal(await Deno.readTextFile(scene.folder.join("Alice", "known_servers")), moved);
  assertNobody(log);
});

Deno.test("with a fingerprint in the address he is found out on first use, and nobody is asked", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  await using other = await startServer(scene.folder.join("his"));
  const answer = await findV4Server(scene.server.address, DEFAULT_TIMEOUTS);
  const fingerprint = await fingerprintOf(answer?.certificate ?? new Uint8Array(0));
  const onNewServer = () => assert.fail("nobody is to be asked");
  const changes = { fingerprint, onNewServer };
  await assert.rejects(scene.client("Alice", { ...changes, server: other.address }), {
    code: "other-server",
  });
  assertNobody(log);
  (await scene.client("Alice", changes))[Symbol.dispose]();
});

Deno.test("without one a person is asked on first use, and a no is a no", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  const asked: string[] = [];
  const onNewServer = (fingerprint: string) => {
    asked.push(fingerprint);
    return false;
  };
  await assert.rejects(scene.client("Alice", { onNewServer }), { code: "server-not-trusted" });
  assert.match(asked[0] ?? "", /^SHA256:/);
  await assert.rejects(
    Deno.stat(scene.folder.join("Alice", "known_servers")),
    Deno.errors.NotFound,
  );
  assertNobody(log);
});

Deno.test("while a person is asked about a server, another one that is met there is not forgotten for it", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  const { address } = scene.server;
  const known = new KnownServers(scene.folder.join("Alice"));
  const other = pseudoRandomBytes(32);
  const onNewServer = async () => equalBytes(await known.keep(address, other) as Bytes, other);
  await assert.rejects(scene.client("Alice", { onNewServer }), { code: "other-server" });
  assert.deepEqual(await known.find(address), other);
  await log.awaits("connection.lost");
  assert.deepEqual(log.refusals, ["connection.lost: the client disconnected before signing in"]);
  assert.deepEqual(log.entries, []);
});

Deno.test("he who passes the certificate on has not its key: no channel comes about", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  await using other = await startServer(scene.folder.join("his"));
  const honest = await findV4Server(scene.server.address, DEFAULT_TIMEOUTS);
  const his = await findV4Server(other.address, DEFAULT_TIMEOUTS);
  assert.ok(honest !== undefined && his !== undefined);
  const lie = { certificate: honest.certificate, port: his.port };
  const fingerprint = await fingerprintOf(honest.certificate);
  await assert.rejects(openPinned(scene.server.address, lie, fingerprint, DEFAULT_TIMEOUTS), {
    name: "NetworkError",
    code: "no-secure-channel",
  });
  // The channel breaks before anybody has said who he is.
  await log.awaits("connection.lost");
  assert.match(log.refusals.join(), /^connection\.lost: an answer could not be sent: [^,]+$/);
  assert.deepEqual(log.entries, []);
});

Deno.test("who is met for the first time and has not the key of its certificate is not kept", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  await using other = await startServer(scene.folder.join("his"));
  const his = await findV4Server(other.address, DEFAULT_TIMEOUTS);
  assert.ok(his !== undefined);
  // He passes another's certificate on.
  await using proxy = await SecureProxy.start(scene.server, {
    plain: {
      down: () => (bytes) => {
        const { port } = decodeHelloAnswer(bytes) ?? { port: 0 };
        return [encodeHelloAnswer({ port, certificate: his.certificate })];
      },
    },
  });
  const meeting = scene.client("Alice", { server: proxy.address });
  await assert.rejects(meeting, { code: "no-secure-channel" });
  await assert.rejects(
    Deno.stat(scene.folder.join("Alice", "known_servers")),
    Deno.errors.NotFound,
  );
  // The channel breaks before anybody has said who he is.
  await log.awaits("connection.lost");
  assert.match(log.refusals.join(), /^connection\.lost: an answer could not be sent: [^,]+$/);
  assert.deepEqual(log.entries, []);
});

Deno.test("a hello that is stripped, or answered by nonsense, is no way down to protocol 3", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  (await scene.client("Alice"))[Symbol.dispose]();
  log.forget();
  const meddlers: Record<string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>[]> = {
    silence: () => [],
    nonsense: (bytes) => [bytes.map((byte) => byte ^ 0x55)],
    "an error of protocol 3": () => [Uint8Array.of(3, 0x3b, 0x08, 0, 0, 0, 0)],
  };
  for (const [what, answer] of Object.entries(meddlers)) {
    await using proxy = await FaultyProxy.start(scene.server.address, { down: () => answer });
    const failure = what === "nonsense"
      ? { name: "ProtocolError", code: "protocol-4-not-spoken" }
      : { name: "NetworkError", code: "no-hello" };
    await assert.rejects(scene.client("Alice", { server: proxy.address }), failure, what);
    assertNobody(log);
  }
  assert.equal((await listUsers(scene.data)).length, 1);
});

Deno.test("a server without protocol 4 ends the hello, and goes on with others", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  await using plain = await startInThisThread({
    listen: [{ hostname: "127.0.0.1", port: 0 }],
    dataFolder: scene.folder.join("plain"),
  });
  await assert.rejects(findV4Server(plain.address, DEFAULT_TIMEOUTS), { code: "no-hello" });
  assertNobody(log);
});

const NOT_IN = { name: "RefusedError", code: "not-authenticated" };

Deno.test("a signature is worth nothing on another connection", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  (await scene.client("Alice"))[Symbol.dispose]();
  log.forget();
  using first = await connectRaw(scene.server.address);
  using second = await connectRaw(scene.server.address);
  assert.notDeepEqual(first.nonce, second.nonce);
  await assert.rejects(
    loginRaw(second, scene.folder.join("Alice"), { nonce: first.nonce }),
    NOT_IN,
  );
  assertDenied(log, "the signature is wrong");
});

Deno.test("a signature that another server asked for is worth nothing here", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  (await scene.client("Alice"))[Symbol.dispose]();
  log.forget();
  await using other = await startServer(scene.folder.join("his"));
  using his = await connectRaw(other.address);
  using raw = await connectRaw(scene.server.address);
  // He relays our nonce; the client signs it for him, with his fingerprint.
  const { fingerprint } = his;
  await assert.rejects(loginRaw(raw, scene.folder.join("Alice"), { fingerprint }), NOT_IN);
  assertDenied(log, "the signature is wrong");
});

Deno.test("nobody logs in with another's id, or another's key", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  for (const name of ["Alice", "Bob"]) (await scene.client(name))[Symbol.dispose]();
  log.forget();
  const alice = new AccountFolder(scene.folder.join("Alice"));
  const { clientId } = await alice.loadAccount() ?? {};
  assert.ok(clientId !== undefined);
  {
    using raw = await connectRaw(scene.server.address);
    await assert.rejects(loginRaw(raw, scene.folder.join("Bob"), { clientId }), NOT_IN);
  }
  {
    using raw = await connectRaw(scene.server.address);
    const { publicKey: key } = await alice.loadKey();
    await assert.rejects(loginRaw(raw, scene.folder.join("Bob"), { clientId, key }), NOT_IN);
  }
  assertDenied(log, "the account has no such key", "the signature is wrong");
});

Deno.test("a name that is taken, by either protocol, is not given again", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  (await scene.client("Alice"))[Symbol.dispose]();
  const folder = scene.folder.join("another");
  await Deno.mkdir(folder, { mode: 0o700 });
  const options = { ...await scene.options("Alice"), identityFolder: folder };
  await assert.rejects(V4Client.connect(options), { code: "name-taken" });
  const bad = { ...options, userName: "no name" };
  await assert.rejects(V4Client.connect(bad), { code: "bad-user-name" });
  assert.deepEqual(log.refusals, [
    "client.refused: the user name is taken",
    "client.refused: a user name must have 1 to 254 ASCII letters and digits",
  ]);
  assert.deepEqual(log.entries, ["client.registered Alice"]);
});

Deno.test("nobody is let in to anything before he has logged in", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  using raw = await connectRaw(scene.server.address);
  const asked = raw.mux.ask({ kind: "list", tag: 1, prefix: "" }, () => true);
  await assert.rejects(asked, { code: "bad-frame" });
  assert.deepEqual(log.refusals, [
    "connection.refused: cannot accept list: the client is not signed in",
  ]);
  assert.deepEqual(log.entries, []);
});

Deno.test("another's files are not there: get, stat, remove, rename, list", async () => {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  using alice = await scene.client("Alice");
  await put(alice, [{ file: await scene.source("secret", pseudoRandomBytes(10)) }]);
  log.forget();
  using bob = await scene.client("Bob");
  const none = { code: "no-such-file" };
  await assert.rejects(got(bob, "secret"), none);
  await assert.rejects(bob.stat("secret"), none);
  await assert.rejects(bob.remove("secret"), none);
  await assert.rejects(bob.rename("secret", "mine"), none);
  await bob.list("", () => assert.fail("he has no files"));
  assert.equal((await alice.stat("secret")).size, 10);
  const refused = "request.refused: no such file: secret";
  assert.deepEqual(log.refusals, Array(4).fill(refused));
  assert.deepEqual(log.of("file.removed", "file.renamed"), []);
});

Deno.test("a file that was changed on the server's disk does not come out as what it was", async () => {
  await using scene = await Scene.create();
  using client = await scene.client("Alice");
  await put(client, [{ file: await scene.source("a", pseudoRandomBytes(2 * CHUNK_SIZE)) }]);
  const [path = ""] = scene.blobs("files");
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
  assert.deepEqual(taken, [CHUNK_SIZE], "the chunk before is sound");
});
