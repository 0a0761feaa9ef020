/** Several servers with one database and one bucket: whatever happens at one of them, clients continue at another. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import type { PostgresCatalog } from "../../../server/catalog/postgres/postgres_catalog.ts";
import type { SharedCatalog } from "../../../server/catalog/shared_catalog.ts";
import { LEASE_MS } from "../../../server/cluster/node_lease.ts";
import type { Limits } from "../../../server/limits/limits.ts";
import { makeToken } from "../../../server/accounts/tokens.ts";
import type { Server } from "../../../server/server.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { ServerLog } from "../../support/server_log.ts";
import {
  type Elsewhere,
  elsewhereForReal,
  ElsewhereInMemory,
  optionsOf,
  type RealElsewhere,
} from "../../support/store/elsewhere.ts";
import { interceptedCatalog } from "../../support/store/intercepted_catalog.ts";
import { Fixture, got, put, startServer } from "../../support/v4/fixture.ts";
import { once } from "../../support/v4/machines.ts";
import { Uploader } from "../../support/v4/raw_client.ts";

const PART_SIZE = 2 * CHUNK_SIZE;
const content = pseudoRandomBytes(7 * CHUNK_SIZE + 3);
/** So often that a test need not wait for it. */
const HOUSEKEEPING_MS = 50;

/** Servers of one cluster. */
interface Cluster {
  readonly elsewhere: RealElsewhere;
  /** With the first server. */
  readonly fixture: Fixture;
  readonly second: Server;
}

/** Runs a test with two servers that have joined, and Alice registered at the first. */
function clusterTest(
  what: string,
  body: (cluster: Cluster) => Promise<void>,
  limits: Partial<Limits> = {},
): void {
  Deno.test(`several servers: ${what}`, async () => {
    await using elsewhere = await elsewhereForReal(PART_SIZE);
    await using fixture = await Fixture.create(limits, optionsOf(elsewhere));
    await using second = await startServer(fixture.data, limits, optionsOf(elsewhere));
    (await fixture.client("Alice"))[Symbol.dispose]();
    await body({ elsewhere, fixture, second });
  });
}

