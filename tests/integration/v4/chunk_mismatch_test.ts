/** Protocol 4: chunks that do not have the sums that came with them. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import type { MessageOf } from "../../../protocol/v4/messages.ts";
import { areEqual, pseudoRandomBytes } from "../../support/bytes.ts";
import { chunkSums, sendChunk } from "../../support/v4/chunks.ts";
import { Fixture } from "../../support/v4/fixture.ts";
import { chunkOf, sumsOf, Uploader } from "../../support/v4/raw_client.ts";

const content = pseudoRandomBytes(3 * CHUNK_SIZE + 5);
const second = chunkOf(content, 1);
const sums = chunkSums(second);

async function signedIn(fixture: Fixture): Promise<Uploader> {
  (await fixture.client("Alice"))[Symbol.dispose]();
  return await Uploader.login(fixture, "Alice");
}

/** Nothing is stored or kept, and the file can be sent again over the same connection. */
async function assertSentAgain(alice: Uploader): Promise<void> {
  const tag = alice.mux.nextTag();
  await assert.rejects(alice.mux.askFor({ kind: "stat", tag, name: "a", version: 0 }, "file"), {
    code: "no-such-file",
  });
  const { offset, tag: again } = await alice.resume(content);
  assert.equal(offset, 0);
  await alice.send(again, content, 0, 1, 2, 3);
  assert.equal((await alice.end(again, content)).version, 1);
}

Deno.test("v4 chunks: one with another checksum is answered with a mismatch before the end", async () => {
  await using fixture = await Fixture.create();
  using alice = await signedIn(fixture);
  const { tag } = await alice.resume(content);
  const answer = alice.mux.answerOf(tag, "mismatch");
  await alice.send(tag, content, 0);
  await alice.mux.sendChunk(tag, CHUNK_SIZE, second, { ...sums, cksum: sums.cksum ^ 1 });
  const { cksum, digest } = await answer;
  assert.deepEqual([cksum, areEqual(digest, sums.digest)], [sums.cksum, true]);
  // Data that was sent before the answer arrived is ignored.
  await alice.send(tag, content, 2);
  await alice.cancel(tag);
  await assertSentAgain(alice);
});

Deno.test("v4 chunks: if one has another digest, the end is answered with a mismatch", async () => {
  await using fixture = await Fixture.create();
  using alice = await signedIn(fixture);
  const { tag } = await alice.resume(content);
  await alice.send(tag, content, 0);
  await alice.mux.sendChunk(tag, CHUNK_SIZE, second, { ...sums, digest: pseudoRandomBytes(32) });
  await alice.send(tag, content, 2, 3);
  const end = { kind: "end", tag, ...sumsOf(content) } as const;
  await alice.mux.askFor(end, "mismatch");
  await assertSentAgain(alice);
});

Deno.test("v4 chunks: if one of a joined connection has another checksum, the end is answered with a mismatch", async () => {
  await using fixture = await Fixture.create();
  using alice = await signedIn(fixture);
  using other = await Uploader.login(fixture, "Alice");
  const { tag, transfer } = await alice.resume(content);
  const joined = await other.join(transfer);
  await other.mux.sendChunk(joined, CHUNK_SIZE, second, { ...sums, cksum: sums.cksum ^ 1 });
  await other.send(joined, content, 0, 2, 3);
  await other.leave(joined);
  const end = { kind: "end", tag, ...sumsOf(content) } as const;
  const answer: MessageOf<"mismatch"> = await alice.mux.askFor(end, "mismatch");
  assert.equal(answer.cksum, sums.cksum);
  await assertSentAgain(alice);
});

Deno.test("v4 chunks: if one of a joined connection has another checksum, the next chunk is answered with a mismatch", async () => {
  await using fixture = await Fixture.create();
  using alice = await signedIn(fixture);
  using other = await Uploader.login(fixture, "Alice");
  const { tag, transfer } = await alice.resume(content);
  const joined = await other.join(transfer);
  const answer = alice.mux.answerOf(tag, "mismatch");
  await other.mux.sendChunk(joined, CHUNK_SIZE, second, { ...sums, cksum: sums.cksum ^ 1 });
  await other.leave(joined);
  await sendChunk(alice.mux, tag, 0, chunkOf(content, 0));
  assert.equal((await answer).cksum, sums.cksum);
  await alice.mux.send({ kind: "end", tag, ...sumsOf(content) });
  await assertSentAgain(alice);
});

Deno.test("v4 chunks: a connection whose chunk was changed can leave after the upload was answered with the mismatch", async () => {
  await using fixture = await Fixture.create();
  using alice = await signedIn(fixture);
  using other = await Uploader.login(fixture, "Alice");
  const large = pseudoRandomBytes(64 * CHUNK_SIZE);
  const { tag, transfer } = await alice.resume(large);
  const joined = await other.join(transfer);
  let isAnswered = false;
  const answer = alice.mux.answerOf(tag, "mismatch").finally(() => isAnswered = true);
  const changed = { ...chunkSums(chunkOf(large, 1)), cksum: 1 };
  await other.mux.sendChunk(joined, CHUNK_SIZE, chunkOf(large, 1), changed);
  // The server notices at one of the next chunks of the first connection.
  for (let at = 2; at < 64 && !isAnswered; at++) {
    await alice.send(tag, large, at);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await answer;
  await other.leave(joined);
});
