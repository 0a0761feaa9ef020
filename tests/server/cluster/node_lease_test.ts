/** The lease of a server on a catalog that servers share. */
import assert from "node:assert/strict";
import { LEASE_MS, type LeaseLoss, NodeLease } from "../../../server/cluster/node_lease.ts";
import type { Nodes } from "../../../server/catalog/shared_catalog.ts";
import { SharedMemory } from "../../support/store/shared_memory_catalog.ts";

/** A server that has nothing to end. */
const QUIET: LeaseLoss = {
  end: () => Promise.resolve(),
  resume: () => undefined,
  notJoined: () => undefined,
};

function join({ nodes }: { readonly nodes: Nodes }, name: string, removed: string[] = []) {
  return NodeLease.join(nodes, { name, onRemoved: (other) => removed.push(other) });
}

Deno.test("lease: servers join beside each other, and the oldest does the housekeeping", async () => {
  const memory = new SharedMemory();
  const first = await join(memory.connect(), "one");
  await using second = await join(memory.connect(), "two");
  assert.deepEqual([first.isOldest, second.isOldest], [true, false]);
  await first[Symbol.asyncDispose]();
  await second.renew();
  assert.deepEqual([first.isOldest, second.isOldest], [false, true]);
});

Deno.test("lease: a killed server is removed when its lease has ended", async () => {
  const memory = new SharedMemory();
  const killed = memory.connect();
  await killed.nodes.join("one", LEASE_MS);
  const removed: string[] = [];
  await using second = await join(memory.connect(), "two", removed);
  memory.pass(LEASE_MS - 1);
  await second.renew();
  assert.deepEqual([removed, second.takeRemoved()], [[], false]);
  memory.pass(1);
  await second.renew();
  assert.deepEqual([removed, second.isOldest], [["one"], true]);
  assert.deepEqual([second.takeRemoved(), second.takeRemoved()], [true, false]);
});

Deno.test("lease: a server that was removed ends its work, then joins again", async () => {
  const memory = new SharedMemory();
  await using first = await join(memory.connect(), "one");
  const before = first.epoch;
  const events: string[] = [];
  const ended = Promise.withResolvers<void>();
  first.onLost({
    end: async () => {
      events.push(`ends, oldest: ${first.isOldest}`);
      await ended.promise;
    },
    resume: () => events.push(`continues, oldest: ${first.isOldest}`),
    notJoined: () => assert.fail("it joins"),
  });
  memory.pass(LEASE_MS);
  await using second = await join(memory.connect(), "two");
  const renewing = first.renew();
  await Promise.resolve();
  assert.equal(first.epoch, before);
  ended.resolve();
  await renewing;
  assert.deepEqual(events, ["ends, oldest: false", "continues, oldest: false"]);
  assert.ok(first.epoch > second.epoch);
});

Deno.test("lease: while the catalog does not answer, the lease is not lost", async () => {
  const memory = new SharedMemory();
  const { nodes } = memory.connect();
  let isAway = true;
  const renew: Nodes["renew"] = (epoch, ms) =>
    isAway ? Promise.reject(new Error("away")) : nodes.renew(epoch, ms);
  await using lease = await join({ nodes: { ...nodes, renew } }, "one");
  lease.onLost({ ...QUIET, end: () => assert.fail("it is lost") });
  const { epoch } = lease;
  memory.pass(2 * LEASE_MS);
  await lease.renew();
  isAway = false;
  await lease.renew();
  assert.equal(lease.epoch, epoch);
});

Deno.test("lease: a server that cannot join again at once says why, and tries again", async () => {
  const memory = new SharedMemory();
  const { nodes } = memory.connect();
  let isAway = false;
  const whileThere: Nodes["join"] = (name, ms) =>
    isAway ? Promise.reject(new Error("away")) : nodes.join(name, ms);
  await using lease = await join({ nodes: { ...nodes, join: whileThere } }, "one");
  const reasons: unknown[] = [];
  lease.onLost({ ...QUIET, notJoined: (error) => reasons.push(error) });
  await nodes.leave(lease.epoch);
  const { epoch } = lease;
  isAway = true;
  await lease.renew();
  assert.deepEqual([lease.epoch, lease.isOldest], [epoch, false]);
  assert.deepEqual(reasons.map(String), ["Error: away"]);
  isAway = false;
  await lease.renew();
  assert.deepEqual([lease.epoch > epoch, lease.isOldest, reasons.length], [true, true, 1]);
});

Deno.test("lease: a server that must be alone waits for the lease of a killed one", async () => {
  const memory = new SharedMemory();
  await memory.connect().nodes.join("killed", LEASE_MS);
  const pause = (ms: number) => Promise.resolve(memory.pass(ms));
  await using lease = await NodeLease.joinAlone(memory.connect().nodes, { name: "one", pause });
  assert.equal(lease.isOldest, true);
});

Deno.test("lease: a server that must be alone is refused while another one runs", async () => {
  const memory = new SharedMemory();
  await using running = await join(memory.connect(), "one");
  const pause = async (ms: number) => {
    memory.pass(ms);
    await running.renew();
  };
  const alone = NodeLease.joinAlone(memory.connect().nodes, { name: "two", pause });
  await assert.rejects(alone, { code: "catalog-in-use", message: /one/ });
  await running.renew();
  assert.equal(running.isOldest, true);
});

Deno.test("lease: a server that must be alone joins again only when the other one has ended", async () => {
  const memory = new SharedMemory();
  await using first = await NodeLease.joinAlone(memory.connect().nodes, { name: "one" });
  let resumed = 0;
  first.onLost({ ...QUIET, resume: () => resumed++ });
  memory.pass(LEASE_MS);
  const other = memory.connect();
  const { epoch } = await other.nodes.join("two", LEASE_MS);
  await first.renew();
  await first.renew();
  assert.equal(resumed, 0);
  assert.deepEqual((await other.nodes.running()).map(({ name }) => name), ["two"]);
  await other.nodes.leave(epoch);
  await first.renew();
  assert.deepEqual([resumed, first.isOldest], [1, true]);
});
