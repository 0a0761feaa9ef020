/** Quota: uploads that overwrite a stored file are credited its size once, however many are in progress. */
import assert from "node:assert/strict";
import { IdentityFolder } from "../../../client/identity/v3_identity.ts";
import { DEFAULT_LIMITS } from "../../../server/limits/limits.ts";
import { claimRoom, QuotaReservations } from "../../../server/uploads/quota_reservations.ts";
import type { UsageBeside } from "../../../server/catalog/files.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { encrypt, kindOf, privateKey, RawClient } from "../../support/v3/raw_client.ts";
import { Fixture, got, ON_DISK } from "../../support/v4/fixture.ts";
import { missing, type Sent, Uploader } from "../../support/v4/raw_client.ts";
import { FILE_PUT, ms, REMOVE } from "../../support/v4/message_fields.ts";

const content = pseudoRandomBytes(2 * CHUNK_SIZE);
const OVER = { code: "over-limit" };

/** A server with a quota, and connections of Alice, as many as needed. */
async function createFixture(quota: number, connections: number, historyMs = 0) {
  const fixture = await Fixture.create({ quota, historyMs });
  const stack = new DisposableStack();
  (await fixture.client("Alice"))[Symbol.dispose]();
  const alices: Uploader[] = [];
  for (let i = 0; i < connections; i++) {
    alices.push(stack.use(await Uploader.login(fixture, "Alice")));
  }
  return {
    ...{ fixture, alices },
    async [Symbol.asyncDispose]() {
      stack.dispose();
      await fixture[Symbol.asyncDispose]();
    },
  };
}

async function store(alice: Uploader, bytes: typeof content, as: Sent = {}): Promise<void> {
  const { tag, offset } = await alice.resume(bytes, as);
  await alice.send(tag, bytes, ...missing(bytes, offset));
  await alice.end(tag, bytes);
}

async function assertRefused(alice: Uploader, { length: size }: typeof content, as: Sent) {
  const tag = alice.mux.nextTag();
  const { name = "a", mtime = 1 } = as;
  const put = { ...FILE_PUT, kind: "put", tag, name, mtime: ms(mtime), size, resume: 1 } as const;
  await assert.rejects(alice.mux.askFor(put, "held"), OVER);
  await alice.cancel(tag);
}

async function rename(alice: Uploader, oldName: string, newName: string): Promise<void> {
  const tag = alice.mux.nextTag();
  await alice.mux.askFor({ kind: "rename", tag, oldName, newName }, "changed");
}

async function remove(alice: Uploader, name: string): Promise<void> {
  await alice.mux.askFor({ ...REMOVE, tag: alice.mux.nextTag(), name }, "changed");
}

/** The number of staged bytes. */
function staged(fixture: Fixture): number {
  return fixture.blobs("staging").reduce((sum, path) => sum + Deno.statSync(path).size, 0);
}

