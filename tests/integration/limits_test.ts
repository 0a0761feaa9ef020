/** Each limit, exceeded: a general error, a log line with its name, the end of the connection, nothing left behind. */
import assert from "node:assert/strict";
import { reset } from "@logtape/logtape";
import fc from "fast-check";
import {
  DEFAULT_LIMITS,
  LIMIT_NAMES,
  LimitError,
  type LimitName,
  LIMITS,
  type Limits,
} from "../../server/limits/limits.ts";
import { listStored } from "../../server/operator/list_files.ts";
import type { Server } from "../../server/server.ts";
import { addressKey } from "../../server/limits/client_address.ts";
import { ReadDeadline } from "../../server/listen/read_deadline.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { kindOf, RawClient } from "../support/v3/raw_client.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { takeLogs } from "../support/server_log.ts";
import { startInThisThread } from "../support/server.ts";

interface Fixture {
  readonly server: Server;
  readonly peer: RawClient;
  readonly connect: () => Promise<RawClient>;
  readonly advance: (ms: number) => void;
}

const MIB = 1024 * 1024;
const content = pseudoRandomBytes(1000);
/** The free disk space in these tests. */
const FREE = 300 * MIB;

/** Exceeds a limit and checks the end. `excess` returns the peer that exceeded it and its last answer. */
function over(
  limit: LimitName,
  limits: Partial<Limits>,
  excess: (fixture: Fixture) => Promise<{ peer: RawClient; answer: string }>,
  { stored = [], staged = 0 }: { readonly stored?: readonly string[]; readonly staged?: number } =
    {},
) {
  Deno.test(`limit ${limit}: a general error, its name in the log, the connection closed, nothing left`, async () => {
    await using folder = await TemporaryFolder.create();
    const reached: unknown[] = [];
    await takeLogs("info", ({ properties }) => void reached.push(properties));
    let now = 1_000_000_000;
    const peers: RawClient[] = [];
    try {
      await using server = await startInThisThread({
        listen: [{ hostname: "127.0.0.1", port: 0 }],
        ...{ dataFolder: folder.join("data"), limits, clock: () => now, ticks: () => now },
        freeSpace: () => Promise.resolve(FREE),
      });
      const connect = async () => {
        const peer = await RawClient.connect(server.address);
        peers.push(peer);
        return peer;
      };
      const advance = (ms: number) => void (now += ms);
      const { peer, answer } = await excess({ server, peer: await connect(), connect, advance });
      assert.equal(answer, "generalError");
      assert.equal(await peer.receive(), "closed");
      const [line] = (reached as Record<string, unknown>[])
        .filter(({ event }) => event === "limit.reached");
      assert.equal(line?.["name"], limit);
      assert.equal(line?.["option"], `--${LIMITS[limit].option}`);
      assert.match(`${line?.["address"]}`, /^127\.0\.0\.1:/);
      assert.equal([...Deno.readDirSync(folder.join("data", "staging"))].length, staged);
      const clients = await listStored(folder.join("data"));
      assert.deepEqual(clients.flatMap(({ files }) => files.map(({ name }) => name)), stored);
    } finally {
      for (const peer of peers) peer[Symbol.dispose]();
      await reset();
    }
  });
}

async function store(peer: RawClient, name: string, bytes = content): Promise<string> {
  const received = kindOf(await peer.sendFile(name, bytes));
  return received === "fileReceived" ? kindOf(await peer.judge("crcValid", name)) : received;
}

over("maxConnections", { maxConnections: 1 }, async ({ peer: first, connect }) => {
  assert.equal(kindOf(await first.register("Alice")), "registered");
  const peer = await connect();
  return { peer, answer: kindOf(await peer.receive()) };
});

over(
  "maxConnectionsPerAddress",
  { maxConnectionsPerAddress: 1 },
  async ({ peer: first, connect }) => {
    assert.equal(kindOf(await first.register("Alice")), "registered");
    const peer = await connect();
    return { peer, answer: kindOf(await peer.receive()) };
  },
);

