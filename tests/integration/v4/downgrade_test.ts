/** The choice of the protocol. Nobody on the network can change it for a client that knows its server. */
import assert from "node:assert/strict";
import { type Address, formatAddress } from "../../../protocol/address.ts";
import type { ConnectOptions } from "../../../client/v4/connect_options.ts";
import { putAll } from "../../support/v4/put_all.ts";
import type { Retry } from "../../../client/net/retry.ts";
import { V4Client } from "../../../client/v4/client.ts";
import { sendFiles } from "../../../client/v3/send_files.ts";
import type { TracedMessage } from "../../../client/net/wire_trace.ts";
import type { XferError } from "../../../protocol/errors.ts";
import { AccountFolder } from "../../../client/identity/v4_account.ts";
import { KnownServers, type ServerIdentity } from "../../../client/identity/known_servers.ts";
import { isHello } from "../../../protocol/hello.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { type Fault, type Faults, FaultyProxy } from "../../support/net/faulty_proxy.ts";
import { ServerLog } from "../../support/server_log.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { Fixture } from "../../support/v4/fixture.ts";
import { type Asked, choose, NOWHERE, TIMEOUTS } from "../../support/v4/choose_protocol.ts";

const FINGERPRINT = pseudoRandomBytes(32);
const NO_HELLO = { name: "NetworkError", code: "no-hello" };
const NOT_SPOKEN = { name: "ProtocolError", code: "protocol-4-not-spoken" };

/** 2107, of 2023c. */
const GENERAL_ERROR = Uint8Array.of(3, 0x3b, 0x08, 0, 0, 0, 0);

/** Answers of published servers of protocol 3 to the hello. An attacker can send them, too. */
const AS_PROTOCOL_3: Readonly<Record<string, Faults>> = {
  "silence": { up: () => () => [] },
  "a close": { up: () => () => ["fin"] },
  "a reset": { up: () => () => ["rst"] },
  "a general error of protocol 3": { down: () => () => [GENERAL_ERROR, "fin"] },
  "a general error of version 2": {
    down: () => () => [Uint8Array.from(GENERAL_ERROR, (byte, at) => at === 0 ? 2 : byte), "fin"],
  },
};

/** Answers that no published server sends. */
const AS_NONE: Readonly<Record<string, readonly [Faults, failure: object]>> = {
  "garbage": [{ down: () => (bytes) => [bytes.map((byte) => byte ^ 0x55)] }, NOT_SPOKEN],
  "another answer of protocol 3": [{
    down: () => () => [Uint8Array.of(3, 0x34, 0x08, 0, 0, 0, 0), "fin"],
  }, NOT_SPOKEN],
  "half an answer": [{ down: () => (bytes) => [bytes.slice(0, 20), "fin"] }, NO_HELLO],
  "half an answer, then silence": [{ down: () => (bytes) => [bytes.slice(0, 3)] }, NO_HELLO],
};

/** Ways of an attacker to keep a server's answer to the hello from the client. */
const STRIPPED: Readonly<Record<string, readonly [Faults, failure: object]>> = {
  ...Object.fromEntries(Object.entries(AS_PROTOCOL_3).map(([what, by]) => [what, [by, NO_HELLO]])),
  ...AS_NONE,
};

Deno.test("downgrade: an unknown server gets the hello; without an answer, the client warns and uses protocol 3", async () => {
  await using fixture = await Fixture.create();
  const { identityFolder } = await fixture.options("Alice");
  const { address } = fixture.server;
  assert.equal((await choose(identityFolder, { info: { server: address } })).protocol, 4);
  for (const [what, faults] of Object.entries(AS_PROTOCOL_3)) {
    await using proxy = await FaultyProxy.start(address, faults);
    const choice = await choose(identityFolder, { info: { server: proxy.address } });
    assert.deepEqual(choice, { protocol: 3, why: "unanswered", known: undefined }, what);
  }
});

Deno.test("downgrade: a server that answered is not asked again for the first connection, but after a failure", async () => {
  await using fixture = await Fixture.create();
  const path = await fixture.folder.write("a.txt", pseudoRandomBytes(10));
  // The second hello reaches a server that was restarted at another port meanwhile.
  for (const [userName, changes, asked] of [["Alice", {}, 1], ["Bob", NOWHERE, 2]] as const) {
    const options = await fixture.options(userName);
    const { server, identityFolder } = options;
    let hellos = 0;
    const tracer = () => ({ kind }: TracedMessage) => {
      if (kind === "hello") hellos++;
    };
    const choice = await choose(identityFolder, { info: { server }, tracer });
    assert.ok(choice.protocol === 4 && choice.found !== undefined);
    const found = { ...choice.found, ...changes };
    const pause = () => Promise.resolve();
    const [outcome] = await putAll({
      connect: { ...options, tracer },
      transfer: { found, pause },
      paths: [path],
    });
    assert.equal(outcome?.state, "stored");
    assert.equal(hellos, asked, userName);
  }
});