Deno.test("v4 credit: many uploads that overwrite one file stage at most the quota at once", async () => {
  const count = 20;
  await using place = await createFixture(content.length, count);
  const { fixture, alices } = place;
  await store(alices[0] as Uploader, content);
  let gone = 0;
  for (const [i, alice] of alices.entries()) {
    const tag = await alice.begin(content, { mtime: 2 + i });
    // Superseded uploads are cut off while they send.
    alice.send(tag, content, 0, 1).catch(() => undefined);
    alice.ended().then(() => gone++);
  }
  while (gone < count - 1) {
    assert.ok(staged(fixture) <= content.length, `${staged(fixture)} bytes are staged`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(staged(fixture) <= content.length, `${staged(fixture)} bytes are staged`);
});

Deno.test("v4 credit: a client that returns for its file is admitted, and its lost connection ends", async () => {
  await using place = await createFixture(content.length, 2);
  const [lost, again] = place.alices as [Uploader, Uploader];
  await store(again, content);
  const replacing = pseudoRandomBytes(content.length, 2);
  await lost.send(await lost.begin(replacing, { mtime: 2 }), replacing, 0);
  const tag = await again.begin(replacing, { mtime: 2 });
  await again.send(tag, replacing, 0, 1);
  await again.end(tag, replacing);
  assert.equal(await lost.ended(), "connection-lost");
  using client = await place.fixture.client("Alice");
  assert.deepEqual(await got(client, "a"), replacing);
});

Deno.test("v4 credit: a file renamed while an upload overwrites it is not credited again under its new name", async () => {
  await using place = await createFixture(content.length, 3);
  const [first, second, third] = place.alices as [Uploader, Uploader, Uploader];
  await store(third, content);
  await first.resume(content, { mtime: 2 });
  await rename(third, "a", "b");
  await assertRefused(second, content, { name: "b", mtime: 2 });
});

Deno.test("v4 credit: a file removed while an upload overwrites it frees its space for that upload only", async () => {
  await using place = await createFixture(content.length, 3);
  const [first, second, third] = place.alices as [Uploader, Uploader, Uploader];
  await store(third, content);
  const { tag } = await first.resume(content, { mtime: 2 });
  await remove(third, "a");
  await assertRefused(second, content, { name: "b" });
  await first.send(tag, content, 0, 1);
  await first.end(tag, content);
});

Deno.test("v4 credit: a file already overwritten by a smaller one is no longer credited", async () => {
  const small = content.slice(0, 1);
  await using place = await createFixture(2 * content.length, 3);
  const [first, second, third] = place.alices as [Uploader, Uploader, Uploader];
  await store(third, content);
  await first.resume(content, { mtime: 2 });
  const tag = await second.begin(small, { mtime: 3 });
  await second.send(tag, small, 0);
  await second.end(tag, small);
  const large = pseudoRandomBytes(2 * content.length - 1);
  await assertRefused(third, large, { name: "b" });
  await store(third, content.slice(1), { name: "b" });
});

Deno.test("v4 credit: history takes no quota from uploads in progress", async () => {
  await using place = await createFixture(2 * content.length, 3, Infinity);
  const [first, second, third] = place.alices as [Uploader, Uploader, Uploader];
  await store(third, content);
  await store(third, content, { mtime: 2 });
  await first.resume(content, { mtime: 3 });
  await second.resume(content, { name: "b" });
  await assertRefused(third, content.slice(0, CHUNK_SIZE), { name: "c" });
});

Deno.test("protocol 3: a file sent again supersedes the waiting one on its own connection only", async () => {
  const small = content.slice(0, 10_000);
  // Over protocol 3 the announced size is that of the ciphertext.
  await using fixture = await Fixture.create({ quota: small.length + 500, ...ON_DISK });
  using peer = await RawClient.connect(fixture.server.address);
  await peer.enrol("Bob");
  const send = async (by: RawClient) => kindOf(await by.sendFile("a", small));
  assert.equal(await send(peer), "fileReceived");
  assert.equal(kindOf(await peer.judge("crcValid", "a")), "messageReceived");
  assert.equal(await send(peer), "fileReceived");
  assert.equal(await send(peer), "fileReceived", "the first upload is dropped");
  assert.equal(fixture.blobs("staging").length, 1);
  using other = await RawClient.connect(fixture.server.address);
  other.clientId = peer.clientId;
  assert.equal(kindOf(await other.reconnect("Bob")), "reconnected");
  assert.notEqual(await send(other), "fileReceived", "the stored file was already credited");
  assert.equal(kindOf(await peer.judge("crcValid", "a")), "messageReceived");
  assert.deepEqual(fixture.blobs("staging"), []);
});

/** Alice may have two files, has "a", and uploads to one name on the last of her connections. */
async function withTwoFiles(name: string, body: (alices: readonly Uploader[]) => Promise<void>) {
  await using fixture = await Fixture.create({ quotaFiles: 2 });
  (await fixture.client("Alice"))[Symbol.dispose]();
  using first = await Uploader.login(fixture, "Alice");
  using second = await Uploader.login(fixture, "Alice");
  using last = await Uploader.login(fixture, "Alice");
  await store(first, content);
  await last.resume(content, { name, mtime: 3 });
  await body([first, second]);
}

Deno.test("v4 credit: an upload still counts as no extra file after another has overwritten the file", () =>
  withTwoFiles("a", async ([first, second]) => {
    const tag = await first?.begin(content, { mtime: 2 }) ?? 0;
    await first?.send(tag, content, 0, 1);
    await first?.end(tag, content);
    await second?.resume(content, { name: "b" });
  }));

Deno.test("v4 credit: an upload still counts as no extra file after a rename has taken its name", () =>
  withTwoFiles("b", async ([first, second]) => {
    await rename(first as Uploader, "a", "b");
    await second?.resume(content, { name: "c" });
  }));

Deno.test("v4 credit: the credit of an upload over protocol 3 survives the claim of its account", async () => {
  // Over protocol 3 the announced size is that of the ciphertext.
  await using fixture = await Fixture.create({ quota: content.length + 500 });
  const identityFolder = new IdentityFolder((await fixture.options("Bob")).identityFolder);
  const peer = await RawClient.connect(fixture.server.address);
  {
    using _peer = peer;
    await peer.enrol("Bob");
    assert.equal(kindOf(await peer.sendFile("a", content)), "fileReceived");
    assert.equal(kindOf(await peer.judge("crcValid", "a")), "messageReceived");
    const ciphertext = await encrypt(content, peer.aesKey ?? assert.fail());
    await peer.write(peer.fileHead("a", ciphertext.length));
    await peer.write(ciphertext.subarray(0, CHUNK_SIZE));
    while (fixture.blobs("staging").length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await identityFolder.saveKey(privateKey);
    await identityFolder.save({ name: "Bob", clientId: peer.clientId, privateKey });
    (await fixture.client("Bob"))[Symbol.dispose]();
    using bob = await Uploader.login(fixture, "Bob");
    await assertRefused(bob, content, { mtime: 2 });
  }
  while (fixture.blobs("staging").length > 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  using bob = await Uploader.login(fixture, "Bob");
  await store(bob, content, { mtime: 2 });
});

Deno.test("credit: a file removed after the catalog's answer and before its use is not credited", async () => {
  const clientId = new Uint8Array(16);
  const quotaReservations = new QuotaReservations();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<UsageBeside>();
  const nothing = { bytes: 0, files: 0 };
  const answers = [
    answer.promise,
    Promise.resolve({ ...nothing, history: nothing, replaced: nothing }),
  ];
  const usage = () => {
    asked.resolve();
    return answers.shift();
  };
  const context = {
    ...{ limits: { ...DEFAULT_LIMITS, quota: 10 }, quotaReservations },
    accounts: { find: () => Promise.resolve(undefined) },
    store: { catalog: { files: { usage } } },
  } as unknown as Parameters<typeof claimRoom>[0];
  const claiming = claimRoom(
    context,
    { accountId: clientId, name: "a", size: 10 },
    () => assert.fail(),
  );
  await asked.promise;
  // The answer arrives after that of the removal.
  quotaReservations.revoke(clientId, "a");
  answer.resolve({ ...nothing, history: nothing, replaced: { bytes: 10, files: 1 } });
  const claim = await claiming;
  assert.deepEqual([claim?.credit, claim?.isNew], [0, true]);
});
