/** Protocol 4: what takes long because a peer says so is done in slices, so that others, and Ctrl-C, have their turn. */
import assert from "node:assert/strict";
import { equalBytes } from "../../../protocol/bytes.ts";
import { InterruptedError } from "../../../protocol/errors.ts";
import { AccountFolder } from "../../../client/identity/v4_account.ts";
import { ChunkDownload } from "../../../client/v4/chunk_download.ts";
import { V4Client } from "../../../client/v4/client.ts";
import { newUploadId } from "../../../server/blobs/disk/paths.ts";
import type { Catalog } from "../../../server/catalog/catalog.ts";
import { CHUNK_SIZE, DIGEST_SIZE, digestTree } from "../../../protocol/v4/merkle_tree.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { lettingIn, OddSecureServer } from "../../support/v4/scripted_server.ts";
import { ScriptedServer } from "../../support/v4/scripted_session.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { Scene } from "../../support/v4/fixture.ts";
import { Uploader } from "../../support/v4/raw_client.ts";

/** Chunks that are held: 128 GiB. */
const CHUNKS = 128 * 1024;
const HELD = CHUNKS * CHUNK_SIZE;
const SIZE = HELD + CHUNK_SIZE;
const CHECKSUM_SIZE = 4;

/** A scene where so much is held of Alice's "a" as nobody sends in a test; the staged file is one hole. */
async function sceneWithHeld() {
  let catalog: Catalog | undefined;
  const openCatalog = async (path: string) => catalog = await openInThisThread(path);
  const scene = await Scene.create({}, { openCatalog });
  (await scene.client("Alice"))[Symbol.dispose]();
  const { clientId } = await new AccountFolder(scene.folder.join("Alice")).loadAccount() ??
    assert.fail();
  const path = newUploadId();
  {
    using file = await Deno.open(`${scene.data}/${path}`, { createNew: true, write: true });
    await file.truncate(HELD);
  }
  const sums = pseudoRandomBytes(CHUNKS * (DIGEST_SIZE + CHECKSUM_SIZE));
  const updatedAt = Date.now();
  const row = {
    accountId: clientId,
    name: "a",
    size: SIZE,
    mtime: 1,
    id: path,
    held: HELD,
    sums,
    updatedAt,
  };
  await catalog?.uploads.save(row, { max: 10, quota: { bytes: Infinity, files: Infinity } });
  await scene.restart({ openCatalog });
  const leaves = new Uint8Array(CHUNKS * DIGEST_SIZE);
  for (let i = 0; i < CHUNKS; i++) {
    const at = i * (DIGEST_SIZE + CHECKSUM_SIZE);
    leaves.set(sums.subarray(at, at + DIGEST_SIZE), i * DIGEST_SIZE);
  }
  return { scene, digest: digestTree(leaves) };
}

async function resume(alice: Uploader) {
  const tag = alice.mux.nextTag();
  const put = { kind: "put", tag, name: "a", size: SIZE, mtime: 1, resume: 1 } as const;
  return { ...await alice.mux.askFor(put, "held"), tag };
}

/** How often others are answered at least while a huge file is summed up: it takes many times as many slices. */
const TURNS = 20;

Deno.test("v4 long work: others are answered while the server sums up what it holds of a huge upload", async () => {
  const { scene, digest } = await sceneWithHeld();
  await using _scene = scene;
  using alice = await Uploader.login(scene, "Alice");
  using other = await Uploader.login(scene, "Alice");
  let isSummedUp = false;
  const resumed = resume(alice).finally(() => isSummedUp = true);
  let answered = 0;
  for (; !isSummedUp; answered++) await other.settle();
  const { offset, digest: found, tag } = await resumed;
  assert.equal(offset, HELD);
  assert.ok(equalBytes(found, digest));
  assert.ok(answered >= TURNS, `${answered} requests were answered meanwhile`);
  await alice.cancel(tag);
  await alice.settle();
  assert.deepEqual(scene.blobs("staging"), []);
});

Deno.test("v4 long work: an end with wrong sums is answered although the file is huge", async () => {
  const { scene } = await sceneWithHeld();
  await using _scene = scene;
  using alice = await Uploader.login(scene, "Alice");
  const { tag } = await resume(alice);
  await alice.mux.sendChunk(tag, HELD, new Uint8Array(CHUNK_SIZE));
  const sums = { cksum: 0, digest: new Uint8Array(DIGEST_SIZE) };
  await alice.mux.askFor({ kind: "end", tag, ...sums }, "mismatch");
  assert.deepEqual(scene.blobs("staging"), []);
});

Deno.test("v4 long work: connections that ask for the same huge upload take it from each other, and the last one has it", async () => {
  const { scene, digest } = await sceneWithHeld();
  await using _scene = scene;
  using first = await Uploader.login(scene, "Alice");
  using second = await Uploader.login(scene, "Alice");
  using third = await Uploader.login(scene, "Alice");
  const asked = [first, second].map((alice) =>
    resume(alice).then(() => "held", ({ code }) => code)
  );
  // It is their turn when the others have asked.
  await third.settle();
  const { offset, digest: found, tag } = await resume(third);
  assert.deepEqual([offset, equalBytes(found, digest)], [HELD, true]);
  for (const outcome of await Promise.all(asked)) {
    assert.ok(["held", "connection-lost"].includes(outcome));
  }
  await third.cancel(tag);
  await third.settle();
  assert.deepEqual(scene.blobs("staging"), []);
});

const FILE = {
  kind: "file",
  ...{
    name: "a",
    version: 1,
    mtime: 0,
    storedAt: 0,
    cksum: 0,
    digest: new Uint8Array(DIGEST_SIZE),
  },
} as const;

/** Digests in as large messages as there may be, for 64 GiB. */
const DIGESTS = Array.from({ length: 2 }, () => new Uint8Array(CHUNK_SIZE));

Deno.test("v4 long work: a client that puts the digests of a huge file together hears that it is to stop", async () => {
  const controller = new AbortController();
  const script = new ScriptedServer((message, server) => {
    if (message.kind !== "get") return;
    const { tag } = message;
    server.say({ ...FILE, tag, size: DIGESTS.length * CHUNK_SIZE / DIGEST_SIZE * CHUNK_SIZE });
    for (const bytes of DIGESTS) server.say({ kind: "digests", tag, bytes });
    // All of it is here when the user has had enough.
    setTimeout(() => controller.abort(new InterruptedError("interrupted", "Ctrl-C")));
  }, { signal: controller.signal });
  using server = script;
  const sink = { begin: () => Promise.resolve(), write: () => Promise.resolve() };
  const getting = new ChunkDownload({ name: "a" }, sink).run([server.session.mux]);
  await assert.rejects(getting, { code: "interrupted" });
});

Deno.test("v4 long work: Ctrl-C ends a get of a file of which a server says that it has 16 TiB", async () => {
  const controller = new AbortController();
  await using folder = await TemporaryFolder.create();
  await using server = await OddSecureServer.start();
  server.answers = lettingIn(({ kind, tag }) => {
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
  await assert.rejects(client.get({ name: "a" }, () => assert.fail("nothing is believed yet")), {
    code: "interrupted",
  });
});
