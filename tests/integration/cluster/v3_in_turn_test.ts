/** Protocol 3 with two servers on one database and one bucket: a client reaches another one with each connection. */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { edition2023a } from "../../../protocol/v3/editions/edition_2023a.ts";
import { DEFAULT_SERVED } from "../../../protocol/v3/editions/mod.ts";
import { readContent } from "../../../server/data_folder/stored_content.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { type Elsewhere, elsewhereForReal } from "../../support/store/elsewhere.ts";
import { OBSERVED_PROFILES } from "../../support/v3/observed_profiles.ts";
import { Emulator } from "../../support/v3/emulated_client.ts";
import { kindOf, RawClient } from "../../support/v3/raw_client.ts";
import { ServersInTurn, type TurnOptions } from "../../support/v3/servers_in_turn.ts";
import { NodeLease } from "../../../server/cluster/node_lease.ts";
import type { PostgresCatalog } from "../../../server/catalog/postgres/postgres_catalog.ts";

const PART_SIZE = 2 ** 16;
/** More than two parts in the object store. */
const content = pseudoRandomBytes(2 * PART_SIZE + 1000);

function test(
  what: string,
  body: (servers: ServersInTurn, elsewhere: Elsewhere) => Promise<void>,
  options: TurnOptions = {},
): void {
  Deno.test(`protocol 3 in turn: ${what}`, async () => {
    await using elsewhere = await elsewhereForReal(PART_SIZE);
    await using servers = await ServersInTurn.start(elsewhere, options);
    await body(servers, elsewhere);
  });
}

/** The contents of all files of an account, by name. */
async function stored(elsewhere: Elsewhere, user: string): Promise<Record<string, Bytes>> {
  await using catalog = await elsewhere.openers.catalog("");
  const blobs = await elsewhere.openers.blobs("", {});
  const account = await catalog.accounts.find({ name: user });
  const files = account === undefined ? [] : await catalog.files.listAll(account.id);
  const contents: Record<string, Bytes> = {};
  for (const file of files) {
    const pieces: Bytes[] = [];
    for await (const piece of readContent({ catalog, blobs }, file)) pieces.push(piece.slice());
    contents[file.name] = concatBytes(...pieces);
  }
  return contents;
}

test("clients of every profile store files, and replace them", async (servers, elsewhere) => {
  const profiles = Object.entries(OBSERVED_PROFILES).filter(([, { edition }]) =>
    DEFAULT_SERVED.includes(edition)
  );
  assert.ok(profiles.length > 10);
  await Promise.all(profiles.map(async ([name, profile]) => {
    const user = name.replace("-", "");
    using client = new Emulator(servers.address, profile);
    await client.register(user);
    await client.store("a", content.subarray(0, 5000));
    await client.send("b", content.subarray(0, 3000));
    await client.store("a", content.subarray(0, 4000));
    assert.deepEqual(await stored(elsewhere, user), { a: content.slice(0, 4000) }, user);
  }));
}, { limits: { maxRegistrationsPerHour: 100 } });

/** Registers Alice at the first server, and connects to both. */
async function connectBoth({ first, second }: ServersInTurn) {
  const one = await RawClient.connect(first.address);
  const two = await RawClient.connect(second.address);
  await one.enrol("Alice");
  Object.assign(two, { clientId: one.clientId, aesKey: one.aesKey });
  return { one, two };
}

test(
  "a file sent to one server is confirmed at the other when its client has disconnected",
  async (servers, elsewhere) => {
    const { one, two } = await connectBoth(servers);
    assert.equal(kindOf(await one.sendFile("a", content)), "fileReceived");
    one[Symbol.dispose]();
    using _ = two;
    await two.reconnectSocket();
    assert.equal(kindOf(await two.judge("crcValid", "a")), "messageReceived");
    assert.deepEqual(await stored(elsewhere, "Alice"), { a: content });
    assert.deepEqual(elsewhere.counts, { blobs: 1, uploads: 0 });
  },
);

test(
  "who knows only the id cannot judge a file at the other server while its client is connected",
  async (servers, elsewhere) => {
    const { one, two } = await connectBoth(servers);
    using owner = one;
    using other = two;
    await owner.sendFile("a", content);
    await other.reconnectSocket();
    assert.equal(kindOf(await other.judge("crcValid", "a")), "generalError");
    await other.judge("crcInvalid", "a");
    assert.deepEqual(await stored(elsewhere, "Alice"), {});
    assert.equal(kindOf(await owner.judge("crcValid", "a")), "messageReceived");
    assert.deepEqual(await stored(elsewhere, "Alice"), { a: content });
  },
);