Deno.test("downgrade: an answer that no published server sends is an error, and does not lead to protocol 3", async () => {
  await using fixture = await Fixture.create();
  const { identityFolder } = await fixture.options("Alice");
  for (const [what, [faults, failure]] of Object.entries(AS_NONE)) {
    await using proxy = await FaultyProxy.start(fixture.server.address, faults);
    await assert.rejects(
      choose(identityFolder, { info: { server: proxy.address } }),
      failure,
      what,
    );
  }
});

Deno.test("downgrade: for a known server, no answer to the hello changes the protocol: nothing is asked or sent", async () => {
  await using folder = await TemporaryFolder.create();
  const known = new KnownServers(folder.path);
  const ways: readonly [what: string, identity: ServerIdentity | undefined, asked: Asked][] = [
    ["a fingerprint in line 1", undefined, { info: { secure: true, fingerprint: FINGERPRINT } }],
    ["xfer:// in line 1", undefined, { info: { secure: true } }],
    ["met before, by fingerprint", FINGERPRINT, {}],
    ["met before, by name", "pki", {}],
    ["asked for", undefined, { asked: "4" }],
  ];
  for (const [what, identity, asked] of ways) {
    await known.forget(NOWHERE);
    if (identity !== undefined) await known.keep(NOWHERE, identity);
    assert.deepEqual(await choose(folder.path, asked), { protocol: 4 }, what);
    const withEdition = choose(folder.path, { ...asked, hasV3Options: true });
    await assert.rejects(withEdition, { name: "UsageError", code: "protocol-3-only" }, what);
  }
  await known.forget(NOWHERE);
  const account = new AccountFolder(folder.path);
  const alice = { name: "Alice", clientId: pseudoRandomBytes(16) };
  await account.saveAccount(alice, await account.loadKey());
  assert.deepEqual(await choose(folder.path), { protocol: 4 }, "an account of protocol 4");
});

Deno.test("downgrade: a known server whose hello is stripped is a connection error, never protocol 3", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  await using log = await ServerLog.take();
  for (const [what, [faults, failure]] of Object.entries(STRIPPED)) {
    await using proxy = await FaultyProxy.start(fixture.server.address, faults);
    const common = { server: proxy.address, timeouts: TIMEOUTS };
    const pinned = { ...common, fingerprint: FINGERPRINT };
    await assert.rejects(fixture.client("Bob", pinned), failure, what);
    const known = new KnownServers((await fixture.options("Carol")).identityFolder);
    await known.keep(proxy.address, "pki");
    await assert.rejects(fixture.client("Carol", common), failure, what);
    assert.equal(await known.find(proxy.address), "pki", what);
  }
  // On the server nobody connected, over either protocol.
  assert.deepEqual([...log.entries, ...log.of("client.reconnected")], []);
});

Deno.test("downgrade: --protocol 3 skips the hello and warns of what it gives up", async () => {
  await using folder = await TemporaryFolder.create();
  const known = new KnownServers(folder.path);
  const warned = { protocol: 3, why: "asked" };
  for (const asked of [{ asked: "3" }, { hasV3Options: true }] as const) {
    assert.deepEqual(await choose(folder.path, asked), { ...warned, known: undefined });
  }
  for (const identity of [FINGERPRINT, "pki"] as const) {
    await known.forget(NOWHERE);
    await known.keep(NOWHERE, identity);
    assert.deepEqual(await choose(folder.path, { asked: "3" }), { ...warned, known: identity });
  }
  for (const info of [{ secure: true }, { secure: true, fingerprint: FINGERPRINT }]) {
    await assert.rejects(choose(folder.path, { asked: "3", info }), {
      name: "UsageError",
      code: "downgrade",
    });
  }
});

Deno.test("downgrade: --protocol 3 is remembered with a warning, until the server proves to have protocol 4", async () => {
  await using folder = await TemporaryFolder.create();
  const known = new KnownServers(folder.path);
  const again = { protocol: 3, why: "remembered", known: undefined };
  await known.keepProtocol3(NOWHERE);
  // There is no terminal for a question.
  assert.deepEqual(await choose(folder.path), again);
  await assert.rejects(choose(folder.path, { info: { server: { ...NOWHERE, port: 2 } } }), {
    code: "cannot-connect",
  });
  assert.deepEqual(await choose(folder.path, { asked: "4" }), { protocol: 4 });
  await assert.rejects(choose(folder.path, { hasV4Options: true }), { code: "cannot-connect" });
  assert.deepEqual(await choose(folder.path, { info: { secure: true } }), { protocol: 4 });
  await known.keep(NOWHERE, FINGERPRINT);
  assert.deepEqual(await choose(folder.path), { protocol: 4 });
  await known.forget(NOWHERE);
  await known.keepProtocol3(NOWHERE);
  const account = new AccountFolder(folder.path);
  const alice = { name: "Alice", clientId: pseudoRandomBytes(16) };
  await account.saveAccount(alice, await account.loadKey());
  assert.deepEqual(await choose(folder.path), { protocol: 4 }, "an account of protocol 4");
});

