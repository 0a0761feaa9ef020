/** The lease of a server on a shared catalog. */
import assert from "node:assert/strict";
import { LEASE_MS, NodeLease, RENEW_MS } from "../../../server/cluster/node_lease.ts";
import { SharedMemory } from "../../support/store/shared_memory_catalog.ts";

/** Takes a lease, while time passes only by waiting. */
function take(memory: SharedMemory, name: string, onPause = () => Promise.resolve()) {
  return NodeLease.take(memory.connect().nodes, {
    name,
    async pause(ms) {
      await onPause();
      memory.pass(ms);
    },
  });
}

Deno.test("lease: a running server keeps others out", async () => {
  const memory = new SharedMemory();
  await using first = await take(memory, "one");
  const renewed = () => first.renew();
  await assert.rejects(take(memory, "two", renewed), { code: "catalog-in-use", message: /one/ });
});

Deno.test("lease: the lease of a killed server ends, and the next server takes over", async () => {
  const memory = new SharedMemory();
  await using killed = await take(memory, "one");
  let pauses = 0;
  await using next = await take(memory, "two", () => Promise.resolve(void pauses++));
  assert.equal(pauses, LEASE_MS / RENEW_MS);
  assert.ok(next.epoch > killed.epoch);
  await killed.renew();
  await killed.lost;
});

Deno.test("lease: a server that stops gives it back", async () => {
  const memory = new SharedMemory();
  await (await take(memory, "one"))[Symbol.asyncDispose]();
  const fail = () => Promise.reject(new Error("it waits"));
  await using _next = await take(memory, "two", fail);
});

Deno.test("lease: while the catalog does not answer, the lease is not lost", async () => {
  const memory = new SharedMemory();
  const { nodes } = memory.connect();
  let isAway = true;
  const renew: typeof nodes.renew = (epoch, ms) =>
    isAway ? Promise.reject(new Error("away")) : nodes.renew(epoch, ms);
  await using lease = await NodeLease.take({ ...nodes, renew }, { name: "one" });
  let isLost = false;
  void lease.lost.then(() => isLost = true);
  memory.pass(2 * LEASE_MS);
  await lease.renew();
  isAway = false;
  await lease.renew();
  assert.equal(isLost, false);
  const other = await memory.connect().nodes.join("two", LEASE_MS);
  assert.ok("other" in other && other.other.name === "one", "the renewal has extended it");
});
