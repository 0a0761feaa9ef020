/** Protocol 4: one file over several connections. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { MAX_AHEAD } from "../../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { ServerLog } from "../../support/server_log.ts";
import { Fixture, got } from "../../support/v4/fixture.ts";
import { missing, sumsOf, Uploader } from "../../support/v4/raw_client.ts";
import { FILE_PUT } from "../../support/v4/message_fields.ts";
import { sendChunk } from "../../support/v4/chunks.ts";

const CHUNKS = 9;
const content = pseudoRandomBytes((CHUNKS - 1) * CHUNK_SIZE + 5);

function test(what: string, body: (fixture: Fixture, alice: Uploader) => Promise<void>) {
  Deno.test(`v4 join: ${what}`, async () => {
    await using fixture = await Fixture.create();
    for (const name of ["Alice", "Bob"]) (await fixture.client(name))[Symbol.dispose]();
    using alice = await Uploader.login(fixture, "Alice");
    await body(fixture, alice);
  });
}

async function assertStored(fixture: Fixture): Promise<void> {
  using alice = await fixture.client("Alice");
  assert.deepEqual(await got(alice, "a"), content);
  assert.deepEqual(fixture.blobs("staging"), []);
}

test(
  "chunks that arrive on three connections in any order make one whole file",
  async (fixture, alice) => {
    const { tag, transfer } = await alice.resume(content);
    const order = [8, 3, 0, 7, 5, 1, 6, 2, 4];
    await Promise.all(
      [0, 1].map(async (lane) => {
        using other = await Uploader.login(fixture, "Alice");
        const joined = await other.join(transfer);
        await other.send(joined, content, ...order.filter((_, i) => i % 3 === lane));
        await other.leave(joined);
      }).concat(alice.send(tag, content, ...order.filter((_, i) => i % 3 === 2))),
    );
    assert.equal((await alice.end(tag, content)).cksum, cksum(content));
    await assertStored(fixture);
  },
);

test("a connection can join, leave, and then upload a file of its own", async (fixture, alice) => {
  const { tag, transfer } = await alice.resume(content);
  using other = await Uploader.login(fixture, "Alice");
  const joined = await other.join(transfer);
  await other.send(joined, content, 1);
  await other.leave(joined);
  const own = content.slice(0, 10);
  const begun = await other.begin(own, { name: "b" });
  await other.send(begun, own, 0);
  await other.end(begun, own);
  await alice.send(tag, content, 0, ...missing(content, 2 * CHUNK_SIZE));
  await alice.end(tag, content);
  await assertStored(fixture);
});

test(
  "a lost connection just leaves: its missing chunks come on another",
  async (fixture, alice) => {
    const { tag, transfer } = await alice.resume(content);
    {
      using lost = await Uploader.login(fixture, "Alice");
      await lost.join(transfer);
    }
    await alice.send(tag, content, ...missing(content, CHUNK_SIZE));
    using other = await Uploader.login(fixture, "Alice");
    const joined = await other.join(transfer);
    await other.send(joined, content, 0);
    await other.leave(joined);
    await alice.end(tag, content);
    await assertStored(fixture);
  },
);

for (const how of ["leaves", "is lost"]) {
  test(
    `an end with missing data waits until the last connection ${how}`,
    async (fixture, alice) => {
      const { tag, transfer } = await alice.resume(content);
      using other = await Uploader.login(fixture, "Alice");
      const joined = await other.join(transfer);
      await alice.send(tag, content, ...missing(content, CHUNK_SIZE));
      await alice.mux.send({ kind: "end", tag, ...sumsOf(content) });
      if (how === "leaves") await other.leave(joined);
      else other[Symbol.dispose]();
      assert.equal(await alice.ended(), "bad-frame");
    },
  );
}

test("a transfer of another account looks like one that does not exist", async (fixture, alice) => {
  const { transfer } = await alice.resume(content);
  await using log = await ServerLog.take("debug");
  using bob = await Uploader.login(fixture, "Bob");
  const refusals: string[] = [];
  for (const id of [transfer, pseudoRandomBytes(16)]) {
    await assert.rejects(bob.join(id), (error: { code: string; message: string }) => {
      refusals.push(`${error.code} ${error.message}`);
      return error.code === "no-such-transfer";
    });
  }
  assert.equal(refusals[0], refusals[1]);
  const refused = "request.refused: you have no open upload with this id";
  assert.deepEqual(log.refusals, [refused, refused]);
  await assert.rejects(alice.join(transfer), { code: "bad-frame" }, "the file has not ended");
  await log.awaits("connection.refused");
  assert.match(log.refusals.at(-1) ?? "", /^connection\.refused: cannot accept join: /);
});

for (const how of ["stored", "cancelled"]) {
  test(`leaving a transfer that was ${how} meanwhile is an error`, async (fixture, alice) => {
    const { tag, transfer } = await alice.resume(content);
    using other = await Uploader.login(fixture, "Alice");
    const joined = await other.join(transfer);
    if (how === "stored") {
      await alice.send(tag, content, ...missing(content, 0));
      await alice.end(tag, content);
    } else {
      await alice.cancel(tag);
      await alice.settle();
    }
    await other.send(joined, content, 1, 2);
    await assert.rejects(other.leave(joined), { code: "no-such-transfer" });
    await assert.rejects(other.join(transfer), { code: "no-such-transfer" });
    await other.settle();
    assert.deepEqual(fixture.blobs("staging"), []);
  });
}

const FAULTS: Readonly<Record<string, (other: Uploader, tag: number) => Promise<void>>> = {
  "a repeated chunk": (other, tag) => other.send(tag, content, 1, 1),
  "a chunk of another size": (other, tag) => sendChunk(other.mux, tag, 0, content.slice(0, 9)),
  "a chunk at no chunk boundary": (other, tag) => sendChunk(other.mux, tag, 9, content.slice(9)),
  "a chunk after the end": (other, tag) =>
    sendChunk(other.mux, tag, CHUNKS * CHUNK_SIZE, content.slice(0, 9)),
  "data of an unknown transfer": (other, tag) => other.send(tag + 1, content, 1),
  "an end": (other, tag) => other.mux.send({ kind: "end", tag, ...sumsOf(content) }),
};

for (const [fault, commit] of Object.entries(FAULTS)) {
  test(
    `a joined connection that sends ${fault} is closed, and the upload stays`,
    async (fixture, alice) => {
      const { tag, transfer } = await alice.resume(content);
      await using log = await ServerLog.take();
      using other = await Uploader.login(fixture, "Alice");
      const joined = await other.join(transfer);
      await commit(other, joined).catch(() => undefined);
      assert.equal(await other.ended(), "bad-frame");
      const [refused] = await log.awaits("connection.refused");
      assert.equal(refused?.["code"], "bad-frame");
      const sent = fault === "a repeated chunk" ? [1] : [];
      const left = missing(content, 0).filter((index) => !sent.includes(index));
      await alice.send(tag, content, ...left);
      await alice.end(tag, content);
      await assertStored(fixture);
    },
  );
}

test(
  "a chunk too far ahead of the first missing one violates the protocol",
  async (fixture, alice) => {
    const tag = alice.mux.nextTag();
    const size = (MAX_AHEAD + 3) * CHUNK_SIZE;
    const put = { ...FILE_PUT, kind: "put", tag, name: "a", size, resume: 1 } as const;
    const { transfer } = await alice.mux.askFor(put, "held");
    using other = await Uploader.login(fixture, "Alice");
    const joined = await other.join(transfer);
    const chunk = content.slice(0, CHUNK_SIZE);
    await sendChunk(other.mux, joined, MAX_AHEAD * CHUNK_SIZE, chunk);
    await other.leave(joined);
    const again = await other.join(transfer);
    await sendChunk(other.mux, again, (MAX_AHEAD + 1) * CHUNK_SIZE, chunk);
    assert.equal(await other.ended(), "bad-frame");
    await alice.cancel(tag);
    await alice.settle();
    assert.deepEqual(fixture.blobs("staging"), []);
  },
);
