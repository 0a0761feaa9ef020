/** Protocol 4: several uploads of one name at once. No file has two writers, and none is orphaned. */
import assert from "node:assert/strict";
import { batchedCatalog, commitTogether, lookUp } from "../../../server/catalog/sqlite/batching.ts";
import { SqliteCatalog } from "../../../server/catalog/sqlite/sqlite_catalog.ts";
import type { Catalog } from "../../../server/catalog/catalog.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { readWholeFolder } from "../../faults/data_folder.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { Fixture, got } from "../../support/v4/fixture.ts";
import { missing, Uploader } from "../../support/v4/raw_client.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";

const content = pseudoRandomBytes(4 * CHUNK_SIZE + 77);
/** A size that `maxFileSize` does not admit. No byte of it is sent. */
const tooLarge = { length: 10 * CHUNK_SIZE } as Uint8Array<ArrayBuffer>;

async function createFixture(
  ...[limits, options]: Parameters<typeof Fixture.create>
): Promise<Fixture> {
  const fixture = await Fixture.create({ maxFileSize: tooLarge.length - 1, ...limits }, options);
  (await fixture.client("Alice"))[Symbol.dispose]();
  return fixture;
}

/** Resumes an interrupted upload. The server has three of its five chunks when it confirms. */
async function resumeUpload(fixture: Fixture, alice: Uploader): Promise<number> {
  {
    using before = await Uploader.login(fixture, "Alice");
    await take(fixture, before, 2);
  }
  return await take(fixture, alice, 3);
}

/** Sends the chunks of a file up to `chunks`. Resolves when the server has them. */
async function take(fixture: Fixture, alice: Uploader, count: number, name = "a"): Promise<number> {
  const { tag, transfer, offset } = await alice.resume(content, { name });
  using other = await Uploader.login(fixture, "Alice");
  const joined = await other.join(transfer);
  const wanted = missing(content, offset).filter((index) => index < count);
  await other.send(joined, content, ...wanted);
  await other.leave(joined);
  return tag;
}

/** Starts an upload that is refused. */
async function refused(fixture: Fixture): Promise<void> {
  using alice = await Uploader.login(fixture, "Alice");
  const tag = await alice.begin(tooLarge);
  await assert.rejects(alice.mux.answer(tag, () => true), { code: "over-limit" });
}

Deno.test("v4 takeover: a refused upload does not affect the one of its name, which can be taken over", async () => {
  await using fixture = await createFixture();
  using first = await Uploader.login(fixture, "Alice");
  await resumeUpload(fixture, first);
  await refused(fixture);
  using next = await Uploader.login(fixture, "Alice");
  const { tag, offset } = await next.resume(content);
  assert.equal(await first.ended(), "connection-lost", "two would write to one file");
  assert.equal(offset, 3 * CHUNK_SIZE);
  await next.send(tag, content, ...missing(content, offset));
  await next.end(tag, content);
  using client = await fixture.client("Alice");
  assert.deepEqual(await got(client, "a"), content);
  assert.deepEqual(fixture.blobs("staging"), []);
});

Deno.test("v4 takeover: a refused upload does not affect the one of its name, which is stored", async () => {
  await using fixture = await createFixture();
  using first = await Uploader.login(fixture, "Alice");
  const tag = await resumeUpload(fixture, first);
  await refused(fixture);
  await first.send(tag, content, 3, 4);
  await first.end(tag, content);
  using client = await fixture.client("Alice");
  assert.deepEqual(await got(client, "a"), content);
  assert.deepEqual(fixture.blobs("staging"), []);
});

Deno.test("v4 takeover: a refused upload does not affect the one of its name, which is kept as partial when cut off", async () => {
  await using fixture = await createFixture();
  {
    using first = await Uploader.login(fixture, "Alice");
    await resumeUpload(fixture, first);
    await refused(fixture);
  }
  using next = await Uploader.login(fixture, "Alice");
  assert.equal((await next.resume(content)).offset, 3 * CHUNK_SIZE);
  next[Symbol.dispose]();
  await fixture.server.close();
  assert.equal(fixture.blobs("staging").length, 1);
  readWholeFolder(fixture.data);
});

/** A catalog whose writes wait, all in one batch, until the test opens the gate. */
class Gate {
  readonly #asked: string[] = [];
  #opened = Promise.withResolvers<void>();

  constructor() {
    this.open();
  }

  readonly openCatalog = (path: string): Promise<Catalog> => {
    const catalog = SqliteCatalog.open(path);
    const batched = batchedCatalog({
      read: (calls) => lookUp(catalog, calls),
      write: async (calls) => {
        await this.#opened.promise;
        return await commitTogether(catalog, calls);
      },
      close: () => catalog[Symbol.asyncDispose](),
    });
    const watched = interceptedCatalog(batched, (method, _args, next) => {
      this.#asked.push(method);
      return next();
    });
    return Promise.resolve(watched);
  };

  close(): void {
    this.#asked.length = 0;
    this.#opened = Promise.withResolvers();
  }

  open(): void {
    this.#opened.resolve();
  }

  /** Resolves when a method has been called this often, or has not been called for a while. */
  async asked(name: string, count: number): Promise<boolean> {
    for (let looks = 0; looks < 100; looks++) {
      if (this.#asked.filter((other) => other === name).length >= count) return true;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return false;
  }
}

/** Holds the writes, and one before them that is already in progress. */
async function closeGate(gate: Gate, alice: Uploader): Promise<void> {
  gate.close();
  await alice.mux.send({ kind: "link", tag: alice.mux.nextTag() });
  assert.ok(await gate.asked("tokens.add", 1));
}

Deno.test("v4 takeover: an upload that starts over while its partial upload is recorded leaves nothing of that", async () => {
  const gate = new Gate();
  await using fixture = await createFixture({}, { openCatalog: gate.openCatalog });
  using other = await Uploader.login(fixture, "Alice");
  using next = await Uploader.login(fixture, "Alice");
  {
    using first = await Uploader.login(fixture, "Alice");
    await take(fixture, first, 2);
    await closeGate(gate, other);
  }
  assert.ok(await gate.asked("uploads.save", 1));
  const tag = await next.begin(content.slice(0, 10));
  await gate.asked("uploads.remove", 1);
  gate.open();
  await next.cancel(tag);
  await next.settle();
  assert.deepEqual(fixture.blobs("staging"), []);
  await fixture.server.close();
  readWholeFolder(fixture.data);
});

Deno.test("v4 takeover: of many uploads cut off at once, the ones beyond the limit leave nothing", async () => {
  const gate = new Gate();
  await using fixture = await createFixture({ maxPartialsPerClient: 2 }, {
    openCatalog: gate.openCatalog,
  });
  using other = await Uploader.login(fixture, "Alice");
  const names = ["a", "b", "c", "d", "e"];
  const cut = await Promise.all(names.map(() => Uploader.login(fixture, "Alice")));
  for (const [i, alice] of cut.entries()) await take(fixture, alice, 1, names[i]);
  await closeGate(gate, other);
  for (const alice of cut) alice[Symbol.dispose]();
  assert.ok(await gate.asked("uploads.save", names.length));
  gate.open();
  await fixture.server.close();
  assert.equal(fixture.blobs("staging").length, 2);
  readWholeFolder(fixture.data);
});
