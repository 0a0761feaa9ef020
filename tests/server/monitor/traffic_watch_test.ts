/** Whether clients are transferring files, as the numbers of their traffic show it. */
import assert from "node:assert/strict";
import { Traffic } from "../../../server/monitor/traffic.ts";
import { TrafficWatch } from "../../../server/monitor/traffic_watch.ts";

Deno.test("traffic watch: it is quiet since the last byte or file of either protocol and direction", () => {
  const traffic = new Traffic();
  let now = 1000;
  const watch = new TrafficWatch(traffic, () => now);
  now += 500;
  assert.equal(watch.quietMs, 500, "since the start");
  for (
    const change of [
      () => traffic.of(3, "upload").started++,
      () => traffic.of(4, "download").bytes += 9,
      () => traffic.of(4, "upload").completed++,
    ]
  ) {
    change();
    now += 100;
    assert.equal(watch.quietMs, 0, "seen now");
    now += 30_000;
    assert.equal(watch.quietMs, 30_000);
  }
});
