/**
 * Memory that a connection of protocol 4 takes while its peer does not read: bounded in bytes, whatever was requested.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { concatBytes, toHex } from "../../../protocol/bytes.ts";
import { digestChunk, digestTree } from "../../../protocol/v4/merkle_tree.ts";
import { MAX_BULK, type Message } from "../../../protocol/v4/messages.ts";
import type { Catalog } from "../../../server/catalog/catalog.ts";
import { DataFolder } from "../../../server/data_folder/data_folder.ts";
import { sizeOf } from "../../../server/catalog/sqlite/value_size.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { connectRaw, Fixture, got, loginRaw } from "../../support/v4/fixture.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";
import { fetchOf } from "../../support/v4/records.ts";
import { blobId } from "../../support/store/ids.ts";

const MIB = 1024 * 1024;
/** The size of a page of names with their data. The last 16 rows may exceed it. */
const MAX_PAGE = 64 * 1024 + 16 * 9 * 1024;
/** The size of a page of encoded entries. Its last entry may exceed it. */
const MAX_ENTRIES = 256 * 1024 + 64 * 1024;
const LONG = Array(16).fill("x".repeat(250)).join("/");

interface Watched {
  readonly fixture: Fixture;
  /** The bytes in each answer of the catalog, by method. */
  readonly answers: Map<string, number[]>;
  /** Records files of Alice directly in the catalog. */
  readonly record: (
    files: readonly { readonly name: string; readonly version?: number }[],
  ) => Promise<void>;
}

function test(what: string, body: (watched: Watched) => Promise<void>) {
  Deno.test(`held bytes: ${what}`, async () => {
    const answers = new Map<string, number[]>();
    const openCatalog = async (path: string) => watch(await openInThisThread(path), answers);
    await using fixture = await Fixture.create({ historyMs: Infinity }, { openCatalog });
    (await fixture.client("Alice"))[Symbol.dispose]();
    let paths = 0;
    const record: Watched["record"] = async (files) => {
      await using folder = await DataFolder.openToChange(fixture.data, Deno);
      const { catalog } = folder;
      const owner = await catalog.accounts.find({ name: "Alice" }) ?? assert.fail();
      await Promise.all(files.map(({ name }) => {
        // The same content would stay the same version.
        const content = pseudoRandomBytes(10, ++paths);
        const chunks = digestChunk(content);
        const tree = { mtime: 1n, digest: digestTree(chunks) };
        const inline = {
          kind: "inline",
          id: blobId(`catalog/${paths}`),
          bytes: content,
        } as const;
        const stored = {
          accountId: owner.id,
          name,
          content: inline,
          size: 10,
          crc: paths,
          storedAt: 1,
        };
        const options = { chunks, keepHistory: true };
        return catalog.files.commit({ ...stored, verified: true, tree }, options);
      }));
    };
    await body({ fixture, answers, record });
  });
}

/** A catalog that measures its answers. */
function watch(catalog: Catalog, answers: Map<string, number[]>): Catalog {
  return interceptedCatalog(catalog, async (method, _args, next) => {
    const value = await next();
    answers.set(method, [...answers.get(method) ?? [], sizeOf(value)]);
    return value;
  });
}

/** Sends requests on several connections, and reads only the first message of each answer until released. */
async function unread(
  fixture: Fixture,
  count: number,
  request: (tag: number) => Message,
): Promise<AsyncDisposable> {
  const resources = new DisposableStack();
  const on = Promise.withResolvers<void>();
  const asked: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    const raw = resources.use(await connectRaw(fixture.server.address));
    await loginRaw(raw, fixture.folder.join("Alice"));
    const first = Promise.withResolvers<void>();
    const answered = raw.mux.ask(request(1), async ({ kind }) => {
      first.resolve();
      await on.promise;
      return kind === "done";
    });
    asked.push(answered);
    await Promise.race([first.promise, answered]);
  }
  return {
    async [Symbol.asyncDispose]() {
      on.resolve();
      await Promise.all(asked);
      resources.dispose();
    },
  };
}

