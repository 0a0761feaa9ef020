/** Protocol 4: bytes that are changed or cut off on their way, record by record of TLS, and what either end makes of it. */
import assert from "node:assert/strict";
import type { XferError } from "../../../protocol/errors.ts";
import { KnownServers } from "../../../client/identity/known_servers.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import type { Direction, Meddler } from "../../support/net/faulty_proxy.ts";
import { ServerLog } from "../../support/server_log.ts";
import { cutAt } from "../../support/net/tamper.ts";
import { SecureProxy } from "../../support/net/tls_proxy.ts";
import { cutInRecord, eachRecord, flipInRecord, type Meddled } from "../../support/tls/records.ts";
import { got, put, Scene } from "../../support/v4/fixture.ts";

/** In either direction: hello, change of ciphers, and what proves the keys. The rest is protocol 4. */
const HANDSHAKE = 3;
const CHANGE_OF_CIPHERS = 1;
/** What the client says first within the channel. */
const LOGIN = HANDSHAKE;

const content = pseudoRandomBytes(3000);
const LEFT = "the client disconnected in the middle of a message";

interface Faulty {
  readonly scene: Scene;
  readonly log: ServerLog;
  /** Puts and gets a file through a meddler; the code of what the client has thrown. */
  readonly session: (direction: Direction, meddler: () => Meddler) => Promise<string>;
}

async function faulty(body: (faulty: Faulty) => Promise<void>): Promise<void> {
  await using log = await ServerLog.take("debug");
  await using scene = await Scene.create();
  (await scene.client("Alice"))[Symbol.dispose]();
  const file = await scene.source("a", content);
  const session = async (direction: Direction, meddler: () => Meddler) => {
    await using proxy = await SecureProxy.start(scene.server, { secure: { [direction]: meddler } });
    const { address: server } = proxy;
    // A port may come again, and with it what is known of it.
    await new KnownServers(scene.folder.join("Alice")).forget(server);
    log.forget();
    try {
      using client = await scene.client("Alice", { server });
      const [outcome] = await put(client, [{ file, name: "b" }]);
      assert.equal(typeof outcome, "number");
      // Not compared as an array of so many numbers.
      assert.deepEqual(await got(client, "b"), content);
      return "none";
    } catch (error) {
      const { name, code } = error as XferError;
      return `${name} ${code}`;
    }
  };
  await body({ scene, log, session });
  using alice = await scene.client("Alice");
  assert.deepEqual(await got(alice, "b"), content, "it is what was put");
}

/** What the client throws: a channel that did not come about, or was lost. It has its own keys proven by the third record. */
function clientCode(direction: Direction, record: number): string {
  const opening = record === 0 || direction === "down" && record < HANDSHAKE;
  return `NetworkError ${opening ? "no-secure-channel" : "connection-lost"}`;
}

/** Resolves when the server has lost the connection, or seen its client leave, of which it makes nothing. */
async function oneEnd(log: ServerLog): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, 300);
  await Promise.race([log.awaits("connection.lost"), promise]);
  clearTimeout(timer);
}

async function recordsOf({ session }: Faulty, direction: Direction): Promise<number[]> {
  const sizes: number[] = [];
  const count = eachRecord((record) => {
    sizes.push(record.length);
    return [record];
  });
  assert.equal(await session(direction, count), "none");
  assert.ok(sizes.length > HANDSHAKE + 2, `${sizes}`);
  return sizes;
}

for (const direction of ["up", "down"] as const) {
  Deno.test(`a byte of a record that is changed on its way (${direction}) breaks the channel for both ends`, () =>
    faulty(async (it) => {
      const { session, log } = it;
      for (const [record, size] of (await recordsOf(it, direction)).entries()) {
        // Behind the header, at successive offsets to its end.
        const step = Math.max(1, Math.ceil((size - 6) / 5));
        const places = [...Array(6).keys()].map((i) => 5 + i * step).filter((at) => at < size);
        for (const place of [...places, size - 1]) {
          const meddled: Meddled = { done: false };
          const code = await session(direction, flipInRecord(record, place, 1, meddled));
          // How messages are gathered into records is not the same each time.
          if (!meddled.done) {
            assert.equal(code, "none");
            continue;
          }
          const where = `byte ${place} of record ${record}`;
          assert.equal(code, clientCode(direction, record), where);
          if (direction === "up") {
            const [lost] = await log.awaits("connection.lost");
            const seen = /cannot decrypt peer's message/;
            if (record > CHANGE_OF_CIPHERS) assert.match(`${where}: ${lost?.["reason"]}`, seen);
          } else await oneEnd(log);
          // It is the client that has found it out: the server may get its alert, or see it leave.
          assert.ok(log.refusals.length <= 1, log.refusals.join());
          for (const refusal of log.refusals) assert.match(refusal, /^connection\.lost: /, where);
          const early = direction === "up" ? record <= LOGIN : record < HANDSHAKE;
          if (early) assert.deepEqual(log.entries, [], where);
        }
      }
    }));

  Deno.test(`a connection that is cut off within a record (${direction}) is an error to the client, and to the server`, () =>
    faulty(async (it) => {
      const { session, log } = it;
      for (const [record, size] of (await recordsOf(it, direction)).entries()) {
        for (const ending of ["fin", "rst"] as const) {
          const meddled: Meddled = { done: false };
          const cut = cutInRecord(record, Math.floor(size / 2), ending, meddled);
          const code = await session(direction, cut);
          if (!meddled.done) {
            assert.equal(code, "none");
            continue;
          }
          const where = `${ending} in record ${record}`;
          assert.equal(code, clientCode(direction, record), where);
          const early = direction === "up" ? record <= LOGIN : record < HANDSHAKE;
          if (early) assert.deepEqual(log.entries, [], where);
          // Between two messages a cut is like any client's leaving, which is no fault.
          if (early) await log.awaits("connection.lost");
          else if (ending === "rst") await oneEnd(log);
          const refusals = log.refusals.filter((one) => !one.startsWith("connection.lost: "));
          assert.deepEqual(refusals, [], where);
          if (early && ending === "fin" && record === LOGIN) {
            assert.deepEqual(log.refusals, [
              "connection.lost: the client disconnected before signing in",
            ]);
          }
        }
      }
    }));
}

for (const ending of ["fin", "rst"] as const) {
  Deno.test(`a file that is cut off on its way (${ending}) is an error to both ends, and not stored`, async () => {
    await using log = await ServerLog.take();
    await using scene = await Scene.create();
    (await scene.client("Alice"))[Symbol.dispose]();
    const file = await scene.source("a", pseudoRandomBytes(3 * CHUNK_SIZE));
    const secure = { up: cutAt(2 * CHUNK_SIZE - 1000, ending) };
    await using proxy = await SecureProxy.start(scene.server, { secure });
    using client = await scene.client("Alice", { server: proxy.address });
    await assert.rejects(put(client, [{ file, name: "b" }]), {
      name: "NetworkError",
      code: "connection-lost",
    });
    await log.awaits("connection.lost");
    // Deno 2.4 resets nothing: there it is an end like the other.
    const reasons = { fin: LEFT, rst: `connection reset|${LEFT}` };
    assert.match(log.refusals.join(), new RegExp(`^connection\\.lost: (${reasons[ending]})`));
    assert.deepEqual([...log.of("file.stored"), ...scene.blobs("files")], []);
    using alice = await scene.client("Alice");
    await assert.rejects(alice.stat("b"), { code: "no-such-file" });
  });
}
