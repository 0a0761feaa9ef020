/** The leases and values of a shared catalog, with each implementation. */
import assert from "node:assert/strict";
import { LeaseLost, type SharedCatalog } from "../../../server/catalog/shared_catalog.ts";
import { openPostgresCatalog } from "../../../server/catalog/postgres/postgres_catalog.ts";
import { enrolV3 } from "../../support/store/catalog_suite.ts";
import { createDatabase } from "../../support/store/postgres.ts";
import { SharedMemory } from "../../support/store/shared_memory_catalog.ts";

/** Long enough for a slow machine. */
const LONG_MS = 600_000;

/** A catalog. Each call of `connect` is another server. */
interface Shared extends AsyncDisposable {
  connect(): Promise<SharedCatalog>;
}

const IMPLEMENTATIONS: Readonly<Record<string, () => Promise<Shared>>> = {
  "in memory": () => {
    const memory = new SharedMemory();
    return Promise.resolve({
      connect: () => Promise.resolve(memory.connect()),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
  "PostgreSQL": async () => {
    const database = await createDatabase();
    return {
      connect: () => openPostgresCatalog(database.options),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  },
};

function test(
  what: string,
  body: (first: SharedCatalog, second: SharedCatalog) => Promise<void>,
): void {
  for (const [implementation, open] of Object.entries(IMPLEMENTATIONS)) {
    Deno.test(`shared catalog ${implementation}: ${what}`, async () => {
      await using shared = await open();
      await using first = await shared.connect();
      await using second = await shared.connect();
      await body(first, second);
    });
  }
}

async function join(catalog: SharedCatalog, name: string, leaseMs = LONG_MS): Promise<number> {
  const joined = await catalog.nodes.join(name, leaseMs);
  assert.ok("epoch" in joined);
  return joined.epoch;
}

test(
  "a second server is refused while the lease of the first has not ended",
  async (first, second) => {
    const epoch = await join(first, "one");
    const refused = await second.nodes.join("two", LONG_MS);
    assert.ok("other" in refused);
    const { leftMs, ...other } = refused.other;
    assert.deepEqual(other, { name: "one", epoch, renewals: 0 });
    assert.ok(leftMs > 0 && leftMs <= LONG_MS);
    assert.equal(await first.nodes.renew(epoch, LONG_MS), true);
    const again = await second.nodes.join("two", LONG_MS);
    assert.ok("other" in again && again.other.renewals === 1);
  },
);

test("a server that leaves makes room at once, and epochs grow", async (first, second) => {
  const epoch = await join(first, "one");
  await first.nodes.leave(epoch);
  assert.ok(await join(second, "two") > epoch);
});

test("an ended lease can be renewed until another server joins", async (first, second) => {
  const epoch = await join(first, "one", 0);
  assert.equal(await first.nodes.renew(epoch, 0), true);
  await join(second, "two");
  assert.equal(await first.nodes.renew(epoch, LONG_MS), false);
});

test("a server whose lease was taken over changes nothing", async (first, second) => {
  await join(first, "one", 0);
  await enrolV3(first);
  await join(second, "two");
  await assert.rejects(enrolV3(first, undefined, "Bob"), LeaseLost);
  assert.deepEqual((await second.accounts.list()).map(({ name }) => name), ["Alice"]);
});

test("connections that have not joined are not checked", async (first, second) => {
  await join(first, "one", 0);
  await enrolV3(second);
  assert.equal((await first.accounts.list()).length, 1);
});

test("the first value of a name stays", async (first, second) => {
  const [one, other] = [new Uint8Array([1, 0, 255]), new Uint8Array([2])];
  assert.equal(await first.values.find("a"), undefined);
  const kept = await Promise.all([first.values.keep("a", one), second.values.keep("a", other)]);
  assert.deepEqual(new Uint8Array(kept[0] ?? []), new Uint8Array(kept[1] ?? []));
  assert.deepEqual(await second.values.keep("b", one), one);
  assert.deepEqual(await first.values.find("b"), one);
});

Deno.test("shared catalog PostgreSQL: who takes over waits for the transaction of the other server in progress", async () => {
  await using database = await createDatabase();
  await using first = await openPostgresCatalog(database.options);
  await using second = await openPostgresCatalog(database.options);
  await join(first, "one", 0);
  const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const order: string[] = [];
  const changing = first.database.transaction(async (transaction) => {
    await transaction.run("INSERT INTO shared_values VALUES ('x', '')");
    begun.resolve();
    await go.promise;
    order.push("change");
  });
  await begun.promise;
  const joining = join(second, "two").then(() => order.push("takeover"));
  const waiting =
    "SELECT count(*) AS count FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
  for (;;) {
    const row = await first.database.read(({ get }) => get(waiting));
    if ((row?.["count"] as number) > 0) break;
  }
  go.resolve();
  await Promise.all([changing, joining]);
  assert.deepEqual(order, ["change", "takeover"]);
  assert.notEqual(await second.values.find("x"), undefined);
});
