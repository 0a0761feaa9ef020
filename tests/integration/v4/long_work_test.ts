/** Protocol 4: long work that a peer causes is done in slices, so that other clients, and Ctrl-C, get their turn. */
import assert from "node:assert/strict";
import { type Bytes, equalBytes } from "../../../protocol/bytes.ts";
import { InterruptedError } from "../../../protocol/errors.ts";
import { AccountFolder } from "../../../client/identity/v4_account.ts";
import { ChunkDownload } from "../../../client/v4/chunk_download.ts";
import { V4Client } from "../../../client/v4/client.ts";
import { newUploadId } from "../../../server/blobs/disk/paths.ts";
import type { Catalog } from "../../../server/catalog/catalog.ts";
import { CHUNK_SIZE, DIGEST_SIZE, digestTree } from "../../../protocol/v4/merkle_tree.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { acceptingEveryone, ScriptedV4Server } from "../../support/v4/scripted_server.ts";
import { ScriptedServer } from "../../support/v4/scripted_session.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { Fixture } from "../../support/v4/fixture.ts";
import { Uploader } from "../../support/v4/raw_client.ts";
import { FILE as CURRENT, FILE_PUT, ms } from "../../support/v4/message_fields.ts";
import { sendChunk } from "../../support/v4/chunks.ts";

/** The chunks of the partial upload: 32 GiB. */
const CHUNKS = 32 * 1024;
const DURABLE_BYTES = CHUNKS * CHUNK_SIZE;
const SIZE = DURABLE_BYTES + CHUNK_SIZE;
const CHECKSUM_SIZE = 4;
/** The digest and the checksum of each chunk. */
const SUMS = pseudoRandomBytes(CHUNKS * (DIGEST_SIZE + CHECKSUM_SIZE));
const DIGEST = digestTree(digestsIn(SUMS));

function digestsIn(sums: Bytes): Bytes {
  const leaves = new Uint8Array(CHUNKS * DIGEST_SIZE);
  for (let i = 0; i < CHUNKS; i++) {
    const at = i * (DIGEST_SIZE + CHECKSUM_SIZE);
    leaves.set(sums.subarray(at, at + DIGEST_SIZE), i * DIGEST_SIZE);
  }
  return leaves;
}

/** A server with a huge partial upload of Alice's "a". Its staged file is one hole. */
async function fixtureWithHugePartial() {
  let catalog: Catalog | undefined;
  const openCatalog = async (path: string) => catalog = await openInThisThread(path);
  const fixture = await Fixture.create({}, { openCatalog });
  (await fixture.client("Alice"))[Symbol.dispose]();
  const { clientId } = await new AccountFolder(fixture.folder.join("Alice")).loadAccount() ??
    assert.fail();
  const path = newUploadId();
  {
    using file = await Deno.open(`${fixture.data}/${path}`, { createNew: true, write: true });
    await file.truncate(DURABLE_BYTES);
  }
  const updatedAt = Date.now();
  const row = {
    accountId: clientId,
    name: "a",
    size: SIZE,
    mtime: 1_000_000n,
    id: path,
    durableBytes: DURABLE_BYTES,
    sums: SUMS,
    updatedAt,
  };
  await catalog?.uploads.save(row, { max: 10, quota: { bytes: Infinity, files: Infinity } });
  await fixture.restart({ openCatalog });
  return fixture;
}

async function resume(alice: Uploader) {
  const tag = alice.mux.nextTag();
  const put = {
    ...FILE_PUT,
    kind: "put",
    tag,
    name: "a",
    size: SIZE,
    mtime: ms(1),
    resume: 1,
  } as const;
  return { ...await alice.mux.askFor(put, "held"), tag };
}

/** The least number of requests answered while a huge file is summed up. The work takes many times as many slices. */
const TURNS = 20;

Deno.test("v4 long work: others are answered while the server sums up a huge partial upload", async () => {
  await using fixture = await fixtureWithHugePartial();
  using alice = await Uploader.login(fixture, "Alice");
  using other = await Uploader.login(fixture, "Alice");
  let isSummedUp = false;
  const resumed = resume(alice).finally(() => isSummedUp = true);
  let answered = 0;
  for (; !isSummedUp; answered++) await other.settle();
  const { offset, digest: found, tag } = await resumed;
  assert.equal(offset, DURABLE_BYTES);
  assert.ok(equalBytes(found, DIGEST));
  assert.ok(answered >= TURNS, `${answered} requests were answered meanwhile`);
  await alice.cancel(tag);
  await alice.settle();
  assert.deepEqual(fixture.blobs("staging"), []);
});