over("idleTimeoutMs", { idleTimeoutMs: 30 }, async ({ peer }) => {
  return { peer, answer: kindOf(await peer.receive()) };
});

over("requestTimeoutMs", { requestTimeoutMs: 30 }, async ({ peer }) => {
  await peer.write(new Uint8Array(10));
  return { peer, answer: kindOf(await peer.receive()) };
});

over("stallTimeoutMs", { stallTimeoutMs: 200, minRate: 0 }, async ({ peer }) => {
  await peer.enrol("Alice");
  await peer.write(peer.fileHead("a", 1008));
  await peer.write(new Uint8Array(500));
  return { peer, answer: kindOf(await peer.receive()) };
});

over("minRate", { stallTimeoutMs: 300, minRate: MIB }, async ({ peer }) => {
  await peer.enrol("Alice");
  await peer.write(peer.fileHead("a", 100_000));
  const answer = peer.receive().then(kindOf);
  let over = false;
  answer.then(() => over = true);
  // A peer that drips: never silent for long, and never fast enough.
  while (!over) {
    await peer.write(new Uint8Array(1)).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { peer, answer: await answer };
});

over("maxRequestsPerConnection", { maxRequestsPerConnection: 3 }, async ({ peer }) => {
  await peer.enrol("Alice");
  assert.equal(kindOf(await peer.reconnect("Alice")), "reconnected");
  return { peer, answer: kindOf(await peer.sendFile("a", content)) };
});

over(
  "maxRegistrationsPerHour",
  { maxRegistrationsPerHour: 3 },
  async ({ connect, advance, peer }) => {
    for (const name of ["a", "b", "c"]) {
      assert.equal(kindOf(await peer.register(name)), "registered");
    }
    const refused = await connect();
    assert.equal(kindOf(await refused.register("d")), "generalError");
    advance(60 * 60_000);
    for (const name of ["e", "f", "g"]) {
      assert.equal(kindOf(await peer.register(name)), "registered", "another hour has begun");
    }
    return { peer, answer: kindOf(await peer.register("h")) };
  },
);

over("maxFileSize", { maxFileSize: 1000 }, async ({ peer }) => {
  await peer.enrol("Alice");
  assert.equal(await store(peer, "fits"), "messageReceived");
  await peer.write(peer.fileHead("large", 2000 * 16));
  return { peer, answer: kindOf(await peer.receive()) };
}, { stored: ["fits"] });

over("maxFileSize", { maxFileSize: 1000 }, async ({ peer }) => {
  await peer.enrol("Alice");
  return { peer, answer: await store(peer, "by one byte", pseudoRandomBytes(1001)) };
});

over("quota", { quota: 2500 }, async ({ peer }) => {
  await peer.enrol("Alice");
  for (const name of ["a", "b", "a"]) assert.equal(await store(peer, name), "messageReceived");
  return { peer, answer: await store(peer, "c") };
}, { stored: ["a", "b"] });

over("quota", { quota: 1500 }, async ({ peer }) => {
  await peer.enrol("Alice");
  // A file without a verdict counts, unless it is overwritten by the one being sent.
  for (const name of ["a", "a"]) {
    assert.equal(kindOf(await peer.sendFile(name, content)), "fileReceived");
  }
  return { peer, answer: kindOf(await peer.sendFile("b", content)) };
}, { staged: 1 });

over("quota", { quota: 1500 }, async ({ peer }) => {
  await peer.enrol("Alice");
  // A dropped, stored or superseded file no longer counts.
  for (const judgment of ["crcInvalid", "crcGivenUp", "crcValid", "crcValid"] as const) {
    assert.equal(kindOf(await peer.sendFile(judgment, content)), "fileReceived");
    assert.equal(kindOf(await peer.judge(judgment, judgment)), "messageReceived");
  }
  return { peer, answer: kindOf(await peer.sendFile("b", content)) };
}, { stored: ["crcValid"] });

over("quotaFiles", { quotaFiles: 1 }, async ({ peer }) => {
  await peer.enrol("Alice");
  for (const name of ["a", "a"]) assert.equal(await store(peer, name), "messageReceived");
  return { peer, answer: await store(peer, "b") };
}, { stored: ["a"] });

over("minFree", { minFree: FREE - 1007 }, async ({ peer }) => {
  await peer.enrol("Alice");
  return { peer, answer: kindOf(await peer.sendFile("a", content)) };
});

over("maxStagedPerClient", { maxStagedPerClient: 2 }, async ({ peer }) => {
  await peer.enrol("Alice");
  for (const name of ["a", "b"]) {
    assert.equal(kindOf(await peer.sendFile(name, content)), "fileReceived");
  }
  return { peer, answer: kindOf(await peer.sendFile("c", content)) };
}, { staged: 2 });

Deno.test("limits: a peer that drips gets the time that its bytes earn, one that stalls the stall timeout", () => {
  const limits = { ...DEFAULT_LIMITS, stallTimeoutMs: 1000, minRate: 100 };
  const patience = new ReadDeadline(limits);
  patience.enter("content");
  assert.deepEqual(patience.left(), { limit: "stallTimeoutMs", ms: 1000 });
  patience.spend(900, 10);
  assert.deepEqual(patience.left(), { limit: "minRate", ms: 200 });
  patience.spend(100, 1000);
  assert.deepEqual(patience.left(), { limit: "stallTimeoutMs", ms: 1000 });
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(500), fc.nat(50))), (waits) => {
    const patience = new ReadDeadline(limits);
    patience.enter("content");
    let waited = 0;
    let received = 0;
    for (const [ms, bytes] of waits) {
      patience.spend(ms, bytes);
      waited += ms;
      received += bytes;
    }
    assert.ok(patience.left().ms <= 1000 && patience.left().ms <= 1000 - waited + received * 10);
  }));
});