test("a file that a client rejects at the other server is deleted", async (servers, elsewhere) => {
  const { one, two } = await connectBoth(servers);
  using first = one;
  using second = two;
  // This connection has exchanged no keys, so that any other one can judge its file.
  assert.equal(kindOf(await second.sendFile("a", content)), "fileReceived");
  assert.equal(elsewhere.counts.blobs, 1);
  await first.reconnectSocket();
  assert.equal(kindOf(await first.judge("crcInvalid", "a")), "messageReceived");
  assert.deepEqual(elsewhere.counts, { blobs: 0, uploads: 0 });
  assert.equal(kindOf(await first.judge("crcValid", "a")), "generalError");
});

test("files and packets outlive the server that has received them", async (servers, elsewhere) => {
  const profile = OBSERVED_PROFILES["2024-d"] ?? assert.fail();
  using early = new Emulator(servers.first.address, profile);
  await early.register("Bob");
  const rest = await early.beginFile("packets", content.subarray(0, 3000));
  await early.send("whole", content.subarray(0, 3000));
  await servers.first.close();
  using late = new Emulator(servers.second.address, profile);
  late.clientId = early.clientId;
  await late.judge("crcValid", "whole");
  assert.equal(await late.sendParts(rest), cksum(content.subarray(0, 3000)));
  await late.judge("crcValid", "packets");
  const expected = content.slice(0, 3000);
  assert.deepEqual(await stored(elsewhere, "Bob"), { packets: expected, whole: expected });
});

test("a client that rejects the cksum at each server gets zlib's CRC-32", async (servers) => {
  const plaintext = content.subarray(0, 3000);
  using client = await RawClient.connect(servers.address, edition2023a);
  await client.enrol("Alice");
  const checksums: (number | undefined)[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    await client.reconnectSocket();
    await client.reconnect("Alice");
    const response = await client.sendFile("a", plaintext);
    checksums.push(response !== "closed" && "crc" in response ? response.crc : undefined);
    await client.judge(attempt < 2 ? "crcInvalid" : "crcValid", "a");
  }
  assert.deepEqual(checksums, [cksum(plaintext), cksum(plaintext), crc32(plaintext)]);
});

test("attempts to register count at both servers", async (servers) => {
  const kinds: string[] = [];
  for (const name of ["A", "B", "C"]) {
    using client = await RawClient.connect(servers.address);
    kinds.push(kindOf(await client.register(name)));
  }
  assert.deepEqual(kinds, ["registered", "registered", "generalError"]);
}, { limits: { maxRegistrationsPerHour: 2 } });

/** A client whose files wait in the catalog at once, since it has exchanged its keys on another connection. */
async function connectSeparately(servers: ServersInTurn): Promise<RawClient> {
  const client = await RawClient.connect(servers.address);
  await client.enrol("Alice");
  await client.reconnectSocket();
  return client;
}

test(
  "a client that disconnects with its file waiting is answered at the next server at once",
  async (servers, elsewhere) => {
    using client = await connectSeparately(servers);
    for (const name of ["a", "b", "c"]) {
      await client.reconnectSocket();
      assert.equal(kindOf(await client.reconnect("Alice")), "reconnected");
      assert.equal(kindOf(await client.sendFile(name, content)), "fileReceived");
      await client.reconnectSocket();
      assert.equal(kindOf(await client.judge("crcValid", name)), "messageReceived");
    }
    assert.deepEqual(await stored(elsewhere, "Alice"), { a: content, b: content, c: content });
    assert.deepEqual(elsewhere.counts, { blobs: 3, uploads: 0 });
  },
);

test(
  "a quota decides when the second file is confirmed, and its blob is deleted",
  async (servers, elsewhere) => {
    using client = await connectSeparately(servers);
    for (const name of ["a", "b"]) {
      assert.equal(kindOf(await client.sendFile(name, content)), "fileReceived");
      await client.reconnectSocket();
    }
    assert.equal(elsewhere.counts.blobs, 2);
    assert.equal(kindOf(await client.judge("crcValid", "a")), "messageReceived");
    assert.equal(kindOf(await client.judge("crcValid", "b")), "generalError");
    assert.deepEqual(await stored(elsewhere, "Alice"), { a: content });
    assert.deepEqual(elsewhere.counts, { blobs: 1, uploads: 0 });
  },
  { limits: { quota: content.length * 1.5 } },
);

