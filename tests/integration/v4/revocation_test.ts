/** Protocol 4: revoked clients are disconnected within about a second, whether they are active or idle. */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  listUserKeys,
  removeUser,
  removeUserKey,
  setUserDisabled,
} from "../../../server/operator/users.ts";
import { chunkHeader } from "../../../protocol/v4/messages.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { ServerLog } from "../../support/server_log.ts";
import { connectRaw, Fixture, loginRaw, put } from "../../support/v4/fixture.ts";
import { Uploader } from "../../support/v4/raw_client.ts";
import { putAll } from "../../support/v4/put_all.ts";
import { FILE_PUT } from "../../support/v4/message_fields.ts";
import { chunkSums, sendChunk } from "../../support/v4/chunks.ts";

const DISABLED = /the operator has disabled the account/;
const GONE = /the account was removed, or no longer has this key/;

/** The operator's actions, with the log line and the client's error. */
const WAYS: Readonly<
  Record<string, readonly [act: (fixture: Fixture) => Promise<unknown>, code: string, why: RegExp]>
> = {
  "is disabled": [
    (fixture) => setUserDisabled(fixture.data, "Alice", true),
    "account-disabled",
    DISABLED,
  ],
  "is removed": [(fixture) => removeUser(fixture.data, "Alice"), "not-authenticated", GONE],
  "loses the key": [
    async (fixture) => {
      const [key] = await listUserKeys(fixture.data, "Alice");
      await removeUserKey(fixture.data, "Alice", key?.fingerprint ?? "", true);
    },
    "not-authenticated",
    GONE,
  ],
};

async function assertLogged(log: ServerLog, why: RegExp): Promise<void> {
  const [logged] = await log.awaits("client.dismissed");
  assert.equal(logged?.["name"], "Alice");
  assert.match(`${logged?.["reason"]}`, why);
  assert.equal(log.of("client.dismissed").length, 1, "it is reported once");
}

for (const [what, [act, code, why]] of Object.entries(WAYS)) {
  Deno.test(`an idle connection is ended when its account ${what}; others stay`, async () => {
    await using log = await ServerLog.take();
    await using fixture = await Fixture.create();
    (await fixture.client("Alice"))[Symbol.dispose]();
    using bob = await fixture.client("Bob");
    using alice = await Uploader.login(fixture, "Alice");
    const ended = alice.ended();
    await act(fixture);
    assert.equal(await ended, code);
    await assertLogged(log, why);
    await assert.rejects(bob.stat("a"), { code: "no-such-file" });
  });

  Deno.test(`a download in progress is ended when its account ${what}`, async () => {
    await using log = await ServerLog.take();
    await using fixture = await Fixture.create();
    const CHUNKS = 48;
    using alice = await fixture.client("Alice");
    const file = await fixture.source("big", pseudoRandomBytes(CHUNKS * CHUNK_SIZE));
    assert.equal(typeof (await put(alice, [{ file, name: "big" }]))[0], "number");
    let chunks = 0;
    const getting = alice.get({ name: "big" }, async () => {
      if (++chunks > 1) return;
      await act(fixture);
      await log.awaits("client.dismissed");
    });
    await assert.rejects(getting, { name: "RefusedError", code });
    assert.ok(chunks < CHUNKS, `${chunks} chunks`);
    await assertLogged(log, why);
  });
}

Deno.test("a list in progress is ended when its account is disabled", async () => {
  await using log = await ServerLog.take();
  await using fixture = await Fixture.create();
  using _alice = await fixture.client("Alice");
  // Names that are too long for the socket buffers to hold them all.
  const folder = `${"n".repeat(250)}/`.repeat(15);
  const path = fixture.folder.join("source");
  await Deno.mkdir(path);
  const names = Array.from({ length: 4000 }, (_, i) => `${i}`);
  for (const name of names) Deno.writeTextFileSync(join(path, name), "");
  const connect = await fixture.options("Alice");
  await putAll({ connect, paths: [path], as: folder.replace(/\/$/, "") });
  using raw = await connectRaw(fixture.server.address);
  await loginRaw(raw, fixture.folder.join("Alice"));
  let count = 0;
  const listing = raw.mux.ask(
    { kind: "list", tag: 1, prefix: "", scope: "below" },
    async ({ kind }) => {
      if (++count === 1) {
        await setUserDisabled(fixture.data, "Alice", true);
        await log.awaits("client.dismissed", 2);
      }
      return kind === "done";
    },
  );
  await assert.rejects(listing, { code: "account-disabled" });
  assert.ok(count < names.length, `${count} files`);
});

for (const where of ["between two frames", "within a frame"]) {
  Deno.test(`an upload stalled ${where} is ended, and not stored`, async () => {
    await using log = await ServerLog.take();
    await using fixture = await Fixture.create();
    (await fixture.client("Alice"))[Symbol.dispose]();
    using raw = await connectRaw(fixture.server.address);
    const { mux, socket } = raw;
    await loginRaw(raw, fixture.folder.join("Alice"));
    const ended = mux.answer(2, () => true);
    ended.catch(() => undefined);
    const size = 3 * CHUNK_SIZE;
    const put = { ...FILE_PUT, kind: "put", tag: 1, name: "a", size, resume: 1 } as const;
    await mux.askFor(put, "held");
    await sendChunk(mux, 1, 0, pseudoRandomBytes(CHUNK_SIZE));
    if (where === "within a frame") {
      const about = { tag: 1, offset: CHUNK_SIZE, ...chunkSums(new Uint8Array(0)) };
      await socket.write(chunkHeader(about, CHUNK_SIZE));
      await socket.write(pseudoRandomBytes(1000));
    }
    await removeUser(fixture.data, "Alice");
    await assert.rejects(ended, { name: "RefusedError", code: "not-authenticated" });
    await assertLogged(log, GONE);
    assert.deepEqual(fixture.blobs("files"), []);
  });
}

Deno.test({
  name: "a client that reads nothing is cut off, too",
  // In Deno 2.4 a write to a closed TLS connection ends only when the peer has disconnected, so that comes last.
  sanitizeOps: false,
  async fn() {
    await using log = await ServerLog.take();
    await using fixture = await Fixture.create();
    using alice = await fixture.client("Alice");
    const file = await fixture.source("big", pseudoRandomBytes(48 * CHUNK_SIZE));
    await put(alice, [{ file, name: "big" }]);
    alice[Symbol.dispose]();
    using raw = await connectRaw(fixture.server.address);
    await loginRaw(raw, fixture.folder.join("Alice"));
    const never = Promise.withResolvers<boolean>();
    const begun = Promise.withResolvers<void>();
    const get = { kind: "get", tag: 1, name: "big", version: 0, from: 0, to: 2 ** 50 } as const;
    const getting = raw.mux.ask(get, ({ kind }) => {
      if (kind !== "data") return false;
      begun.resolve();
      return never.promise;
    });
    getting.catch(() => undefined);
    await begun.promise;
    await setUserDisabled(fixture.data, "Alice", true);
    await assertLogged(log, DISABLED);
    const lost = await log.awaits("connection.lost");
    assert.match(`${lost[0]?.["reason"]}`, DISABLED);
    never.resolve(false);
  },
});