/** Resolves when something is so, which it will be. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

clusterTest(
  "who registers at one signs in at the other, and each changes files of the other",
  async ({ fixture, second }) => {
    using one = await fixture.client("Alice");
    using two = await fixture.client("Alice", { server: second.address });
    await put(one, [{ file: await fixture.source("a", content), name: "dir/a" }]);
    assert.deepEqual(await got(two, "dir/a"), content);
    await two.rename("dir", "other");
    await put(two, [{ file: await fixture.source("b", content.slice(1)), name: "other/b" }]);
    await one.remove("other/a");
    const names: string[] = [];
    await two.list("", ({ name }) => names.push(name));
    assert.deepEqual(names, ["other/b"]);
    assert.deepEqual(await got(one, "other/b"), content.slice(1));
  },
);

clusterTest(
  "an upload that other servers still have open continues at the third, from its last whole part",
  async ({ elsewhere, fixture, second }) => {
    await using third = await startServer(fixture.data, {}, optionsOf(elsewhere));
    // The network is gone each time, but the server does not notice.
    using one = await Uploader.login(fixture, "Alice");
    const { tag } = await one.resume(content);
    await one.send(tag, content, 0, 1, 2);
    const ended = [one.ended()];
    await until(() => elsewhere.parts === 1);
    using two = await Uploader.login({ folder: fixture.folder, server: second }, "Alice");
    const next = await two.resume(content);
    assert.equal(next.offset, PART_SIZE);
    await two.send(next.tag, content, 2, 3, 4);
    ended.push(two.ended());
    await until(() => elsewhere.parts === 2);
    using three = await Uploader.login({ folder: fixture.folder, server: third }, "Alice");
    const last = await three.resume(content);
    assert.equal(last.offset, 2 * PART_SIZE);
    await Promise.all(ended);
    await three.send(last.tag, content, 4, 5, 6, 7);
    await three.end(last.tag, content);
    assert.deepEqual(elsewhere.counts, { blobs: 1, uploads: 0 });
    using client = await fixture.client("Alice");
    assert.deepEqual(await got(client, "a"), content);
  },
);

clusterTest(
  "an upload that starts over takes the name; the one at the other server can still be stored",
  async ({ elsewhere, fixture, second }) => {
    using alice = await Uploader.login(fixture, "Alice");
    const tag = await alice.begin(content);
    await alice.send(tag, content, 0, 1, 2, 3, 4);
    using again = await Uploader.login({ folder: fixture.folder, server: second }, "Alice");
    const other = content.slice(1);
    const next = await again.begin(other);
    await again.send(next, other, 0, 1, 2, 3, 4, 5, 6, 7);
    const { version } = await again.end(next, other);
    await alice.send(tag, content, 5, 6, 7);
    const stored = await alice.end(tag, content);
    assert.deepEqual([stored.version, stored.replaced], [version + 1, version]);
    assert.equal(elsewhere.counts.uploads, 0);
    using client = await fixture.client("Alice", { server: second.address });
    assert.deepEqual(await got(client, "a"), content);
  },
);

clusterTest(
  "an upload in progress at one server counts towards the quota at the other",
  async ({ fixture, second }) => {
    using alice = await Uploader.login(fixture, "Alice");
    const { tag } = await alice.resume(content);
    await alice.send(tag, content, 0);
    using client = await fixture.client("Alice", { server: second.address });
    const upload = [{ file: await fixture.source("b", content), name: "b" }];
    assert.deepEqual(await put(client, upload), ["over-limit"]);
    await alice.cancel(tag);
    await alice.settle();
    assert.equal(typeof (await put(client, upload))[0], "number");
  },
  { quota: 10 * CHUNK_SIZE },
);

clusterTest("uploads of one name at both servers leave one current version", async (cluster) => {
  const { elsewhere, fixture, second } = cluster;
  const contents = [content, content.slice(1)];
  const outcomes = await Promise.allSettled(
    [fixture.server, second].map(async (server, i) => {
      using alice = await Uploader.login({ folder: fixture.folder, server }, "Alice");
      const own = contents[i] as typeof content;
      const tag = await alice.begin(own);
      await alice.send(tag, own, 0, 1, 2, 3, 4, 5, 6, 7);
      return (await alice.end(tag, own)).version;
    }),
  );
  const versions = outcomes.map((one) => one.status === "fulfilled" ? one.value : one.reason);
  assert.deepEqual(versions.toSorted(), [1, 2]);
  using one = await fixture.client("Alice");
  using two = await fixture.client("Alice", { server: second.address });
  const last = contents[versions.indexOf(2)];
  assert.deepEqual([await got(one, "a"), await got(two, "a")], [last, last]);
  assert.equal(elsewhere.counts.uploads, 0);
});

clusterTest(
  "sessions at both servers end when their account is disabled",
  async ({ elsewhere, fixture, second }) => {
    using one = await Uploader.login(fixture, "Alice");
    using two = await Uploader.login({ folder: fixture.folder, server: second }, "Alice");
    const ended = Promise.all([one.ended(), two.ended()]);
    await using catalog = await elsewhere.openers.catalog("");
    const account = await catalog.accounts.find({ name: "Alice" });
    assert.ok(account);
    await catalog.accounts.update(account.id, { disabled: true });
    assert.deepEqual(await ended, ["account-disabled", "account-disabled"]);
  },
);

Deno.test("several servers: an invitation for one user admits one, whichever server is asked", async () => {
  await using elsewhere = new ElsewhereInMemory(PART_SIZE);
  const options = { ...optionsOf(elsewhere), registration: "invite" } as const;
  await using fixture = await Fixture.create({}, options);
  await using second = await startServer(fixture.data, {}, options);
  await using catalog = await elsewhere.openers.catalog("");
  const { token } = await makeToken(catalog, once, Date.now());
  const outcomes = await Promise.allSettled([
    fixture.client("Alice", { token }),
    fixture.client("Bob", { token, server: second.address }),
  ]);
  const codes = outcomes.map((one) => {
    if (one.status === "rejected") return one.reason.code;
    one.value[Symbol.dispose]();
    return "registered";
  });
  assert.deepEqual(codes.toSorted(), ["bad-token", "registered"]);
});

/** The leases of all servers end, and another one removes them. */
async function removeAll(elsewhere: Elsewhere): Promise<void> {
  await using catalog = await elsewhere.openers.catalog("") as PostgresCatalog;
  for (let removed: readonly string[] = []; removed.every((name) => name === "other");) {
    await catalog.database.unchecked(({ run }) =>
      run("UPDATE nodes SET lease_until = clock_timestamp()")
    );
    ({ removed } = await catalog.nodes.join("other", 0));
  }
}

