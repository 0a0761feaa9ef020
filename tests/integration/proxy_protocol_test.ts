/** Clients behind a load balancer that tells their address: limits, log, and headers that must not count. */
import assert from "node:assert/strict";
import type { Address } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { parseNetwork } from "../../server/listen/networks.ts";
import type { ServerOptions } from "../../server/lifecycle/server_options.ts";
import { areEqual, pseudoRandomBytes, utf8 } from "../support/bytes.ts";
import { FaultyProxy } from "../support/net/faulty_proxy.ts";
import { addressesOf, headerV1, headerV2, preceding } from "../support/net/proxy_headers.ts";
import { ServerLog } from "../support/server_log.ts";
import { helloOf, named, NAMES } from "../support/v4/certificate_fixture.ts";
import { Fixture, got, put } from "../support/v4/fixture.ts";
import { kindOf, RawClient } from "../support/v3/raw_client.ts";

const CLIENT = { hostname: "203.0.113.9", port: 4000 };
const SHOWN = "203.0.113.9:4000";
const V6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
const LOOPBACK = networkOf("127.0.0.0/8");
const SIZE = 3_000_000;

function networkOf(text: string) {
  const network = parseNetwork(text);
  if (network === undefined) throw new Error(text);
  return network;
}

/** A server whose balancer sends this header on both ports. */
class Proxied implements AsyncDisposable {
  header: Bytes = headerV1(CLIENT);
  fixture!: Fixture;
  plain!: FaultyProxy;
  secure!: FaultyProxy;

  static async create(
    limits: ServerOptions["limits"] = {},
    options: Partial<ServerOptions> = {},
  ): Promise<Proxied> {
    const proxied = new Proxied();
    const lead = (place: 0 | -1) =>
      FaultyProxy.start(
        () => proxied.fixture.server.addresses.at(place),
        preceding(() => proxied.header),
      );
    proxied.plain = await lead(0);
    proxied.secure = await lead(-1);
    proxied.fixture = await Fixture.create(limits, {
      advertise: { address: proxied.plain.address, tlsPort: proxied.secure.address.port },
      proxyProtocol: [LOOPBACK],
      ...options,
    });
    return proxied;
  }

  client(name: string) {
    return this.fixture.client(name, { server: this.plain.address });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fixture[Symbol.asyncDispose]();
    await this.plain[Symbol.asyncDispose]();
    await this.secure[Symbol.asyncDispose]();
  }
}

const addressesIn = (log: ServerLog, ...events: readonly string[]) =>
  log.of(...events).map(({ address }) => address);

Deno.test("proxy protocol: a client of protocol 4 uploads and downloads, and the log has its address", async () => {
  await using log = await ServerLog.take();
  await using it = await Proxied.create();
  const content = pseudoRandomBytes(SIZE);
  const headers: readonly [header: Bytes, shown: string][] = [
    [headerV1(CLIENT), SHOWN],
    [headerV2(0x21, 0x21, addressesOf(V6, 7)), "[2001:db8::7]:7"],
  ];
  for (const [header, shown] of headers) {
    it.header = header;
    log.forget();
    using alice = await it.client("Alice");
    await put(alice, [{ file: await it.fixture.source("a", content) }]);
    assert.ok(areEqual(await got(alice, "a"), content));
    const seen = addressesIn(log, "client.registered", "client.logged-in", "file.stored");
    assert.deepEqual([...new Set(seen)], [shown]);
  }
});

Deno.test("proxy protocol: limits per address count the client, not the balancer", async () => {
  await using it = await Proxied.create({ maxConnectionsPerAddress: 1 });
  using _alice = await it.client("Alice");
  using peer = await RawClient.connect(it.plain.address);
  assert.equal(kindOf(await peer.register("Bob")), "generalError", "the second of an address");
  it.header = headerV1({ ...CLIENT, hostname: "203.0.113.10" });
  using other = await RawClient.connect(it.plain.address);
  assert.equal(kindOf(await other.register("Bob")), "registered");
});