test(
  "a verdict never means an earlier file than the one in the memory of a server",
  async (servers, elsewhere) => {
    const { one, two } = await connectBoth(servers);
    using owner = one;
    using other = two;
    assert.equal(kindOf(await other.sendFile("a", content.slice(1))), "fileReceived");
    assert.equal(kindOf(await owner.sendFile("a", content)), "fileReceived");
    await other.reconnectSocket();
    assert.equal(kindOf(await other.judge("crcValid", "a")), "generalError");
    assert.deepEqual(await stored(elsewhere, "Alice"), {});
    assert.equal(kindOf(await owner.judge("crcValid", "a")), "messageReceived");
    assert.deepEqual(await stored(elsewhere, "Alice"), { a: content });
  },
);

/** The lease of the first server ends, and another one removes it before it notices. */
async function removeFirst(elsewhere: Elsewhere): Promise<void> {
  await using catalog = await elsewhere.openers.catalog("") as PostgresCatalog;
  const names = new Set<string>();
  while (names.size === 0) {
    await catalog.database.unchecked(({ run }) =>
      run(`UPDATE nodes SET lease_until = clock_timestamp()
        WHERE epoch = (SELECT min(epoch) FROM nodes)`)
    );
    await using other = await NodeLease.join(catalog.nodes, {
      name: "other",
      onRemoved: (name) => names.add(name),
    });
    assert.equal(typeof other.epoch, "number");
  }
}

test(
  "a file whose server has lost its lease is not confirmed there, and can be sent to the other",
  async (servers, elsewhere) => {
    const { one, two } = await connectBoth(servers);
    using first = one;
    using second = two;
    assert.equal(kindOf(await first.sendFile("a", content)), "fileReceived");
    await removeFirst(elsewhere);
    assert.notEqual(kindOf(await first.judge("crcValid", "a")), "messageReceived");
    assert.deepEqual(await stored(elsewhere, "Alice"), {});
    assert.equal(kindOf(await second.reconnect("Alice")), "reconnected");
    assert.equal(kindOf(await second.sendFile("a", content)), "fileReceived");
    assert.equal(kindOf(await second.judge("crcValid", "a")), "messageReceived");
    assert.deepEqual(await stored(elsewhere, "Alice"), { a: content });
    await servers.first.close();
    assert.deepEqual(elsewhere.counts, { blobs: 1, uploads: 0 });
  },
);

test("a file without a verdict expires, and its blob is deleted", async (servers, elsewhere) => {
  using client = await connectSeparately(servers);
  assert.equal(kindOf(await client.sendFile("a", content)), "fileReceived");
  while (elsewhere.counts.blobs > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await client.reconnectSocket();
  assert.equal(kindOf(await client.judge("crcValid", "a")), "generalError");
}, { limits: { unverifiedTtlMs: 1 }, housekeepingMs: 20 });

test(
  "of clients that register one name at both servers, one gets it",
  async ({ servers }, elsewhere) => {
    const kinds = await Promise.all(
      [...servers, ...servers, ...servers].map(async ({ address }) => {
        using client = await RawClient.connect(address);
        return kindOf(await client.register("Alice"));
      }),
    );
    assert.deepEqual(kinds.toSorted(), [
      "refused",
      "refused",
      "refused",
      "refused",
      "refused",
      "registered",
    ]);
    await using catalog = await elsewhere.openers.catalog("");
    assert.equal((await catalog.accounts.list()).length, 1);
  },
  { limits: { maxRegistrationsPerHour: 100 } },
);

const time = { ahead: 0 };

test("a disabled account is refused at both servers after a second", async (servers, elsewhere) => {
  const { one, two } = await connectBoth(servers);
  using first = one;
  using second = two;
  for (const client of [first, second]) {
    assert.equal(kindOf(await client.sendFile("a", content)), "fileReceived");
  }
  await using catalog = await elsewhere.openers.catalog("");
  await catalog.accounts.update(first.clientId, { disabled: true });
  time.ahead += 1000;
  for (const client of [first, second]) {
    assert.equal(kindOf(await client.sendFile("b", content)), "generalError");
    assert.equal(kindOf(await client.reconnect("Alice")), "generalError");
  }
}, { ticks: () => performance.now() + time.ahead });
