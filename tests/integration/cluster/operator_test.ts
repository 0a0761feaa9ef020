/** What an operator does with a database and a bucket while servers use them: verify, repair, import. */
import assert from "node:assert/strict";
import { toHex } from "../../../protocol/bytes.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { LEASE_MS } from "../../../server/cluster/node_lease.ts";
import type { PostgresCatalog } from "../../../server/catalog/postgres/postgres_catalog.ts";
import {
  importFiles,
  type Verified,
  verify,
  type VerifyOptions,
} from "../../../server/operator/mod.ts";
import { areEqual, pseudoRandomBytes } from "../../support/bytes.ts";
import { elsewhereForReal, optionsOf, type RealElsewhere } from "../../support/store/elsewhere.ts";
import { shown } from "../../support/store/stored.ts";
import { Fixture, got, put } from "../../support/v4/fixture.ts";

const PART_SIZE = 2 * CHUNK_SIZE;
const LOCATION = { catalog: "postgres://db.example.org/xfer", blobs: "s3://files/xfer" };
const FILES = {
  large: pseudoRandomBytes(3 * PART_SIZE + 5, 1),
  medium: pseudoRandomBytes(100_000, 2),
  middle: pseudoRandomBytes(100_001, 3),
  small: pseudoRandomBytes(900, 4),
};

