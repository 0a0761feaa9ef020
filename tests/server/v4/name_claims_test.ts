/** Claims of uploads to their names, at two servers that share a catalog. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import type { SharedCatalog } from "../../../server/catalog/shared_catalog.ts";
import { type Claimant, NameClaims } from "../../../server/v4/name_claims.ts";
import { alice, id, login } from "../../support/store/catalog_suite.ts";
import { SharedMemory } from "../../support/store/shared_memory_catalog.ts";

const LEASE_MS = 60_000;
const CONNECTED = () => ({ [Symbol.dispose]: () => undefined });

/** Catalogs of two servers that have joined. */
async function twoCatalogs(): Promise<[SharedCatalog, SharedCatalog]> {
  const memory = new SharedMemory();
  const catalogs = [memory.connect(), memory.connect()] as [SharedCatalog, SharedCatalog];
  for (const { nodes } of catalogs) await nodes.join("a server", LEASE_MS);
  await login(catalogs[0]);
  return catalogs;
}

interface Ends {
  readonly suspend?: () => void;
  readonly lose?: () => void;
}

function upload(
  number: number,
  { resume = 1, size = CHUNK_SIZE, name = "a", ends = {} as Ends } = {},
): Claimant {
  return {
    ...{ id: id(number), accountId: alice, request: { name, size, resume } },
    suspendForSuccessor: () => Promise.resolve(ends.suspend?.()),
    loseName: () => Promise.resolve(ends.lose?.()),
  };
}

Deno.test("claims: a server alone claims nothing, nor does an upload that cannot be resumed", async () => {
  const [catalog] = await twoCatalogs();
  assert.equal(await new NameClaims(undefined).take(upload(1), CONNECTED), undefined);
  const claims = new NameClaims(catalog.claims);
  const growing = { ...upload(1), request: { name: "a", size: undefined, resume: 0 } };
  assert.equal(await claims.take(growing, CONNECTED), undefined);
  assert.equal(await claims.take(upload(1, { size: CHUNK_SIZE - 1 }), CONNECTED), undefined);
});

Deno.test("claims: who resumes an upload that another server has open waits until it is suspended", async () => {
  const [one, two] = await twoCatalogs();
  const [first, second] = [new NameClaims(one.claims), new NameClaims(two.claims)];
  const order: string[] = [];
  const suspend = async () => {
    order.push("suspended");
    await held?.end();
  };
  const held = await first.take(upload(1, { ends: { suspend } }), CONNECTED);
  const other = await second.take(upload(2), CONNECTED);
  order.push("taken");
  assert.deepEqual(order, ["suspended", "taken"]);
  await other?.end();
  assert.deepEqual(await two.claims.contested(), []);
});

Deno.test("claims: an upload whose name was taken learns it once", async () => {
  const [one, two] = await twoCatalogs();
  const [first, second] = [new NameClaims(one.claims), new NameClaims(two.claims)];
  const lost = Promise.withResolvers<void>();
  const held = await first.take(upload(1, { ends: { lose: lost.resolve } }), CONNECTED);
  const other = await second.take(upload(2, { resume: 0 }), CONNECTED);
  await lost.promise;
  await Promise.all([held?.end(), other?.end()]);
});

Deno.test("claims: names are compared in NFC", async () => {
  const [one, two] = await twoCatalogs();
  const [first, second] = [new NameClaims(one.claims), new NameClaims(two.claims)];
  const held = await first.take(upload(1, { name: "\u00e9" }), CONNECTED);
  const other = await second.take(upload(2, { resume: 0, name: "e\u0301" }), CONNECTED);
  assert.deepEqual(await one.claims.contested(), [
    { id: id(1), isWanted: false, isCurrent: false },
  ]);
  await Promise.all([held?.end(), other?.end()]);
});

Deno.test("claims: the wait ends when the client disconnects", async () => {
  const [one, two] = await twoCatalogs();
  const held = await new NameClaims(one.claims).take(upload(1), CONNECTED);
  const gone = new Error("it is gone");
  const disconnecting = (listener: (error: Error) => void) => {
    listener(gone);
    return CONNECTED();
  };
  await assert.rejects(new NameClaims(two.claims).take(upload(2), disconnecting), gone);
  await held?.end();
});