Deno.test(
  "several servers: one that was removed confirms nothing, leaves its upload to another, and joins again",
  async () => {
    await using elsewhere = await elsewhereForReal(PART_SIZE);
    await using fixture = await Fixture.create({}, optionsOf(elsewhere));
    await using log = await ServerLog.take();
    (await fixture.client("Alice"))[Symbol.dispose]();
    {
      using alice = await Uploader.login(fixture, "Alice");
      const { tag } = await alice.resume(content);
      await alice.send(tag, content, 0, 1, 2, 3, 4);
      await assert.rejects(alice.settle());
    }
    using alice = await Uploader.login(fixture, "Alice");
    const { tag, offset } = await alice.resume(content);
    await alice.send(tag, content, 4, 5, 6, 7);
    // The first server is paused before it can store the file.
    await removeAll(elsewhere);
    await using second = await startServer(fixture.data, {}, optionsOf(elsewhere));
    using again = await Uploader.login({ folder: fixture.folder, server: second }, "Alice");
    const continued = await again.resume(content);
    assert.deepEqual([offset, continued.offset], [2 * PART_SIZE, 2 * PART_SIZE]);
    // It wakes up.
    await assert.rejects(alice.end(tag, content));
    await log.awaits("server.joined");
    await again.send(continued.tag, content, 4, 5, 6, 7);
    await again.end(continued.tag, content);
    assert.equal(log.of("server.lease-lost").length, 1);
    assert.deepEqual(elsewhere.counts, { blobs: 1, uploads: 0 });
    using client = await fixture.client("Alice");
    assert.deepEqual(await got(client, "a"), content);
  },
);

Deno.test(
  "several servers: content that a removed one finishes after others have deleted its leftovers is deleted",
  async () => {
    await using elsewhere = await elsewhereForReal(PART_SIZE);
    const catalog = async (url: string): Promise<SharedCatalog> => {
      const shared = await elsewhere.openers.catalog(url);
      const intercepted = interceptedCatalog(shared, async (method, _args, next) => {
        if (method !== "files.commit") return await next();
        await removeAll(elsewhere);
        await using other = await elsewhere.openers.catalog(url);
        const garbage = await other.blobs.garbage(undefined, 10);
        assert.equal(garbage.length, 1);
        await other.blobs.collected(garbage);
        return await next();
      });
      return { ...shared, ...intercepted };
    };
    await using fixture = await Fixture.create(
      { inlineSize: 0 },
      optionsOf({ openers: { ...elsewhere.openers, catalog } }),
    );
    (await fixture.client("Alice"))[Symbol.dispose]();
    using alice = await Uploader.login(fixture, "Alice");
    const small = content.slice(0, 100);
    const tag = await alice.begin(small);
    await alice.send(tag, small, 0);
    await assert.rejects(alice.end(tag, small), { code: "unavailable" });
    assert.deepEqual(elsewhere.counts, { blobs: 0, uploads: 0 });
  },
);

Deno.test(
  "several servers: uploads of a killed server are deleted, those of a running one are not",
  async () => {
    await using elsewhere = await elsewhereForReal(PART_SIZE);
    await using killed = await elsewhere.openers.catalog("");
    await using running = await elsewhere.openers.catalog("");
    const blobs = await elsewhere.openers.blobs("", {});
    const { epoch } = await killed.nodes.join("killed", LEASE_MS * 40);
    await running.nodes.join("running", LEASE_MS * 40);
    const owner = new Uint8Array(16);
    for (const catalog of [killed, running]) {
      const writer = await blobs.create({ owner, size: content.length });
      await catalog.openUploads.begin(writer.uploadId);
      const small = await blobs.create({ owner, size: 1 });
      await catalog.blobs.reserve(small.blobId);
      await small.write(0, new Uint8Array(1));
      await small.finish();
    }
    assert.deepEqual(elsewhere.counts, { blobs: 2, uploads: 2 });
    await killed.nodes.renew(epoch, 0);
    await using fixture = await Fixture.create({}, {
      ...optionsOf(elsewhere),
      housekeepingMs: HOUSEKEEPING_MS,
    });
    assert.equal(fixture.server.addresses.length, 2);
    await until(() => elsewhere.counts.uploads === 1 && elsewhere.counts.blobs === 1);
    assert.equal(await killed.nodes.renew(epoch, LEASE_MS), undefined);
    if (Symbol.dispose in blobs) (blobs as unknown as Disposable)[Symbol.dispose]();
  },
);
