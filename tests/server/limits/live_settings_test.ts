/** Limits and registration, changed while the server runs: effective at once, also on open connections. */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS, type Limits } from "../../../server/limits/limits.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { LiveSettings } from "../../../server/limits/live_settings.ts";
import { Server } from "../../../server/server.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { Fixture, put } from "../../support/v4/fixture.ts";

const SIZE = 1000;
const content = pseudoRandomBytes(SIZE);

async function store(peer: RawClient, name: string): Promise<string> {
  const received = kindOf(await peer.sendFile(name, content));
  return received === "fileReceived" ? kindOf(await peer.judge("crcValid", name)) : received;
}

async function namesStored(fixture: Fixture): Promise<string[]> {
  const clients = await listStored(fixture.data);
  return clients.flatMap(({ files }) => files.map(({ name }) => name)).sort();
}

Deno.test("live settings: omitted ones stay, and the limits are always the same object", () => {
  const rules = new LiveSettings({ limits: { quota: 5 } });
  const { limits } = rules;
  assert.deepEqual(limits, { ...DEFAULT_LIMITS, quota: 5 });
  rules.change({ registration: "closed" });
  rules.change({ limits: { historyMs: 3 } });
  assert.deepEqual(limits, { ...DEFAULT_LIMITS, quota: 5, historyMs: 3 });
  assert.equal(rules.registration, "closed");
  assert.equal(DEFAULT_LIMITS.historyMs, 30 * 24 * 3600_000, "nobody can change the defaults");
});

Deno.test("live settings: a limit that is undefined keeps its value", () => {
  const rules = new LiveSettings({ limits: { quota: 5 } });
  rules.change({ limits: { quota: undefined } as unknown as Partial<Limits> });
  assert.equal(rules.limits.quota, 5);
});

const IMPOSSIBLE: readonly Partial<Limits>[] = [
  { quota: NaN },
  { maxFileSize: -1 },
  { maxConnections: 0 },
];

for (const limits of IMPOSSIBLE) {
  Deno.test(`live settings: ${Deno.inspect(limits)} is refused, and nothing changes`, () => {
    const rules = new LiveSettings({ limits: { quota: 5 } });
    const change = { registration: "closed", limits: { historyMs: 3, ...limits } } as const;
    assert.throws(() => rules.change(change), RangeError);
    assert.deepEqual(rules.limits, { ...DEFAULT_LIMITS, quota: 5 });
    assert.equal(rules.registration, "open");
    assert.throws(() => new LiveSettings({ limits }), RangeError);
  });
}

Deno.test("server: an option that only a mistake gives is refused before a data folder is created", async () => {
  await using folder = await TemporaryFolder.create();
  const dataFolder = folder.join("data");
  const listen = [{ hostname: "127.0.0.1", port: 0 }];
  await assert.rejects(Server.start({ listen: [], dataFolder }), TypeError);
  await assert.rejects(Server.start({ listen, dataFolder, limits: { quota: NaN } }), RangeError);
  await assert.rejects(Deno.stat(dataFolder), Deno.errors.NotFound);
});

const TIGHTER: readonly Partial<Limits>[] = [
  { maxFileSize: SIZE - 1 },
  { quota: 2 * SIZE },
  { quotaFiles: 2 },
  { minFree: 2 ** 52 },
];

for (const limits of TIGHTER) {
  const [name] = Object.keys(limits) as (keyof Limits)[];
  if (name === undefined) continue;
  Deno.test(`${name}: a new value is effective on open connections of both protocols, and can be reset`, async () => {
    await using fixture = await Fixture.create();
    using peer = await RawClient.connect(fixture.server.address);
    await peer.enrol("Alice");
    using bob = await fixture.client("Bob");
    const file = await fixture.source("file", content);
    const stored = ["a", "b"];
    for (const name of stored) {
      assert.equal(await store(peer, name), "messageReceived");
      assert.equal(typeof (await put(bob, [{ file, name }]))[0], "number");
    }

    await fixture.server.reload({ limits });
    assert.deepEqual(await put(bob, [{ file, name: "c" }]), ["over-limit"]);
    assert.equal(await store(peer, "c"), "generalError");
    assert.deepEqual(await namesStored(fixture), ["a", "a", "b", "b"]);

    await fixture.server.reload({ limits: { [name]: DEFAULT_LIMITS[name] } });
    assert.equal(typeof (await put(bob, [{ file, name: "c" }]))[0], "number");
  });
}

Deno.test("registration: closed and opened while the server runs, for both protocols", async () => {
  await using fixture = await Fixture.create();
  using peer = await RawClient.connect(fixture.server.address);
  assert.equal(kindOf(await peer.register("Alice")), "registered");
  await fixture.server.reload({ registration: "closed" });
  assert.equal(kindOf(await peer.register("Anna")), "refused");
  assert.equal(kindOf(await peer.sendKey("Alice")), "generalError", "started, and not completed");
  await assert.rejects(fixture.client("Bob"), { code: "registration-closed" });
  await fixture.server.reload({ registration: "open" });
  using again = await RawClient.connect(fixture.server.address);
  assert.equal(kindOf(await again.register("Anna")), "registered");
  using _bob = await fixture.client("Bob");
});

Deno.test("maxConnections: a lower one closes no connection, and accepts no new one", async () => {
  await using fixture = await Fixture.create();
  using first = await RawClient.connect(fixture.server.address);
  await first.enrol("Alice");
  using second = await RawClient.connect(fixture.server.address);
  await second.enrol("Bob");
  await fixture.server.reload({ limits: { maxConnections: 1 } });
  using third = await RawClient.connect(fixture.server.address);
  assert.equal(kindOf(await third.receive()), "generalError");
  for (const peer of [first, second]) assert.equal(await store(peer, "a"), "messageReceived");
});

Deno.test("idleTimeoutMs: new connections have the new time, a wait in progress its own", async () => {
  await using fixture = await Fixture.create();
  using first = await RawClient.connect(fixture.server.address);
  await first.enrol("Alice");
  await fixture.server.reload({ limits: { idleTimeoutMs: 30 } });
  using second = await RawClient.connect(fixture.server.address);
  assert.equal(kindOf(await second.receive()), "generalError");
  await fixture.server.reload({ limits: { idleTimeoutMs: DEFAULT_LIMITS.idleTimeoutMs } });
  assert.equal(await store(first, "a"), "messageReceived");
});

Deno.test("sessionTtlMs: a shorter one applies to keys in memory", async () => {
  let now = 1_000_000_000;
  await using fixture = await Fixture.create({}, { clock: () => now, ticks: () => now });
  using first = await RawClient.connect(fixture.server.address);
  await first.enrol("Alice");
  now += 60_000;
  using second = await RawClient.connect(fixture.server.address);
  second.clientId = first.clientId;
  second.aesKey = first.aesKey;
  await fixture.server.reload({ limits: { sessionTtlMs: 60_000 } });
  assert.equal(kindOf(await second.sendFile("a", content)), "generalError");
});
