/** Several connections with one queue: others take over what one loses, but not forever. */
import assert from "node:assert/strict";
import { NetworkError } from "../../../protocol/errors.ts";
import { ConnectionPool } from "../../../client/v4/connection_pool.ts";
import { WorkQueue } from "../../../client/v4/work_queue.ts";
import { acceptingEveryone, ScriptedV4Server } from "../../support/v4/scripted_server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

/** Signals that a connection has found the queue empty. */
class WatchedQueue extends WorkQueue<string> {
  seen = Promise.withResolvers<void>();

  override get isEmpty(): boolean {
    if (super.isEmpty) this.seen.resolve();
    return super.isEmpty;
  }
}

/** Two connections: one loses the item `"lost"` whenever the other has seen an empty queue, up to `losses` times. */
async function share(items: readonly string[], losses: number) {
  await using server = await ScriptedV4Server.start();
  await using folder = await TemporaryFolder.create();
  server.answers = acceptingEveryone(() => undefined);
  using pool = new ConnectionPool({
    ...{ server: server.address, userName: "Alice", identityFolder: folder.path },
    onNewServer: () => true,
  }, { retries: 0, parallel: 2 });
  const queue = new WatchedQueue(items);
  let lost = 0;
  const error = await pool.share(queue, async () => {
    while (!queue.isEmpty) {
      const item = queue.take() ?? assert.fail();
      if (item !== "lost" || lost === losses) continue;
      lost++;
      await queue.seen.promise;
      queue.seen = Promise.withResolvers();
      queue.requeue([item]);
      throw new NetworkError("connection-lost", "The connection is lost");
    }
  }).then(() => undefined, (error: NetworkError) => error.code);
  return { lost, error };
}

Deno.test("connection pool: a round without progress is the last one", async () => {
  assert.deepEqual(await share(["lost"], 10), { lost: 1, error: "connection-lost" });
});

Deno.test("connection pool: an item lost by one connection is done in the next round, after progress of another", async () => {
  assert.deepEqual(await share(["lost", "fine"], 1), { lost: 1, error: undefined });
});

Deno.test("connection pool: requests at the same time open one connection, and share it", async () => {
  await using server = await ScriptedV4Server.start();
  await using folder = await TemporaryFolder.create();
  server.answers = acceptingEveryone(() => undefined);
  let connected = 0;
  using pool = new ConnectionPool({
    ...{ server: server.address, userName: "Alice", identityFolder: folder.path },
    onNewServer: () => true,
    onEvent: ({ type }) => void (connected += type === "connected" ? 1 : 0),
  }, { retries: 0 });
  const [first, ...others] = await Promise.all(Array.from({ length: 3 }, () => pool.connected()));
  for (const other of others) assert.equal(other, first);
  assert.equal(connected, 1);
});

Deno.test("connection pool: what still runs when it is disposed of fails, without a retry", async () => {
  await using server = await ScriptedV4Server.start();
  await using folder = await TemporaryFolder.create();
  server.answers = acceptingEveryone(() => undefined);
  const pool = new ConnectionPool({
    ...{ server: server.address, userName: "Alice", identityFolder: folder.path },
    onNewServer: () => true,
  }, { onRetry: ({ error }) => assert.fail(error.message) });
  await pool.connected();
  const list = pool.list("", () => undefined);
  pool[Symbol.dispose]();
  await assert.rejects(list, { code: "connection-lost" });
});
