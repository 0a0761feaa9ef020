/** State that servers share in their catalog: what the catalog sees of it. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../protocol/bytes.ts";
import { clusterState } from "../../../server/accounts/cluster_state.ts";
import { DEFAULT_LIMITS } from "../../../server/limits/limits.ts";
import { alice, id } from "../../support/store/catalog_suite.ts";
import { clusterSecret } from "../../support/store/elsewhere.ts";
import { SharedMemory } from "../../support/store/shared_memory_catalog.ts";

const key: Bytes = new Uint8Array(32).fill(7);
const LONG_MS = 600_000;

Deno.test("cluster state: the catalog sees no key, and only servers with the secret do, for its account", async () => {
  const { state } = new SharedMemory().connect();
  const one = clusterState(state, await clusterSecret()(), DEFAULT_LIMITS);
  await one.sessions.set(alice, key);
  const other = clusterState(state, await clusterSecret()(), DEFAULT_LIMITS);
  assert.deepEqual(await other.sessions.find(alice), key);
  const wrapped = await state.findSession(alice, LONG_MS) ?? assert.fail();
  assert.equal(wrapped.join(" ").includes(key.join(" ")), false);
  const refused = { code: "cluster-secret-wrong" };
  const stranger = clusterState(
    state,
    await clusterSecret("another secret of at least 32 characters")(),
    DEFAULT_LIMITS,
  );
  await assert.rejects(stranger.sessions.find(alice), refused);
  // Nobody who can write to the database can give the key of one account to another.
  await state.setSession(id(9), wrapped);
  await assert.rejects(other.sessions.find(id(9)), refused);
});
