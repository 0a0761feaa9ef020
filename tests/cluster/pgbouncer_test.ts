/**
 * The suite of catalogs, and servers that share one, through PgBouncer in transaction mode: each transaction may use
 * another connection. Runs only in `deno task test:cluster`.
 */
import assert from "node:assert/strict";
import { PgBouncer } from "../../scripts/cluster/pgbouncer.ts";
import { connectThrough, createDatabase } from "../support/store/postgres.ts";
import { clusterRun } from "./cluster_run.ts";

const ignore = clusterRun() === undefined;

/** Tests that reach their databases by `createDatabase`. */
const TESTS = [
  ...["account_admin", "blobs", "commit", "concurrency", "files", "history", "model", "packs"]
    .map((name) => `catalog/suite/${name}`),
  ...["tokens", "tree", "uploads", "usage", "v3_accounts", "v4_accounts"]
    .map((name) => `catalog/suite/${name}`),
  ...["catalog/shared_catalog", "catalog/postgres/two_servers", "catalog/table_copy"],
];

if (ignore) {
  Deno.test({ name: "PgBouncer: catalogs in transaction mode", ignore, fn() {} });
} else {
  let pooler: PgBouncer | undefined;
  globalThis.addEventListener("unload", () => pooler?.endNow());
  connectThrough(async (server) => {
    pooler = await PgBouncer.start(server);
    pooler.unref();
    return pooler;
  });
  Deno.test("PgBouncer: tests reach their databases through it", async () => {
    await using database = await createDatabase();
    assert.equal(database.options.host, pooler?.socket);
  });
  for (const name of TESTS) await import(`../server/${name}_test.ts`);
  await import("../integration/cluster/several_servers_test.ts");
}
