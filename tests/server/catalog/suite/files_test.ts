/** The catalog's files: what they are found by, and what is counted. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import type { StoredFile } from "../../../../server/catalog/files.ts";
import { SqliteCatalog } from "../../../../server/catalog/sqlite/sqlite_catalog.ts";
import { pseudoRandomBytes } from "../../../support/bytes.ts";
import { openDatabase } from "../../../support/store/database.ts";
import { TemporaryFolder } from "../../../support/temporary_folder.ts";
import { blobId } from "../../../support/store/ids.ts";

const alice = pseudoRandomBytes(16, 1);
const digest = pseudoRandomBytes(32, 2);

const NOTHING = { bytes: 0, files: 0 };

interface Scene extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly catalog: SqliteCatalog;
  /** All that was prepared so far. */
  readonly statements: Set<string>;
}

async function create(): Promise<Scene> {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await TemporaryFolder.create());
  const statements = new Set<string>();
  const catalog = resources.use(SqliteCatalog.open(folder.join("catalog.db"), (path) => {
    const database = new DatabaseSync(path);
    const prepare = database.prepare.bind(database);
    database.prepare = (sql: string) => {
      statements.add(sql);
      return prepare(sql);
    };
    return database;
  }));
  const key = pseudoRandomBytes(32);
  await catalog.accounts.registerV4({
    id: alice,
    name: "Alice",
    key,
    now: 1,
    expiredBefore: 0,
    registration: "open",
  });
  return { folder, catalog, statements, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

let paths = 0;

function file(name: string, size = 1): StoredFile {
  const path = blobId(`files/1/${++paths}`);
  const tree = { mtime: 1, digest };
  return { clientId: alice, name, path, size, crc: 1, storedAt: 1, verified: true, tree };
}

Deno.test("catalog: every look at files goes by an index, and sorts nothing", async () => {
  await using scene = await create();
  const { catalog, statements } = scene;
  statements.clear();
  const quota = { bytes: 1e9, files: 1e9 };
  for (const name of ["a", "a", "b/c", "d"]) {
    await catalog.files.commit(file(name), { quota, keep: 1 });
  }
  const { path } = file("e");
  await Promise.all([
    catalog.files.usage(alice, { name: "a", size: 1, keep: 1, open: ["b"] }),
    catalog.files.find(alice, "a"),
    catalog.files.find(alice, "a", { version: 1 }),
    catalog.files.list(alice, { after: "a", limit: 10 }),
    catalog.files.list(alice, { prefix: "b/", limit: 10 }),
    catalog.files.versions(alice, "a", { limit: 10 }),
    catalog.files.listAll(alice),
    catalog.files.scan(blobId("files/1/1"), 10),
    catalog.files.chunkDigests(path),
    catalog.files.setDigests(path, { mtime: 1, digest }, digest),
    catalog.files.setDamage(path, "missing"),
    catalog.repairs.end(path),
    catalog.blobs.owner(path),
    catalog.blobs.owner(path),
    catalog.files.rename(alice, "d", "e"),
    catalog.files.remove(alice, "a"),
    catalog.files.forget(path),
    catalog.accounts.remove(pseudoRandomBytes(16, 9)),
  ]);
  using database = openDatabase(scene.folder.join("catalog.db"));
  const looks = [...statements].filter((sql) => /\bfiles\b/.test(sql) && !/^INSERT/.test(sql));
  assert.ok(looks.length > 15, `${looks.length} statements were seen`);
  for (const sql of looks) {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
    const steps = plan.map(({ detail }) => detail).join("; ");
    assert.doesNotMatch(
      steps,
      /\bSCAN\b(?! \(subquery)|TEMP B-TREE/,
      `${sql}: ${steps}`,
    );
  }
});

Deno.test("catalog: what begins with a prefix is listed by pages, whatever characters come", async () => {
  await using scene = await create();
  const { catalog } = scene;
  const name = fc.string({
    unit: fc.constantFrom("a", "b", "/", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"),
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { maxLength: 12 }),
      name,
      fc.integer({ min: 1, max: 3 }),
      async (names, prefix, page) => {
        for (const { name } of await catalog.files.listAll(alice)) {
          await catalog.files.remove(alice, name);
        }
        const stored: string[] = [];
        for (const name of names.filter((name) => name !== "")) {
          try {
            await catalog.files.commit(file(name));
            stored.push(name);
          } catch {
            continue; // it is a folder of another
          }
        }
        const found: string[] = [];
        for (let after = "";;) {
          const files = await catalog.files.list(alice, { prefix, after, limit: page });
          if (files.length === 0) break;
          found.push(...files.map(({ name }) => name));
          after = found.at(-1) as string;
        }
        const expected = stored.filter((name) => name.startsWith(prefix));
        assert.deepEqual(new Set(found), new Set(expected));
        assert.equal(found.length, expected.length);
      },
    ),
    { numRuns: 200, seed: 7 },
  );
});

Deno.test("catalog: what a client uses is the sum over its files, whatever is done to them", async () => {
  await using scene = await create();
  const { catalog } = scene;
  const name = fc.constantFrom("a", "b", "c", "d/e", "d");
  const size = fc.oneof(fc.constant(5), fc.nat(1000));
  const step = fc.oneof(
    fc.record({ do: fc.constant("store"), name, size, keep: fc.nat(3) }),
    fc.record({ do: fc.constant("rename"), name, to: name }),
    fc.record({ do: fc.constant("drop"), name }),
    fc.record({ do: fc.constant("forget"), name, version: fc.nat(4) }),
    fc.record({ do: fc.constant("damage"), name, version: fc.nat(4) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 20 }),
      name,
      fc.nat(3),
      async (steps, next, keep) => {
        for (const step of steps) {
          try {
            if ("size" in step) await catalog.files.commit(file(step.name, step.size), step);
            else if ("to" in step) await catalog.files.rename(alice, step.name, step.to);
            else if ("version" in step) {
              const found = await catalog.files.find(alice, step.name, { version: step.version });
              if (found === undefined) continue;
              if (step.do === "forget") await catalog.files.forget(found.path);
              else await catalog.files.setDamage(found.path, "content");
            } else await catalog.files.remove(alice, step.name);
          } catch (error) {
            assert.match(String(error), /folder of another/);
          }
        }
        const files = await catalog.files.listAll(alice);
        const sum = (some: readonly StoredFile[]) => ({
          bytes: some.reduce((bytes, { size }) => bytes + size, 0),
          files: some.filter(({ current }) => current).length,
        });
        assert.deepEqual(await catalog.files.usage(alice), { ...sum(files), replaced: NOTHING });
        // What is foreseen before a file is stored is what comes of it.
        const before = await catalog.files.usage(alice, { name: next, size: 5, keep, open: [] });
        const { garbage } = await catalog.files.commit(file(next, 5), { keep }).catch(() => ({
          garbage: undefined,
        }));
        if (garbage === undefined) return;
        const after = await catalog.files.usage(alice);
        const expected = { bytes: before.bytes + 5, files: before.files + 1, replaced: NOTHING };
        assert.deepEqual(after, expected);
      },
    ),
    { numRuns: 200, seed: 7 },
  );
  await catalog.accounts.remove(alice);
  assert.deepEqual(await catalog.files.usage(alice), { ...NOTHING, replaced: NOTHING });
  assert.deepEqual(await catalog.faults(), []);
});

Deno.test("catalog: a name whose current file was taken out has old ones still, and is not free", async () => {
  await using scene = await create();
  const { catalog } = scene;
  const [old, current] = [file("a"), file("a")];
  for (const one of [old, current]) await catalog.files.commit(one, { keep: 1 });
  await catalog.files.commit(file("b"));
  await catalog.files.forget(current.path);
  assert.equal(await catalog.files.find(alice, "a"), undefined);
  assert.equal((await catalog.files.find(alice, "a", { version: 1 }))?.path, old.path);
  assert.equal(await catalog.files.rename(alice, "b", "a"), "taken");
  const next = await catalog.files.commit(file("a"), { keep: Infinity });
  assert.deepEqual(next, { version: 2, garbage: [] });
  assert.equal((await catalog.files.versions(alice, "a", { limit: 9 })).length, 2);
  assert.deepEqual(
    (await catalog.files.versions(alice, "a", { before: 2, limit: 9 })).map(({ version }) =>
      version
    ),
    [1],
  );
});

Deno.test("catalog: a digest is added to the file at a path, once, and to no other", async () => {
  await using scene = await create();
  const { catalog } = scene;
  const carol = pseudoRandomBytes(16, 8);
  const storedProfile = { edition: "2023c", quirks: [] };
  const registration = { id: carol, name: "Carol", now: 1, expiredBefore: 0, storedProfile };
  await catalog.accounts.registerV3({ ...registration, claimedIds: [] });
  const { tree: _, ...rest } = file("a");
  const plain = { ...rest, clientId: carol };
  await catalog.files.commit(plain);
  const other = pseudoRandomBytes(32, 5);
  await catalog.files.setDigests(blobId("files/1/none"), { mtime: 3, digest }, digest);
  assert.equal((await catalog.files.find(carol, "a"))?.tree, undefined);
  await catalog.files.setDigests(plain.path, { mtime: 3, digest }, digest);
  await catalog.files.setDigests(plain.path, { mtime: 4, digest: other }, other);
  assert.deepEqual((await catalog.files.find(carol, "a"))?.tree, { mtime: 3, digest });
  assert.deepEqual(await catalog.files.chunkDigests(plain.path), digest);
  assert.equal(await catalog.files.chunkDigests(blobId("files/1/none")), undefined);
});

Deno.test("catalog: names are refused just where one is a folder of another", async () => {
  await using scene = await create();
  const { catalog } = scene;
  const part = fc.constantFrom("a", "a-", "a0", "-", "0", "\u{10000}");
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  await fc.assert(
    fc.asyncProperty(fc.array(name, { maxLength: 12 }), async (names) => {
      for (const { name } of await catalog.files.listAll(alice)) {
        await catalog.files.remove(alice, name);
      }
      const stored = new Set<string>();
      for (const name of names) {
        const fits = [...stored].every((other) =>
          !other.startsWith(`${name}/`) && !name.startsWith(`${other}/`)
        );
        const isStored = await catalog.files.commit(file(name)).then(() => true, () => false);
        assert.equal(isStored, fits, `${name} beside ${[...stored]}`);
        if (isStored) stored.add(name);
      }
    }),
    { numRuns: 300, seed: 7 },
  );
});
