/** A server that feigns progress and ends each connection cannot hold a client forever. */
import assert from "node:assert/strict";
import { putAll } from "../../support/v4/put_all.ts";
import type { Retry } from "../../../client/net/retry.ts";
import { ConnectionPool, type TransferOptions } from "../../../client/v4/connection_pool.ts";
import type { ConnectOptions } from "../../../client/v4/connect_options.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import type { Message } from "../../../protocol/v4/messages.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { acceptingEveryone, ScriptedV4Server } from "../../support/v4/scripted_server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { FILE } from "../../support/v4/message_fields.ts";
import { entriesOf } from "../../support/v4/records.ts";

const CONTENT = pseudoRandomBytes(8 * CHUNK_SIZE);
/** The consecutive attempts without progress, after the first. */
const RETRIES = 2;
/** More attempts count as endless. */
const ENOUGH = 50;

interface Fixture {
  readonly server: ScriptedV4Server;
  readonly folder: TemporaryFolder;
  readonly connect: ConnectOptions;
  readonly transfer: TransferOptions;
  readonly retries: readonly Retry[];
}

function test(what: string, work: (fixture: Fixture) => Promise<void>) {
  Deno.test(`endless retries: ${what}`, async () => {
    await using server = await ScriptedV4Server.start();
    await using folder = await TemporaryFolder.create();
    const retries: Retry[] = [];
    const connect = {
      ...{ server: server.address, userName: "Alice", identityFolder: folder.path },
      onNewServer: () => true,
    };
    const transfer = {
      ...{ retries: RETRIES, pause: () => Promise.resolve() },
      onRetry(retry: Retry) {
        retries.push(retry);
        assert.ok(retries.length < ENOUGH, "the attempts are endless");
      },
    };
    await work({ server, folder, connect, transfer, retries });
  });
}

test("a list with one more file each time: ends at the bound of a list", async ({ server, connect, transfer, retries }) => {
  let listed = 0;
  server.answers = acceptingEveryone((message) => {
    if (message.kind !== "list") return undefined;
    return [entriesOf(message.tag, [{
      ...{ ...FILE, name: `a${`${++listed}`.padStart(4, "0")}`, size: 0, cksum: 0xffff_ffff },
      digest: new ChunkDigests(0).sums().digest,
    }])];
  });
  server.closesAfter = ({ kind }) => kind === "list";
  using pool = new ConnectionPool(connect, transfer);
  const listing = pool.list("a", () => undefined, { max: 5 });
  await assert.rejects(listing, { name: "ProtocolError", code: "too-many-files" });
  assert.ok(retries.length <= 5);
});

/** Uploads a file to a server that claims a partial upload, and disconnects at once. */
async function put(
  { server, folder, connect, transfer }: Fixture,
  partial: (attempt: number) => Pick<Message & { kind: "held" }, "offset" | "digest">,
) {
  let attempt = 0;
  server.answers = acceptingEveryone((message) => {
    if (message.kind === "stat") {
      return [{ kind: "error", tag: message.tag, code: "no-such-file", message: "none" }];
    }
    if (message.kind !== "put" || message.resume === 0) return undefined;
    const transfer = new Uint8Array(16);
    return [{ kind: "held", tag: message.tag, transfer, ...partial(attempt++) }];
  });
  server.closesAfter = ({ kind }) => kind === "chunk";
  const path = folder.join("large");
  await Deno.writeFile(path, CONTENT);
  const [outcome] = await putAll({ connect, transfer, paths: [path] });
  // Under load, everything may be sent before the client notices the disconnect.
  assert.ok(outcome?.state === "not-stored" || outcome?.state === "unknown");
}

function digestOf(chunks: number): Uint8Array<ArrayBuffer> {
  const sums = new ChunkDigests(CONTENT.length);
  for (let at = 0; at < chunks * CHUNK_SIZE; at += CHUNK_SIZE) {
    sums.add(at, CONTENT.slice(at, at + CHUNK_SIZE));
  }
  return sums.sums(chunks * CHUNK_SIZE).digest;
}

test("a server claims a larger partial upload each time, with a wrong digest: no progress", async (fixture) => {
  await put(fixture, (attempt) => ({
    offset: (1 + attempt % 7) * CHUNK_SIZE,
    digest: new Uint8Array(32),
  }));
  assert.deepEqual(fixture.retries.map(({ retry }) => retry), [1, 2]);
});

test("a server keeps the same partial upload as before: no progress", async (fixture) => {
  const partial = [1, 2, 4, 4, 2, 4];
  await put(fixture, (attempt) => {
    const chunks = partial[attempt % partial.length] as number;
    return { offset: chunks * CHUNK_SIZE, digest: digestOf(chunks) };
  });
  assert.deepEqual(fixture.retries.map(({ retry }) => retry), [1, 1, 1, 2]);
});
