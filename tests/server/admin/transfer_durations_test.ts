/** Histograms of the duration of transfers. */
import assert from "node:assert/strict";
import type { TransferOutcome } from "../../../server/monitor/traffic.ts";
import { Monitor } from "../../../server/monitor/monitor.ts";
import { exposition } from "../../../server/admin/exposition.ts";
import { TransferDurations } from "../../../server/admin/transfer_durations.ts";

function fixture() {
  let now = 0;
  const clock = () => now;
  const monitor = new Monitor(clock);
  const connection = monitor.describe({
    ...{ protocol: 4, address: "192.0.2.1:1000", end: () => undefined },
  });
  const durations = new TransferDurations(monitor, clock);
  return {
    transfer(ms: number, outcome: TransferOutcome = "completed") {
      const transfer = connection.begin({ direction: "upload", name: "a", size: 1 });
      now += ms;
      transfer.end(outcome);
    },
    /** The value of a line such as `_sum{protocol="4",direction="upload"}`. */
    value(of: string): number {
      const samples = durations.samples();
      const page = exposition([{ name: "", help: "", type: "histogram", samples }], "text", {});
      const line = page.split("\n").find((line) => line.startsWith(`${of} `)) ?? assert.fail(of);
      return Number(line.slice(of.length + 1));
    },
    [Symbol.dispose]: () => durations[Symbol.dispose](),
  };
}

const UPLOAD = 'protocol="4",direction="upload"';

Deno.test("transfer durations: a bucket counts all durations up to its bound, in seconds", () => {
  using durations = fixture();
  for (const ms of [5, 6, 500, 8_000_000]) durations.transfer(ms);
  const bucket = (le: string) => durations.value(`_bucket{${UPLOAD},le="${le}"}`);
  assert.deepEqual(["0.005", "0.02", "0.1", "0.5", "2.0", "7200.0", "+Inf"].map(bucket), [
    ...[1, 2, 2, 3, 3, 3, 4],
  ]);
  assert.equal(durations.value(`_count{${UPLOAD}}`), 4);
  assert.equal(durations.value(`_sum{${UPLOAD}}`), 8000.511);
});

Deno.test("transfer durations: begin at 0 for each protocol and direction, and leave out what failed", () => {
  using durations = fixture();
  durations.transfer(1000, { code: "interrupted" });
  for (const protocol of [3, 4]) {
    for (const direction of ["upload", "download"]) {
      const labels = `protocol="${protocol}",direction="${direction}"`;
      assert.equal(durations.value(`_count{${labels}}`), 0);
      assert.equal(durations.value(`_bucket{${labels},le="+Inf"}`), 0);
    }
  }
});
