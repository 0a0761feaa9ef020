import assert from "node:assert/strict";
import { type Bulk, BulkSender } from "../../../client/v4/bulk_sender.ts";
import type { ConnectionPool } from "../../../client/v4/connection_pool.ts";
import { UpdateWriter } from "../../../protocol/v4/update.ts";

Deno.test("a message with room for more is written to the socket before another is filled", async () => {
  const written = Promise.withResolvers<void>();
  const sender = new BulkSender<string>(poolOver(() => written.promise), {
    onResult: () => undefined,
    onDone: () => undefined,
  });
  let hasRoom = false;
  const sent = sender.send(bulkOf("a")).then(() => hasRoom = true);
  await turns();
  assert(!hasRoom);
  written.resolve();
  await sent;
});

Deno.test("each connection has a message to write while the next is filled", async () => {
  const written = Promise.withResolvers<void>();
  const sender = new BulkSender<string>(poolOver(() => written.promise, 2), {
    onResult: () => undefined,
    onDone: () => undefined,
  });
  await sender.send(bulkOf("a"));
  let hasRoom = false;
  const sent = sender.send(bulkOf("b")).then(() => hasRoom = true);
  await turns();
  assert(!hasRoom);
  written.resolve();
  await sent;
});

/** Connections whose messages are never answered. `write` resolves when one is written. */
function poolOver(write: () => Promise<void>, count = 1): ConnectionPool {
  const mux = {
    nextTag: () => 1,
    answerOf: () => new Promise(() => undefined),
    sendRecords: write,
    gracefulAbort: { isAborted: false, critical: <R>(work: () => R) => work() },
  };
  const use = (_: number, work: (client: unknown) => Promise<void>) => work({ session: { mux } });
  return { count, use, advance: () => undefined } as unknown as ConnectionPool;
}

function bulkOf(item: string): Bulk<string> {
  const writer = new UpdateWriter();
  writer.add(item, 1, { mode: 0o644, mtime: 0n });
  return { writer, items: [item], isSent: false };
}

/** Lets everything happen that waits for nothing. */
function turns(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