Deno.test("proxy protocol: a request in the same piece as the header, or byte by byte, is read", async () => {
  await using log = await ServerLog.take();
  await using it = await Proxied.create();
  const { address } = it.fixture.server;
  using alice = await RawClient.connect(address);
  for (const byte of headerV2(0x21, 0x11, addressesOf([203, 0, 113, 9], 4000))) {
    await alice.write(Uint8Array.of(byte));
  }
  assert.equal(kindOf(await alice.register("Alice")), "registered");
  assert.deepEqual(addressesIn(log, "client.registered"), [SHOWN]);
});

Deno.test("proxy protocol: a balancer's own connection has the balancer's address", async () => {
  await using log = await ServerLog.take();
  await using it = await Proxied.create();
  it.header = headerV2(0x20, 0, new Uint8Array(0));
  using peer = await RawClient.connect(it.plain.address);
  assert.equal(kindOf(await peer.register("Alice")), "registered");
  assert.match(String(addressesIn(log, "client.registered")[0]), /^127\.0\.0\.1:\d+$/);
});

Deno.test("proxy protocol: a balancer's connection without a valid header is closed, and logged", async () => {
  await using log = await ServerLog.take();
  await using it = await Proxied.create({ requestTimeoutMs: 200 });
  const [plain, secure] = it.fixture.server.addresses as [Address, Address];
  for (const address of [plain, secure]) {
    for (const bytes of [utf8("GET / HTTP/1.1\r\n"), utf8("PROXY TCP4 "), new Uint8Array(0)]) {
      using peer = await RawClient.connect(address);
      await peer.write(bytes);
      assert.equal(await peer.receive(), "closed");
    }
  }
  const lines = await log.awaits("connection.refused", 6);
  assert.deepEqual(new Set(lines.map(({ code }) => code)), new Set(["bad-proxy-header"]));
});

Deno.test("proxy protocol: a balancer that only connects and disconnects causes no line", async () => {
  await using log = await ServerLog.take();
  await using it = await Proxied.create();
  for (const address of it.fixture.server.addresses) {
    const check = await Deno.connect({ ...address });
    check.closeWrite();
    assert.equal(await check.read(new Uint8Array(1)), null, "the server closes it, too");
    check.close();
  }
  assert.deepEqual(log.refusals, []);
});

Deno.test("proxy protocol: others need no header, and theirs does not count", async () => {
  await using log = await ServerLog.take();
  await using fixture = await Fixture.create({}, { proxyProtocol: [networkOf("192.0.2.0/24")] });
  const content = pseudoRandomBytes(SIZE);
  using alice = await fixture.client("Alice");
  await put(alice, [{ file: await fixture.source("a", content) }]);
  assert.ok(areEqual(await got(alice, "a"), content));
  assert.match(String(addressesIn(log, "file.stored")[0]), /^127\.0\.0\.1:/);
  const [plain, secure] = fixture.server.addresses as [Address, Address];
  for (const address of [plain, secure]) {
    using liar = await RawClient.connect(address);
    await liar.write(headerV1(CLIENT));
    await liar.register("Bob").catch(() => undefined);
    assert.equal(await liar.receive().catch(() => "closed"), "closed");
  }
  assert.ok(!addressesIn(log, "connection.refused", "connection.lost").includes(SHOWN));
});

Deno.test("proxy protocol: a reload shows the new certificate to new connections, and old ones continue", async () => {
  await using it = await named(undefined, { proxyProtocol: [networkOf("192.0.2.0/24")] });
  const { fixture, authority, trust } = it;
  const content = pseudoRandomBytes(SIZE);
  const before = await helloOf(fixture.byName);
  using alice = await fixture.client("Alice", trust);
  await fixture.show(await authority.issue({ names: NAMES }));
  await fixture.server.reload();
  await put(alice, [{ file: await fixture.source("a", content) }]);
  using again = await fixture.client("Alice", trust);
  assert.ok(areEqual(await got(again, "a"), content));
  assert.notDeepEqual((await helloOf(fixture.byName)).certificate, before.certificate);
});
