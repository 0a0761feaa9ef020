/** Servers of a cluster that stop, or that cannot come back. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { tooNew } from "../../../server/catalog/postgres/migrations.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { Balancer } from "../../support/net/balancer.ts";
import { ask } from "../../support/net/http.ts";
import { ServerLog } from "../../support/server_log.ts";
import { ElsewhereInMemory, optionsOf } from "../../support/store/elsewhere.ts";
import { Fixture, got, LOOPBACK, put, startServer } from "../../support/v4/fixture.ts";
import { Uploader } from "../../support/v4/raw_client.ts";

const content = pseudoRandomBytes(2 * CHUNK_SIZE + 3);
/** Longer than any test takes. */
const GRACE_MS = 10 * 60_000;

Deno.test("a server that stops closes its ports first, then ends its uploads, and leaves the others last", async () => {
  await using elsewhere = new ElsewhereInMemory(8 * CHUNK_SIZE);
  await using fixture = await Fixture.create({}, optionsOf(elsewhere));
  await using second = await startServer(fixture.data, {}, optionsOf(elsewhere));
  await using catalog = await elsewhere.openers.catalog("");
  const running = async () => (await catalog.nodes.running()).length;
  await using log = await ServerLog.take();
  const { server } = fixture;
  const addresses = server.addresses;
  await using balancer = await Balancer.start([server.address, second.address]);
  (await fixture.client("Alice"))[Symbol.dispose]();
  using alice = await Uploader.login(fixture, "Alice");
  const { tag } = await alice.resume(content);
  await alice.send(tag, content, 0);
  let isStopped = false;
  const stopped = server.close(GRACE_MS).then(() => isStopped = true);
  await log.awaits("server.stopping");
  for (const address of addresses) {
    await assert.rejects(Deno.connect(address), Deno.errors.ConnectionRefused);
  }
  // The upload is not stored yet, and belongs to a server with a lease.
  assert.deepEqual([isStopped, await running()], [false, 2]);
  balancer.servers = [second.address];
  {
    using other = await fixture.client("Alice", { server: balancer.address });
    await put(other, [{ file: await fixture.source("b", content), name: "b" }]);
  }
  await alice.send(tag, content, 1, 2);
  await alice.end(tag, content);
  await stopped;
  assert.equal(await running(), 1);
  using other = await fixture.client("Alice", { server: second.address });
  for (const name of ["a", "b"]) assert.deepEqual(await got(other, name), content, name);
});

Deno.test("a server that was paused during an upgrade which it cannot work with says why it serves nobody", async () => {
  await using elsewhere = new ElsewhereInMemory(8 * CHUNK_SIZE);
  let isUpgraded = false;
  const openers = {
    ...elsewhere.openers,
    catalog: async (url: string) => {
      const shared = await elsewhere.openers.catalog(url);
      const join: typeof shared.nodes.join = (name, ms) =>
        isUpgraded ? Promise.reject(tooNew(9, 3)) : shared.nodes.join(name, ms);
      return { ...shared, nodes: { ...shared.nodes, join } };
    },
  };
  await using log = await ServerLog.take();
  const options = { ...optionsOf({ openers }), admin: { listen: [LOOPBACK] } };
  await using fixture = await Fixture.create({}, options);
  await using catalog = await elsewhere.openers.catalog("");
  isUpgraded = true;
  const [node] = await catalog.nodes.running();
  await catalog.nodes.leave(node?.epoch ?? assert.fail());
  const [line] = await log.awaits("server.not-joined");
  assert.equal(line?.["code"], "catalog-too-new");
  assert.match(`${line?.["reason"]}`, /schema version 9; this xfer knows up to 3/);
  const admin = fixture.server.adminAddresses[0] ?? assert.fail("no admin port");
  const { status, body } = await ask(admin, { path: "/readyz" });
  const { reason } = JSON.parse(body).checks.cluster;
  assert.equal(status, 503);
  assert.match(reason, /removed this one, which cannot join them again: catalog-too-new/);
  await assert.rejects(fixture.client("Alice"));
});
