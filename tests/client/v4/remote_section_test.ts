/** The server's list beside the local entries: in step, and never too far ahead. */
import assert from "node:assert/strict";
import type { ListOptions, TakeFile } from "../../../client/v4/listing.ts";
import type { FoundEntry } from "../../../client/v4/found_entry.ts";
import { MAX_LISTED_AHEAD, RemoteCursor } from "../../../client/v4/remote_cursor.ts";
import type { RemoteFile } from "../../../client/v4/remote_file.ts";
import { RemoteSection } from "../../../client/v4/remote_section.ts";
import type { ConnectionPool } from "../../../client/v4/connection_pool.ts";
import type { V4Client } from "../../../client/v4/client.ts";
import { NetworkError, RefusedError } from "../../../protocol/errors.ts";
import { FakePool } from "../../support/v4/fake_pool.ts";
import { FILE } from "../../support/v4/message_fields.ts";

const REMOTE: Omit<RemoteFile, "name"> = { ...FILE, size: 0, cksum: 0, digest: new Uint8Array(32) };
const COUNT = 3 * MAX_LISTED_AHEAD;
const nameOf = (i: number) => `d/${String(i).padStart(6, "0")}`;
const entry = (form: string) => ({ form, remoteName: form }) as FoundEntry;

/** A server with many entries in `d`, which counts those that were taken. */
class ManyEntries {
  taken = 0;
  readonly #stat: () => Promise<RemoteFile>;

  constructor(stat: () => Promise<RemoteFile> = () => Promise.resolve({ ...REMOTE, name: "d" })) {
    this.#stat = stat;
  }

  get pool(): ConnectionPool {
    return this as unknown as ConnectionPool;
  }

  advance(): void {
    // Nothing is retried.
  }

  use<T>(_index: number, work: (client: V4Client) => Promise<T>): Promise<T> {
    return work({ stat: this.#stat } as unknown as V4Client);
  }

  async list(_prefix: string, take: TakeFile, _options: ListOptions): Promise<void> {
    for (let i = 0; i < COUNT; i++) {
      this.taken++;
      await take({ ...REMOTE, name: nameOf(i) });
    }
  }
}

const idle = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("list: waits when it is far ahead, and every entry is found", async () => {
  const server = new ManyEntries();
  using remote = new RemoteCursor(server.pool, "d/");
  await remote.settled();
  await idle();
  assert.ok(remote.isAhead);
  assert.equal(server.taken, MAX_LISTED_AHEAD);
  for (let i = 0; i < COUNT; i++) {
    while (!remote.seek(nameOf(i))) await remote.more();
    assert.equal(remote.found(nameOf(i))?.name, nameOf(i));
  }
  while (!remote.seek("e")) await remote.more();
  await remote.settled();
  assert.ok(!remote.isAhead && remote.hasEnded);
});

Deno.test("list: does not wait before the folder itself was answered about", async () => {
  const asked = Promise.withResolvers<RemoteFile>();
  const server = new ManyEntries(() => asked.promise);
  const opening = RemoteSection.open(server.pool, { folder: "d", real: undefined, entries: [] });
  while (server.taken < COUNT) await idle();
  asked.resolve({ ...REMOTE, name: "d" });
  using remote = await opening;
  assert.equal(remote.found(entry("d"))?.name, "d");
  assert.ok(remote.seek(entry(nameOf(COUNT - 1))));
});

Deno.test("list: entries without a counterpart are passed, in order", async () => {
  const names = ["d/a", "d/b", "d/b/c", "d/d"];
  const { pool } = new FakePool({ entries: names.map((name) => ({ ...REMOTE, name })) });
  using remote = new RemoteCursor(pool, "d/");
  const passed: string[] = [];
  while (!remote.seek("d/b/c", ({ name }) => passed.push(name))) await remote.more();
  assert.equal(remote.found("d/b/c")?.name, "d/b/c");
  assert.equal(remote.found("d/b/b"), undefined);
  remote.skip();
  await remote.passAll(({ name }) => passed.push(name));
  assert.deepEqual(passed, ["d/a", "d/b", "d/d"]);
});

Deno.test("list: a refusal means no entries; another error ends the wait", async () => {
  const fail = (error: Error) => ({ list: () => Promise.reject(error) });
  using refused = new RemoteCursor(fail(new RefusedError("no-such-file", "")), "d/");
  while (!refused.seek("d/a")) await refused.more();
  assert.equal(refused.found("d/a"), undefined);
  using lost = new RemoteCursor(fail(new NetworkError("connection-lost", "")), "d/");
  await assert.rejects(async () => {
    while (!lost.seek("d/a")) await lost.more();
  }, { code: "connection-lost" });
  await assert.rejects(lost.passAll(() => undefined), { code: "connection-lost" });
});
