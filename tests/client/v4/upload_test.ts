/** One upload: resumed, compared, sent again. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import type { XferError } from "../../../protocol/errors.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import type { Upload } from "../../../client/v4/upload.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { countingReads } from "../../support/counting_reads.ts";
import { ScriptedServer } from "../../support/v4/scripted_session.ts";
import {
  CONTENT,
  digestOfFirst,
  NOTHING,
  send,
  SIZE,
  storing,
  testUpload,
  uploadOf,
} from "../../support/v4/scripted_uploads.ts";
import { FILE } from "../../support/v4/message_fields.ts";

const PARTIALS = [
  ["nothing", 0],
  ["one chunk", CHUNK_SIZE],
  ["all whole chunks", 5 * CHUNK_SIZE],
  ["all of it", SIZE],
] as const;
for (const [what, offset] of PARTIALS) {
  testUpload(`the server keeps ${what}: the rest is sent`, async (folder) => {
    using server = new ScriptedServer(storing(offset));
    const { outcomes, resumedAt } = await send(server, await uploadOf(folder));
    assert.deepEqual(outcomes, [cksum(CONTENT)]);
    assert.deepEqual(resumedAt, offset === 0 ? [] : [offset]);
    const expected = [];
    for (let at = Math.ceil(offset / CHUNK_SIZE) * CHUNK_SIZE; at < SIZE; at += CHUNK_SIZE) {
      expected.push(at);
    }
    assert.deepEqual(server.offsets, expected);
  });
}

testUpload(
  "the server keeps part of another file: it is discarded, and the file sent whole",
  async (folder) => {
    using server = new ScriptedServer(storing(2 * CHUNK_SIZE, digestOfFirst(CHUNK_SIZE)));
    const { outcomes, resumedAt } = await send(server, await uploadOf(folder));
    assert.deepEqual([outcomes, resumedAt], [[cksum(CONTENT)], []]);
    assert.deepEqual(server.kinds("put", "cancel", "end"), ["put", "cancel", "put", "end"]);
    const puts = server.received.flatMap((message) =>
      message.kind === "put" ? [message.resume] : []
    );
    assert.deepEqual(puts, [1, 0]);
    assert.equal(server.offsets.length, 6);
  },
);

for (
  const [what, offset] of [["between chunks", 5], ["beyond the file", 6 * CHUNK_SIZE]] as const
) {
  testUpload(
    `the server claims an offset ${what}: a protocol error, nothing is sent`,
    async (folder) => {
      using server = new ScriptedServer(storing(offset, NOTHING));
      const { outcomes, error } = await send(server, await uploadOf(folder));
      assert.deepEqual(outcomes, []);
      assert.equal((error as XferError).code, "unexpected-answer");
      assert.deepEqual(server.offsets, []);
    },
  );
}

testUpload("a small file: sent without asking for a partial upload", async (folder) => {
  using server = new ScriptedServer(storing());
  const small = pseudoRandomBytes(4 * CHUNK_SIZE - 1);
  const { outcomes } = await send(server, await uploadOf(folder, small));
  assert.deepEqual(outcomes, [cksum(small)]);
  assert.equal(server.received[0]?.kind === "put" && server.received[0].resume, 0);
});

testUpload(
  "resumed in the same run: hashed bytes are not read again; in a new process without saved digests they are",
  async (folder) => {
    const item = await uploadOf(folder);
    using lost = new ScriptedServer((message, server) => {
      storing()(message, server);
      if (message.kind === "chunk" && message.offset === 3 * CHUNK_SIZE) server.close();
    });
    const { error } = await send(lost, item);
    assert.equal((error as XferError).category, "network");
    const durableBytes = 3 * CHUNK_SIZE;
    const again = async (item: Upload) => {
      using server = new ScriptedServer(storing(durableBytes));
      const { outcomes, resumedAt } = await send(server, item);
      assert.deepEqual([outcomes, resumedAt], [[cksum(CONTENT)], [durableBytes]]);
    };
    assert.equal(await countingReads(() => again(item)), SIZE - durableBytes);
    assert.equal(await countingReads(async () => await again(await uploadOf(folder))), SIZE);
  },
);

testUpload(
  "a file that has changed since the first attempt: hashed again and sent whole",
  async (folder) => {
    const item = await uploadOf(folder);
    using lost = new ScriptedServer((message, server) => {
      storing()(message, server);
      if (message.kind === "chunk" && message.offset === 3 * CHUNK_SIZE) server.close();
    });
    await send(lost, item);
    const other = pseudoRandomBytes(SIZE, 2);
    await Deno.writeFile(item.file.path, other);
    await item.reinspect();
    using server = new ScriptedServer(storing(3 * CHUNK_SIZE));
    const { outcomes, resumedAt } = await send(server, item);
    assert.deepEqual([outcomes, resumedAt], [[cksum(other)], []]);
  },
);

testUpload(
  "a mismatch after a resumed upload: sent whole, without asking for a partial upload",
  async (folder) => {
    let ends = 0;
    using server = new ScriptedServer((message, server) => {
      if (message.kind === "end" && ends++ === 0) {
        server.send({ ...message, kind: "mismatch", cksum: 1 });
      } else storing(CHUNK_SIZE)(message, server);
    });
    const { outcomes } = await send(server, await uploadOf(folder));
    assert.deepEqual(outcomes, [cksum(CONTENT)]);
    const puts = server.received.flatMap((message) =>
      message.kind === "put" ? [message.resume] : []
    );
    assert.deepEqual(puts, [1, 0]);
    assert.equal(server.offsets.length, 5 + 6);
  },
);

testUpload("checksums differ three times: an error of that file only", async (folder) => {
  using server = new ScriptedServer((message, server) => {
    if (message.kind === "end") server.send({ ...message, kind: "mismatch", cksum: 1 });
  });
  const { outcomes, error } = await send(server, await uploadOf(folder, CONTENT.slice(0, 9)));
  assert.deepEqual([outcomes, error], [["checksum-mismatch"], undefined]);
  assert.equal(server.kinds("put").length, 3);
});

testUpload(
  "the connection is lost before the answer to end: the file is looked up, not sent again",
  async (folder) => {
    const item = await uploadOf(folder);
    using lost = new ScriptedServer((message, server) => {
      if (message.kind === "end") server.close();
      else storing()(message, server);
    });
    await send(lost, item);
    assert.equal(item.isUnconfirmed, true);
    const stored = {
      ...{
        ...FILE,
        size: SIZE,
        cksum: cksum(CONTENT),
        digest: digestOfFirst(SIZE),
      },
      ...{ name: "a", mtime: item.file.mtime },
    };
    using server = new ScriptedServer(({ kind, tag }, server) => {
      if (kind === "stat") server.send({ kind: "file", tag, ...stored });
    });
    const { outcomes } = await send(server, item);
    assert.deepEqual(outcomes, [cksum(CONTENT)]);
    assert.deepEqual(server.offsets, []);
  },
);

testUpload(
  "the connection is lost before the put: the upload fails with that error, once",
  async (folder) => {
    using server = new ScriptedServer(() => assert.fail("nothing is sent"));
    const { session: { mux } } = server;
    server.close();
    await assert.rejects(mux.answer(mux.nextTag(), () => true), { code: "connection-lost" });
    const upload = await uploadOf(folder);
    const buffers = [new Uint8Array(CHUNK_SIZE), new Uint8Array(CHUNK_SIZE)] as const;
    const sent = upload.send([mux], { onEvent: () => undefined, buffers });
    await assert.rejects(sent, { code: "connection-lost" });
    // A failure without a handler ends the program.
    await new Promise((resolve) => setTimeout(resolve, 1));
  },
);

testUpload(
  "a chunk that was changed on the way is sent again with the whole file",
  async (folder) => {
    let puts = 0;
    const store = storing();
    using server = new ScriptedServer(async (message, server) => {
      if (message.kind === "put") puts++;
      if (message.kind === "chunk" && puts === 1 && message.offset === CHUNK_SIZE) {
        server.send({ ...message, kind: "mismatch", cksum: message.cksum ^ 1 });
        // The client receives it before it sends the next chunk.
        await new Promise((resolve) => setTimeout(resolve));
      }
      await store(message, server);
    });
    const { outcomes, error } = await send(server, await uploadOf(folder));
    assert.equal(error, undefined);
    assert.deepEqual(outcomes, [cksum(CONTENT)]);
    assert.equal(puts, 2);
    assert.deepEqual(server.kinds("cancel", "end"), ["cancel", "end"]);
  },
);