Deno.test("v4 long work: wrong sums at the end of a huge file are answered", async () => {
  await using fixture = await fixtureWithHugePartial();
  using alice = await Uploader.login(fixture, "Alice");
  const { tag } = await resume(alice);
  await sendChunk(alice.mux, tag, DURABLE_BYTES, new Uint8Array(CHUNK_SIZE));
  const sums = { size: SIZE, cksum: 0, digest: new Uint8Array(DIGEST_SIZE) };
  await alice.mux.askFor({ kind: "end", tag, ...sums }, "mismatch");
  assert.deepEqual(fixture.blobs("staging"), []);
});

Deno.test("v4 long work: connections that resume the same huge upload take it over in turn, and the last one has it", async () => {
  await using fixture = await fixtureWithHugePartial();
  using first = await Uploader.login(fixture, "Alice");
  using second = await Uploader.login(fixture, "Alice");
  using third = await Uploader.login(fixture, "Alice");
  const asked = [first, second].map((alice) =>
    resume(alice).then(() => "held", ({ code }) => code)
  );
  // The third connection is served after the others.
  await third.settle();
  const { offset, digest: found, tag } = await resume(third);
  assert.deepEqual([offset, equalBytes(found, DIGEST)], [DURABLE_BYTES, true]);
  for (const outcome of await Promise.all(asked)) {
    assert.ok(["held", "connection-lost"].includes(outcome));
  }
  await third.cancel(tag);
  await third.settle();
  assert.deepEqual(fixture.blobs("staging"), []);
});

const FILE = {
  kind: "file",
  ...{
    ...CURRENT,
    name: "a",
    cksum: 0,
    digest: new Uint8Array(DIGEST_SIZE),
  },
} as const;

/** The digests of 64 GiB, in messages of the largest size. */
const DIGESTS = Array.from({ length: 2 }, () => new Uint8Array(CHUNK_SIZE));

Deno.test("v4 long work: a client that combines the digests of a huge file reacts to an interrupt", async () => {
  const controller = new AbortController();
  const script = new ScriptedServer((message, server) => {
    if (message.kind !== "get") return;
    const { tag } = message;
    server.send({ ...FILE, tag, size: DIGESTS.length * CHUNK_SIZE / DIGEST_SIZE * CHUNK_SIZE });
    for (const bytes of DIGESTS) server.send({ kind: "digests", tag, bytes });
    // All digests have arrived when the user interrupts.
    setTimeout(() => controller.abort(new InterruptedError("interrupted", "Ctrl-C")));
  }, { signal: controller.signal });
  using server = script;
  const sink = { begin: () => Promise.resolve(), write: () => Promise.resolve() };
  const getting = new ChunkDownload({ name: "a" }, sink).run([server.session.mux]);
  await assert.rejects(getting, { code: "interrupted" });
});

Deno.test("v4 long work: Ctrl-C ends a download of a file whose size the server gives as 16 TiB", async () => {
  const controller = new AbortController();
  await using folder = await TemporaryFolder.create();
  await using server = await ScriptedV4Server.start();
  server.answers = acceptingEveryone(({ kind, tag }) => {
    if (kind !== "get") return undefined;
    const digests = DIGESTS.map((bytes) => ({ kind: "digests", tag, bytes } as const));
    return [{ ...FILE, tag, size: 16 * 2 ** 40 }, ...digests, ...digests];
  });
  let received = 0;
  using client = await V4Client.connect({
    ...{ server: server.address, userName: "Alice", identityFolder: folder.path },
    onNewServer: () => true,
    signal: controller.signal,
    tracer: () => ({ from, kind }) => {
      if (from !== "server" || kind !== "digests" || ++received < 3) return;
      controller.abort(new InterruptedError("interrupted", "Ctrl-C"));
    },
  });
  await assert.rejects(client.get({ name: "a" }, () => assert.fail("nothing is trusted yet")), {
    code: "interrupted",
  });
});