function most(answers: Watched["answers"], method: string): number {
  const sizes = answers.get(method);
  assert.ok(sizes !== undefined, `${method} was asked`);
  return Math.max(...sizes);
}

test("attack: lists of long names that nobody reads", async ({ fixture, answers, record }) => {
  await record(Array.from({ length: 300 }, (_, i) => ({ name: `${LONG}/${i}` })));
  answers.clear();
  await using _unread = await unread(
    fixture,
    10,
    (tag) => ({ kind: "list", tag, prefix: "", scope: "below" }),
  );
  assert.ok(most(answers, "files.listEncoded") <= MAX_ENTRIES);
});

test("attack: fetches of many contents that nobody reads", async ({ fixture, answers, record }) => {
  const name = `${LONG}/a`;
  await record([{ name }]);
  const wanted = Array.from({ length: 240 }, () => [name, 0] as const);
  answers.clear();
  await using _unread = await unread(fixture, 10, (tag) => fetchOf(tag, wanted));
  assert.ok(most(answers, "files.fetchPack") <= MAX_BULK + 1024);
});

test("attack: versions of a long name that nobody reads", async ({ fixture, answers, record }) => {
  const name = `${LONG}/a`;
  await record(Array.from({ length: 300 }, () => ({ name })));
  answers.clear();
  await using _unread = await unread(fixture, 10, (tag) => ({ kind: "versions", tag, name }));
  assert.ok(most(answers, "files.versions") <= MAX_PAGE);
});

test("attack: digests of a huge file that nobody reads, and ranges of it", async ({ fixture, answers }) => {
  const count = 40 * 1024;
  const size = count * MIB;
  const zeros = new Uint8Array(MIB);
  const chunks = concatBytes(...Array<Uint8Array<ArrayBuffer>>(count).fill(digestChunk(zeros)));
  {
    await using folder = await DataFolder.openToChange(fixture.data, Deno);
    const owner = await folder.catalog.accounts.find({ name: "Alice" }) ?? assert.fail();
    const path = blobId(`files/${toHex(owner.id)}/${"0".repeat(32)}`);
    await Deno.mkdir(join(fixture.data, path, ".."), { recursive: true });
    using file = await Deno.open(join(fixture.data, path), { create: true, write: true });
    // The file is sparse, so that it takes no space.
    await file.truncate(size);
    await folder.catalog.files.commit({
      ...{
        accountId: owner.id,
        name: "huge",
        content: { kind: "blob", id: path },
        size,
        crc: 1,
        storedAt: 1,
        verified: true,
      },
      tree: { mtime: 1n, digest: digestTree(chunks) },
    }, { chunks });
  }
  answers.clear();
  {
    const request = { kind: "get", name: "huge", version: 0, from: 0, to: 0 } as const;
    await using _unread = await unread(fixture, 4, (tag) => ({ ...request, tag }));
    for (const method of ["files.find", "files.chunkDigests"]) {
      assert.ok(most(answers, method) <= MIB + 16 * 1024, method);
    }
  }
  using client = await fixture.client("Alice");
  const to = size;
  const last = await got(client, "huge", { from: size - MIB, to });
  assert.deepEqual(last, zeros, "all digests were right, and so was the last chunk");
});

test("for the operator: files are listed in pages, too, and completely", async ({ fixture, record }) => {
  const names = Array.from({ length: 300 }, (_, i) => `${LONG}/${`${i}`.padStart(4, "0")}`);
  await record([...names, ...names.slice(0, 3)].map((name) => ({ name })));
  await using folder = await DataFolder.openToRead(fixture.data, Deno);
  const owner = await folder.catalog.accounts.find({ name: "Alice" }) ?? assert.fail();
  const listed: string[] = [];
  let page = await folder.catalog.files.listAll(owner.id);
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    assert.ok(sizeOf(page) <= MAX_PAGE);
    listed.push(...page.map(({ name, version }) => `${name} ${version}`));
    page = await folder.catalog.files.listAll(owner.id, { after: last });
  }
  const expected = names.flatMap((name, i) => i < 3 ? [`${name} 1`, `${name} 2`] : [`${name} 1`]);
  assert.deepEqual(listed, expected);
});
