/** No wait of a server takes longer if its clock is set back. */
import assert from "node:assert/strict";
import { setUserQuota } from "../../server/operator/users.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { ServerLog } from "../support/server_log.ts";
import { kindOf, RawClient } from "../support/v3/raw_client.ts";
import { Fixture, put } from "../support/v4/fixture.ts";

const DAY = 24 * 60 * 60_000;

/** A server whose clock and intervals the test controls. */
async function createFixture(
  time: { clock: number; ticks: number },
  limits = {},
): Promise<Fixture> {
  return await Fixture.create(limits, { clock: () => time.clock, ticks: () => time.ticks });
}

Deno.test("clock set back: a quota that the operator changes is effective after a second", async () => {
  const time = { clock: Date.now(), ticks: 0 };
  await using fixture = await createFixture(time);
  using client = await fixture.client("Alice");
  const file = await fixture.source("a", pseudoRandomBytes(10));
  await setUserQuota(fixture.data, "Alice", { bytes: 5 });
  assert.deepEqual(await put(client, [{ file }]), ["over-limit"]);
  time.clock -= DAY;
  await setUserQuota(fixture.data, "Alice", { bytes: 10 });
  time.ticks += 1000;
  assert.equal(typeof (await put(client, [{ file }]))[0], "number");
});

Deno.test("clock set back: reached limits are still logged", async () => {
  await using log = await ServerLog.take();
  const time = { clock: Date.now(), ticks: 0 };
  await using fixture = await createFixture(time, { quotaFiles: 0 });
  using client = await fixture.client("Alice");
  const file = await fixture.source("a", pseudoRandomBytes(10));
  const reach = async () => assert.deepEqual(await put(client, [{ file }]), ["over-limit"]);
  for (let i = 0; i < 3; i++) await reach();
  time.clock -= DAY;
  time.ticks += 1000;
  await reach();
  assert.deepEqual(log.of("limit.reached").map(({ omitted }) => omitted), [0, 2]);
});

Deno.test("clock set forward: no AES key of protocol 3 expires by it; set back: none lives longer", async () => {
  const time = { clock: Date.now(), ticks: 0 };
  await using fixture = await createFixture(time, { sessionTtlMs: 1000 });
  using peer = await RawClient.connect(fixture.server.address);
  await peer.enrol("Alice");
  time.clock += DAY;
  assert.equal(kindOf(await peer.sendFile("a", pseudoRandomBytes(10))), "fileReceived");
  time.clock -= 2 * DAY;
  time.ticks += 1000;
  assert.equal(kindOf(await peer.judge("crcValid", "a")), "generalError");
});
