/** One large upload over several connections. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import type { Message } from "../../../protocol/v4/messages.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { PARALLEL_SIZE } from "../../../client/v4/parallel_put.ts";
import type { Upload } from "../../../client/v4/upload.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import type { RequestMux } from "../../../client/v4/request_mux.ts";
import { type Script, ScriptedServer } from "../../support/v4/scripted_session.ts";
import {
  digestOfFirst,
  NOTHING,
  storing,
  testUpload,
  TRANSFER,
  uploadOf,
} from "../../support/v4/scripted_uploads.ts";
import type { TemporaryFolder } from "../../support/temporary_folder.ts";

const LARGE = pseudoRandomBytes(PARALLEL_SIZE + 3 * CHUNK_SIZE + 5);

async function send(folder: TemporaryFolder, scripts: readonly Script[], item?: Upload) {
  item ??= await uploadOf(folder, LARGE);
  const servers = scripts.map((script) => new ScriptedServer(script));
  try {
    const muxes = servers.map(({ session }) => session.mux) as [RequestMux];
    return { servers, item, result: await item.sendOver(muxes, () => undefined) };
  } finally {
    for (const server of servers) server[Symbol.dispose]();
  }
}

testUpload(
  "three connections: each chunk is sent once, and end comes after every leave",
  async (folder) => {
    const order: Message["kind"][] = [];
    const noting: Script = (message, server) => {
      if (message.kind === "end" || message.kind === "leave") order.push(message.kind);
      return storing()(message, server);
    };
    const { servers, result } = await send(folder, [noting, noting, noting]);
    assert.equal(result?.cksum, cksum(LARGE));
    const sent = servers.flatMap(({ offsets }) => offsets).sort((a, b) => a - b);
    assert.deepEqual(sent, Array.from({ length: 36 }, (_, i) => i * CHUNK_SIZE));
    assert.deepEqual(order, ["leave", "leave", "end"]);
    for (const { received: heard } of servers.slice(1)) {
      assert.deepEqual(heard[0], { kind: "join", tag: 1, transfer: TRANSFER });
    }
  },
);

testUpload("the server names no transfer: one connection sends all", async (folder) => {
  const none = storing(0, NOTHING, new Uint8Array(16));
  const { servers: [first, second], result } = await send(folder, [none, none]);
  assert.equal(result?.cksum, cksum(LARGE));
  assert.equal(first?.offsets.length, 36);
  assert.deepEqual(second?.received, []);
});

testUpload(
  "one connection is lost: all end; the next attempt resumes the partial upload",
  async (folder) => {
    const failing: Script = (message, server) => {
      if (message.kind === "chunk") server.close();
      else return storing()(message, server);
    };
    const item = await uploadOf(folder, LARGE);
    await assert.rejects(send(folder, [storing(), failing], item), { name: "NetworkError" });
    const durableBytes = 4 * CHUNK_SIZE;
    const holding = storing(durableBytes, digestOfFirst(durableBytes, LARGE));
    const { servers, result } = await send(folder, [holding, storing()], item);
    assert.equal(result?.cksum, cksum(LARGE));
    const sent = servers.flatMap(({ offsets }) => offsets).sort((a, b) => a - b);
    assert.deepEqual(sent, Array.from({ length: 32 }, (_, i) => (i + 4) * CHUNK_SIZE));
  },
);