/** A server with files of Alice. */
async function prepare() {
  await using opening = new AsyncDisposableStack();
  const elsewhere = opening.use(await elsewhereForReal(PART_SIZE));
  const fixture = opening.use(await Fixture.create({}, optionsOf(elsewhere)));
  using alice = await fixture.client("Alice");
  for (const [name, content] of Object.entries(FILES)) {
    await put(alice, [{ file: await fixture.source(name, content), name }]);
  }
  const open = opening.move();
  return { elsewhere, fixture, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

async function found(
  { openers }: RealElsewhere,
  options: Partial<VerifyOptions> = {},
): Promise<Verified[]> {
  const all: Verified[] = [];
  await verify({ dataFolder: LOCATION, openers, onFinding: (one) => all.push(one), ...options });
  return all;
}

/** Changes the object of a file, in the size that it has. */
async function damage({ openers, s3 }: RealElsewhere, name: string): Promise<string> {
  await using catalog = await openers.catalog("");
  const file = (await catalog.files.scan(undefined, 100)).find((one) => one.name === name);
  const key = `xfer/${file?.content.id}`;
  const object = s3.objects.get(key) ?? assert.fail(`no object of ${name}`);
  const bytes = object.bytes.slice();
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  s3.objects.set(key, { ...object, bytes });
  return key;
}

Deno.test("a cluster: parts of a verification find each difference once", async () => {
  await using scene = await prepare();
  const { elsewhere } = scene;
  assert.deepEqual(await found(elsewhere), []);
  await damage(elsewhere, "large");
  elsewhere.s3.objects.delete(await damage(elsewhere, "medium"));
  for (let i = 0; i < 8; i++) {
    const key = `xfer/blobs/${toHex(pseudoRandomBytes(16, 2 * i))}`;
    elsewhere.s3.objects.set(key, { bytes: FILES.small, etag: "" });
  }
  const all = shown(await found(elsewhere));
  assert.equal(all.length, 10);
  const parts = await Promise.all(
    [1, 2, 3].map((number) => found(elsewhere, { part: { number, count: 3 } })),
  );
  assert.deepEqual(shown(parts.flat()), all);
  assert.ok(parts.every((part) => part.length < all.length));
});

Deno.test("a cluster: a repair moves what is damaged to the quarantine of the bucket, while servers run", async () => {
  await using scene = await prepare();
  const { elsewhere, fixture } = scene;
  const { objects } = elsewhere.s3;
  const damaged = await damage(elsewhere, "large");
  const content = objects.get(damaged)?.bytes;
  objects.delete(await damage(elsewhere, "medium"));
  objects.set("xfer/blobs/odd", { bytes: FILES.small, etag: "" });
  // The digests of its chunks: its content is in the catalog, too.
  {
    await using catalog = await elsewhere.openers.catalog("") as PostgresCatalog;
    await catalog.database.transaction(({ run }) =>
      run("UPDATE files SET crc = crc + 1 WHERE name = 'small'")
    );
  }
  const repaired = await found(elsewhere, { repair: true });
  assert.deepEqual(shown(repaired), [
    ...["changed large", "changed small", "missing medium", "stray blobs/odd"],
  ]);
  assert.deepEqual(await found(elsewhere), []);
  const contents = new Map(repaired.map((one) => [shown([one])[0], one.movedTo]));
  const at = (place: string | undefined) => objects.get(`xfer/${place}`)?.bytes;
  assert.deepEqual(at(contents.get("changed large")), content);
  assert.deepEqual(at(contents.get("changed small")), FILES.small);
  assert.deepEqual(at(contents.get("stray blobs/odd")), FILES.small);
  assert.equal(contents.get("missing medium"), undefined);
  const records = [...objects].filter(([key]) => key.endsWith(".json"))
    .map(([, { bytes }]) => JSON.parse(new TextDecoder().decode(bytes)));
  assert.deepEqual(records.map(({ name = "odd", user }) => [name, user]).sort(), [
    ...[["large", "Alice"], ["medium", "Alice"], ["odd", undefined], ["small", "Alice"]],
  ]);
  assert.equal(elsewhere.counts.uploads, 0);
  {
    await using catalog = await elsewhere.openers.catalog("");
    const [account] = await catalog.accounts.list();
    assert.deepEqual(account?.usage, { files: 1, bytes: FILES.middle.length });
  }
  using alice = await fixture.client("Alice");
  const outcomes = await put(alice, [
    { file: await fixture.source("large", FILES.large), name: "large" },
  ]);
  assert.equal(typeof outcomes[0], "number");
  assert.ok(areEqual(await got(alice, "large"), FILES.large));
});

Deno.test("a cluster: an interrupted repair is finished by the next one", async () => {
  await using scene = await prepare();
  const { elsewhere } = scene;
  const key = await damage(elsewhere, "large");
  // The process ends before the object is deleted.
  elsewhere.s3.failNext("DeleteObject", { status: 403 });
  await assert.rejects(found(elsewhere, { repair: true }));
  assert.ok(elsewhere.s3.objects.has(key));
  assert.deepEqual(await found(elsewhere, { repair: true }), []);
  assert.ok(!elsewhere.s3.objects.has(key));
  const quarantined = [...elsewhere.s3.objects.keys()].filter((key) => key.includes("quarantine"));
  assert.equal(quarantined.length, 2, "the content and its record");
  assert.equal(elsewhere.counts.uploads, 0);
});

Deno.test("a cluster: a repair takes what a removed server has finished, and nothing that a running one has reserved", async () => {
  await using elsewhere = await elsewhereForReal(PART_SIZE);
  await using running = await elsewhere.openers.catalog("");
  await using removed = await elsewhere.openers.catalog("");
  const blobs = await elsewhere.openers.blobs("", {});
  await running.nodes.join("running", LEASE_MS * 40);
  const { epoch } = await removed.nodes.join("removed", LEASE_MS * 40);
  const begun = await Promise.all([running, removed].map(async ({ blobs: references }) => {
    const writer = await blobs.create({ owner: new Uint8Array(16), size: 1 });
    await references.reserve(writer.blobId);
    await writer.write(0, Uint8Array.of(1));
    return writer;
  }));
  await removed.nodes.leave(epoch);
  const garbage = await running.blobs.garbage(undefined, 10);
  assert.deepEqual(garbage, [begun[1]?.blobId]);
  for (const id of garbage) await blobs.delete(id);
  await running.blobs.collected(garbage);
  // It wakes up, finishes the object, and is killed before it can delete it.
  for (const writer of begun) await writer.finish();
  const stray = `stray ${begun[1]?.blobId}`;
  assert.deepEqual(shown(await found(elsewhere)), [stray]);
  assert.deepEqual(shown(await found(elsewhere, { repair: true })), [stray]);
  assert.deepEqual(await found(elsewhere), []);
  assert.ok(await blobs.stat(begun[0]?.blobId ?? assert.fail()));
  if (Symbol.dispose in blobs) (blobs as unknown as Disposable)[Symbol.dispose]();
});

Deno.test("a cluster: an import stores files while servers run, and leaves no lease", async () => {
  await using scene = await prepare();
  const { elsewhere, fixture } = scene;
  const { openers } = elsewhere;
  await Deno.mkdir(fixture.folder.join("local"));
  for (const [name, content] of Object.entries(FILES)) {
    await fixture.folder.write(`local/${name}`, content);
  }
  const states: string[] = [];
  const request = {
    ...{ dataFolder: LOCATION, openers, userName: "Alice", paths: [fixture.folder.join("local")] },
    onOutcome: (one: object) => void states.push("state" in one ? `${one.state}` : "failed"),
  };
  await importFiles(request);
  assert.deepEqual(states, ["stored", "stored", "stored", "stored", "stored"]);
  using alice = await fixture.client("Alice");
  for (const [name, content] of Object.entries(FILES)) {
    assert.ok(areEqual(await got(alice, `local/${name}`), content), name);
  }
  await importFiles(request);
  assert.deepEqual(states.slice(5), Array(5).fill("unchanged"));
  await using catalog = await openers.catalog("");
  assert.equal((await catalog.nodes.running()).length, 1);
  assert.deepEqual(await found(elsewhere), []);
  assert.equal(elsewhere.counts.uploads, 0);
});