Deno.test("downgrade: after a network failure the server is asked again, and the answer is reported", async () => {
  await using fixture = await Fixture.create();
  const { identityFolder } = await fixture.options("Alice");
  const { address } = fixture.server;
  await fixture.server.close();
  const retries: Retry[] = [];
  const info = { server: address };
  const onRetry = (retry: Retry) => retries.push(retry);
  const pause = () => Promise.resolve();
  await assert.rejects(choose(identityFolder, { info, retry: { onRetry, retries: 2, pause } }), {
    name: "NetworkError",
    code: "cannot-connect",
  });
  assert.equal(retries.length, 2);
  // The server is back when the client returns.
  let proxy: FaultyProxy | undefined;
  const returning = async () => {
    proxy ??= await FaultyProxy.startAt(address, NOWHERE, { down: () => () => [] });
  };
  const choice = await choose(identityFolder, {
    info,
    retry: { onRetry, retries: 2, pause: returning },
  });
  await proxy?.[Symbol.asyncDispose]();
  assert.equal(choice.protocol, 3);
});

Deno.test("downgrade: a server without protocol 4 does not switch to it later in the run", async () => {
  await using fixture = await Fixture.create();
  const { identityFolder } = await fixture.options("Alice");
  let hellos = 0;
  const stripAllButTheFirst: Fault = (bytes) => [
    ...isHello(bytes) && ++hellos > 1 ? ["fin" as const] : [bytes],
  ];
  await using proxy = await FaultyProxy.start(fixture.server.address, {
    up: () => stripAllButTheFirst,
  });
  const server = proxy.address;
  assert.equal((await choose(identityFolder, { info: { server } })).protocol, 4);
  await assert.rejects(fixture.client("Alice", { server }), NO_HELLO);
  assert.equal(hellos, 2);
});

Deno.test("downgrade: hints never suggest --protocol 3 if the server is pinned or the command needs protocol 4", async () => {
  await using fixture = await Fixture.create();
  for (
    const faults of [
      { up: () => () => ["fin" as const] },
      AS_NONE["garbage"]?.[0] as Faults,
    ]
  ) {
    await using proxy = await FaultyProxy.start(fixture.server.address, faults);
    const hintOf = async (byProtocol3: ConnectOptions["byProtocol3"]) => {
      const failure = await fixture.client("Alice", { server: proxy.address, byProtocol3 })
        .then(() => assert.fail(), (error: XferError) => error);
      return failure.hint ?? "";
    };
    assert.match(await hintOf("possible"), /add --protocol 3 if/);
    assert.doesNotMatch(await hintOf("impossible"), /--protocol/);
    assert.doesNotMatch(await hintOf(undefined), /--protocol|requires/);
  }
});

Deno.test("ports: over either protocol, the TLS port instead of the plain one is recognized, and the hint names the plain one", async () => {
  await using fixture = await Fixture.create();
  const tls = fixture.server.addresses[1] as Address;
  const options = await fixture.options("Alice", { server: tls });
  const { identityFolder, userName } = options;
  const path = fixture.folder.join("file");
  await Deno.writeTextFile(path, "content");
  const byProtocol3 = (edition?: "auto") =>
    sendFiles({
      connect: {
        server: tls,
        userName,
        identityFolder,
        ...edition === undefined ? {} : { edition },
        onEvent: ({ type }) => assert.notEqual(type, "retrying"),
      },
      files: [path],
    }).then((outcomes) => {
      for (const outcome of outcomes) if ("error" in outcome) throw outcome.error;
    });
  const plain = formatAddress({ ...tls, port: tls.port - 1 });
  const onRetry = () => assert.fail("tried again");
  for (
    const [what, connecting] of [
      ["protocol 4", () => V4Client.connectWithRetries(options, { onRetry })],
      [
        "the choice",
        () => choose(identityFolder, { info: { server: tls }, retry: { retries: 1, onRetry } }),
      ],
      ["protocol 3", () => byProtocol3()],
      ["protocol 3, any edition", () => byProtocol3("auto")],
    ] as const
  ) {
    const failure = await connecting().then(() => assert.fail(what), (error: XferError) => error);
    assert.deepEqual([failure.name, failure.code], ["ProtocolError", "tls-port"], what);
    assert.ok(failure.hint?.includes(`(${plain})`), failure.hint);
  }
});