Deno.test("limits: a peer that waits for its own data may pause, and a piece must then come at the minimum rate", () => {
  const deadline = new ReadDeadline({ ...DEFAULT_LIMITS, stallTimeoutMs: 1000, minRate: 100 });
  const stall = { limit: "stallTimeoutMs", ms: 1000 } as const;
  deadline.enter("stream");
  for (let pauses = 0; pauses < 100; pauses++) {
    deadline.spend(900, 17);
    assert.deepEqual(deadline.left(), stall);
  }
  deadline.enter("content");
  assert.deepEqual(deadline.left(), stall);
  deadline.spend(900, 10);
  assert.deepEqual(deadline.left(), { limit: "minRate", ms: 200 });
});

Deno.test("limits: peers are counted by address, for IPv6 by network", () => {
  const cases: readonly [string, string][] = [
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:0db8:0:0:ffff::9", "2001:db8:0:0::/64"],
    ["2001:db8:0:1::1", "2001:db8:0:1::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ];
  for (const [hostname, key] of cases) assert.equal(addressKey(hostname), key, hostname);
});

Deno.test("limits: docs/operations.md describes each with its option and default", async () => {
  const docs = await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url));
  for (const name of LIMIT_NAMES) {
    const { option, what, reason } = LIMITS[name];
    const row = docs.split("\n").find((line) => line.startsWith(`| \`--${option}\``));
    assert.ok(row?.includes(what) && row.includes(reason), `${name} differs from the table`);
  }
});

Deno.test("limits: messages to the client say what the limit means for it, without names internal to the server", () => {
  const messageOf = (limit: LimitName, value: number) => new LimitError(limit, value).message;
  assert.equal(messageOf("minFree", 1048576), "the server's disk is full");
  assert.equal(messageOf("quota", 1000), "the upload would exceed your quota of 1000 bytes");
  assert.equal(messageOf("idleTimeoutMs", 1500), "no request arrived for 1.5 seconds");
  for (const limit of LIMIT_NAMES) {
    assert.doesNotMatch(messageOf(limit, 5), /[a-z][A-Z]|--/, limit);
  }
});
