/** A file to be dropped is out of reach at once, however long it takes to drop the files before it. */
import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import { DEFAULT_LIMITS } from "../../../server/limits/limits.ts";
import { InterruptedError } from "../../../protocol/errors.ts";
import { NO_QUIRKS } from "../../../protocol/v3/editions/quirks.ts";
import type { SendFile } from "../../../protocol/v3/messages.ts";
import { ReconnectingConnection } from "../../../client/v3/reconnecting_connection.ts";
import { DEFAULT_EDITION } from "../../../protocol/v3/editions/mod.ts";
import { PendingUploads } from "../../../server/v3/pending_uploads.ts";
import type { V3Upload } from "../../../server/v3/upload.ts";
import { type UnverifiedFile, UnverifiedFiles } from "../../../server/v3/unverified_files.ts";
import { field } from "../../support/v3/raw_client.ts";

/** A resource whose disposal waits for the test. */
class Slow {
  isDropped = false;
  #released = Promise.withResolvers<void>();

  release(): void {
    this.#released.resolve();
  }

  async drop(): Promise<void> {
    this.isDropped = true;
    await this.#released.promise;
  }
}

const idOf = (client: number) => new Uint8Array(16).fill(client);

Deno.test("drop: files that have waited too long for a verdict cannot be confirmed while others are being dropped", async () => {
  const unverified = new UnverifiedFiles(DEFAULT_LIMITS, getLogger("unheard"));
  const drops = [new Slow(), new Slow()] as const;
  for (const [client, slow] of drops.entries()) {
    await unverified.add({
      ...{ accountId: idOf(client), name: "a", connection: 1, arrivedAt: 0 },
      staged: { writer: { abort: () => slow.drop() }, release: () => undefined },
      transfer: { end: () => undefined },
    } as unknown as UnverifiedFile);
  }
  const expired = unverified.expire(1);
  assert.ok(drops[0].isDropped && !drops[1].isDropped, "the second waits for the first");
  assert.equal(await unverified.take(idOf(1), "a", { connection: 1 }), undefined);
  for (const slow of drops) slow.release();
  await expired;
  assert.ok(drops[1].isDropped);
});

function uploadOf(client: number, slow: Slow): V3Upload {
  const request = { kind: "sendFile", clientId: idOf(client), fileName: field("a") } as SendFile;
  return { request, [Symbol.asyncDispose]: () => slow.drop() } as unknown as V3Upload;
}

Deno.test("drop: files whose next packet is late cannot be continued while others are being dropped", async () => {
  const pending = new PendingUploads(DEFAULT_LIMITS);
  const drops = [new Slow(), new Slow()] as const;
  const uploads = drops.map((slow, client) => uploadOf(client, slow));
  for (const upload of uploads) await pending.add(upload, 0);
  const expired = pending.expire(1);
  assert.ok(drops[0].isDropped && !drops[1].isDropped, "the second waits for the first");
  assert.equal(pending.take(uploads[1]?.request ?? assert.fail()), undefined);
  for (const slow of drops) slow.release();
  await expired;
  assert.ok(drops[1].isDropped);
});

Deno.test("drop: a file parked while the oldest makes room can be continued", async () => {
  const pending = new PendingUploads({ ...DEFAULT_LIMITS, maxParked: 1 });
  const [oldest, latest] = [new Slow(), new Slow()];
  await pending.add(uploadOf(1, oldest), 0);
  const upload = uploadOf(2, latest);
  const pendingWith = pending.add(upload, 1);
  assert.equal(pending.take(upload.request), upload);
  oldest.release();
  await pendingWith;
  assert.deepEqual([oldest.isDropped, latest.isDropped], [true, false]);
});

Deno.test("client, protocol 3: a connection established after the end of the run is closed", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using link = new ReconnectingConnection({
    server: listener.addr as Deno.NetAddr,
    profile: { edition: DEFAULT_EDITION, quirks: NO_QUIRKS },
    timeouts: { connectMs: 5000, responseMs: 5000 },
    onConnected: () => assert.fail("the run no longer needs it"),
  });
  const beginning = link.begin();
  link.end(new InterruptedError("interrupted", "Ctrl-C"));
  await assert.rejects(beginning, { code: "interrupted" });
  using socket = await listener.accept();
  assert.equal(await socket.read(new Uint8Array(1)), null);
});
