/** A full server reads a peer's first request before it rejects the peer, within bounds. */
import assert from "node:assert/strict";
import { type Bytes, concatBytes, toHex } from "../../../protocol/bytes.ts";
import { Server } from "../../../server/server.ts";
import { BUSY, HELLO } from "../../../protocol/hello.ts";
import { MAX_REJECTING } from "../../../server/listen/rejected_connections.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { Fixture, LOOPBACK } from "../../support/v4/fixture.ts";

/** Everything that arrives until the server ends the connection. */
async function rest(socket: Deno.TcpConn): Promise<Bytes> {
  let all: Bytes = new Uint8Array(0);
  for (;;) {
    const buffer = new Uint8Array(100);
    const size = await socket.read(buffer).catch(() => null);
    if (size === null) return all;
    all = concatBytes(all, buffer.subarray(0, size));
  }
}

/** 2107 of 2023c, without payload. */
const GENERAL_ERROR = "033b0800000000";
/** 1607 of 2024. */
const GENERAL_ERROR_2024 = "03470600000000";

function header(code: number): Bytes {
  const bytes = new Uint8Array(23);
  bytes.set([3, code & 0xff, code >> 8, 255], 16);
  return bytes;
}

const FIRST_WORDS: readonly [what: string, bytes: Bytes, answer: string][] = [
  ["a hello", HELLO, toHex(BUSY)],
  ["a registration of 2023c", header(1025), GENERAL_ERROR],
  ["a registration of 2024", header(825), GENERAL_ERROR_2024],
  ["a code of no protocol", header(7), GENERAL_ERROR_2024],
  ["silence", new Uint8Array(0), GENERAL_ERROR],
  ["half a hello", HELLO.slice(0, 20), GENERAL_ERROR],
];

Deno.test("full server: it answers in the protocol of the peer, and ends the connection", async () => {
  await using fixture = await Fixture.create({ maxConnections: 1 });
  using _held = await Deno.connect(fixture.server.address);
  for (const [what, bytes, answer] of FIRST_WORDS) {
    using peer = await Deno.connect(fixture.server.address);
    if (bytes.length > 0) await peer.write(bytes);
    assert.equal(toHex(await rest(peer)), answer, what);
  }
});

Deno.test("full server: without protocol 4 it never mentions it", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await Server.start({
    ...{ listen: [LOOPBACK], dataFolder: folder.join("data"), limits: { maxConnections: 1 } },
  });
  using _held = await Deno.connect(server.address);
  using peer = await Deno.connect(server.address);
  await peer.write(HELLO);
  assert.equal(toHex(await rest(peer)), GENERAL_ERROR);
});

Deno.test("full server: it reads from a bounded number of peers; beyond it, the oldest is closed without an answer of protocol 3", async () => {
  await using fixture = await Fixture.create({ maxConnections: 1 });
  using held = await Deno.connect(fixture.server.address);
  const silent: Deno.TcpConn[] = [];
  try {
    while (silent.length <= MAX_REJECTING) silent.push(await Deno.connect(fixture.server.address));
    assert.equal(toHex(await rest(silent[0] as Deno.TcpConn)), toHex(BUSY));
    // A peer that asks gets an answer, however many are silent.
    using asking = await Deno.connect(fixture.server.address);
    await asking.write(HELLO);
    assert.equal(toHex(await rest(asking)), toHex(BUSY));
  } finally {
    for (const peer of silent) peer.close();
  }
  assert.ok(held.remoteAddr);
});

Deno.test("full server: on stopping it does not wait for rejected peers", async () => {
  await using fixture = await Fixture.create({ maxConnections: 1 });
  using _held = await Deno.connect(fixture.server.address);
  using silent = await Deno.connect(fixture.server.address);
  const said = rest(silent);
  // By then it is accepted, and its request is incomplete.
  await fixture.server.close();
  assert.ok([toHex(BUSY), ""].includes(toHex(await said)));
});
