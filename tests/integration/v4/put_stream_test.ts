/** Streams of unknown size, uploaded to a real server. */
import assert from "node:assert/strict";
import { putStream, type PutStreamOptions } from "../../../client/v4/put_stream.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { Fixture, got } from "../../support/v4/fixture.ts";

/** Reads content in pieces of changing sizes. */
function reader(content: Bytes): PutStreamOptions["read"] {
  let [at, turn] = [0, 0];
  return (buffer) => {
    if (at === content.length) return Promise.resolve(null);
    const size = Math.min([1, 4096, 65_536, CHUNK_SIZE][turn++ % 4] as number, buffer.length);
    const piece = content.subarray(at, at + size);
    buffer.set(piece);
    at += piece.length;
    return Promise.resolve(piece.length);
  };
}

async function put(fixture: Fixture, options: Partial<PutStreamOptions>) {
  return await putStream({
    ...{ connect: await fixture.options("Alice"), transfer: { retries: 0 } },
    ...{ name: "stream", path: "-", read: reader(new Uint8Array()) },
    ...options,
  });
}

for (
  const size of [
    ...[0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1],
    ...[5 * CHUNK_SIZE, 5 * CHUNK_SIZE + 77],
  ]
) {
  Deno.test(`stream: ${size} bytes are stored and verified`, async () => {
    await using fixture = await Fixture.create();
    const content = pseudoRandomBytes(size);
    const sent: number[] = [];
    const connect = await fixture.options("Alice", {
      onEvent: (event) => {
        if (event.type === "streaming") sent.push(event.sent);
      },
    });
    const stored = await put(fixture, { connect, read: reader(content), name: "a/stream" });
    assert.equal(stored.crc, cksum(content));
    assert.equal(stored.file.size, size);
    assert.deepEqual([stored.version, stored.kind, stored.file.name], [1, "file", "stream"]);
    assert.equal(sent[0], 0);
    assert.equal(sent.at(-1), size);
    using client = await fixture.client("Alice");
    assert.deepEqual(await got(client, "a/stream"), content);
  });
}

Deno.test("stream: input that cannot be read is an error, and nothing is stored", async () => {
  await using fixture = await Fixture.create();
  const content = reader(pseudoRandomBytes(3 * CHUNK_SIZE));
  let reads = 0;
  const read: PutStreamOptions["read"] = (buffer) =>
    ++reads > 8 ? Promise.reject(new Error("the pipe broke")) : content(buffer);
  await assert.rejects(put(fixture, { read }), {
    ...{ code: "cannot-read", message: "cannot read standard input: the pipe broke" },
  });
  await assertNothingStored(fixture);
});

Deno.test("stream: a lost connection is not retried, and says that the input is gone", async () => {
  await using fixture = await Fixture.create();
  const content = reader(pseudoRandomBytes(8 * CHUNK_SIZE));
  let restarted: Promise<void> | undefined;
  const read: PutStreamOptions["read"] = async (buffer) => {
    if (fixture.blobs("staging").length > 0) await (restarted ??= fixture.restart());
    return await content(buffer);
  };
  const events: string[] = [];
  const transfer = { retries: 5, onRetry: () => events.push("retry") };
  await assert.rejects(put(fixture, { read, transfer }), {
    ...{ name: "NetworkError", message: /^stream was not stored: / },
    hint: "Run the whole command again: standard input cannot be read twice.",
  });
  await restarted;
  assert.deepEqual(events, []);
  await assertNothingStored(fixture);
});

Deno.test("stream: a server that ends before the first chunk is read is connected to again", async () => {
  await using fixture = await Fixture.create();
  const content = pseudoRandomBytes(1000);
  const rest = reader(content);
  let isFirst = true;
  const read: PutStreamOptions["read"] = async (buffer) => {
    if (isFirst) {
      isFirst = false;
      const { port } = fixture.server.address;
      await fixture.restart({ listen: [{ hostname: "127.0.0.1", port }] });
    }
    return await rest(buffer);
  };
  const stored = await put(fixture, { read, transfer: { retries: 5 } });
  assert.equal(stored.crc, cksum(content));
});

Deno.test("stream: a refusal in mid-stream ends it, also while it waits for input", async () => {
  await using fixture = await Fixture.create({ quota: 2 * CHUNK_SIZE });
  const content = reader(pseudoRandomBytes(4 * CHUNK_SIZE));
  const read: PutStreamOptions["read"] = async (buffer) => {
    const size = await content(buffer);
    return size === null ? await new Promise(() => undefined) : size;
  };
  await assert.rejects(put(fixture, { read }), { name: "RefusedError", code: "over-limit" });
  await assertNothingStored(fixture);
});

Deno.test("stream: while it waits for input, messages keep the connection alive", async () => {
  await using fixture = await Fixture.create();
  const content = pseudoRandomBytes(CHUNK_SIZE + 5);
  const rest = reader(content);
  const { promise: isKeptAlive, resolve } = Promise.withResolvers<void>();
  let empty = 0;
  const connect = await fixture.options("Alice", {
    tracer: () => ({ kind, size }) => {
      if (kind === "chunk" && size < 100 && ++empty === 3) resolve();
    },
  });
  const read: PutStreamOptions["read"] = async (buffer) => {
    const size = await rest(buffer);
    if (size === null) await isKeptAlive;
    return size;
  };
  const stored = await put(fixture, { connect, read, keepAliveMs: 1 });
  assert.equal(stored.crc, cksum(content));
});

Deno.test("stream: an abort ends it at once, also while it waits for input", async () => {
  await using fixture = await Fixture.create();
  const abort = new AbortController();
  const connect = await fixture.options("Alice", { signal: abort.signal });
  const content = reader(pseudoRandomBytes(2 * CHUNK_SIZE));
  const read: PutStreamOptions["read"] = async (buffer) => {
    const size = await content(buffer);
    if (size !== null) return size;
    abort.abort();
    return await new Promise(() => undefined);
  };
  await assert.rejects(put(fixture, { connect, read }), { name: "InterruptedError" });
  await assertNothingStored(fixture);
});

Deno.test("stream: an invalid name is refused before anything is sent or read", async () => {
  await using fixture = await Fixture.create();
  const read = () => Promise.reject(new Error("it is read"));
  for (const name of ["", "a//b", "../b", "a\0b"]) {
    await assert.rejects(put(fixture, { name, read }), { code: "bad-file-name" });
  }
});

async function assertNothingStored(fixture: Fixture): Promise<void> {
  using client = await fixture.client("Alice");
  const names: string[] = [];
  await client.list("", ({ name }) => names.push(name));
  assert.deepEqual(names, []);
}
