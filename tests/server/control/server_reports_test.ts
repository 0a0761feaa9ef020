/** The report of a server with many connections. */
import assert from "node:assert/strict";
import type { Context } from "../../../server/context.ts";
import { type ServerReport, writeReport } from "../../../server/control/server_reports.ts";
import { Monitor } from "../../../server/monitor/monitor.ts";

Deno.test("a report is bounded: connections without a transfer are left out first, and counted", () => {
  const monitor = new Monitor(() => 1000);
  const count = 4096;
  for (let i = 0; i < count; i++) {
    const address = `192.0.2.1:${i}`;
    const one = monitor.describe({ protocol: 4, address, end: () => undefined });
    monitor.connect(one);
    if (i % 256 !== 0) continue;
    for (let n = 0; n < 32; n++) {
      one.begin({ direction: "upload", file: `${n}${"x".repeat(500)}`, size: 9 });
    }
  }
  const context = { monitor, clock: () => 2000, limitLog: { counts: new Map([["quota", 2]]) } };
  const text = writeReport(context as unknown as Context, ["report"]);
  assert.ok(text.length < 300_000, `${text.length}`);
  const { status, sessions, omitted, looked }: ServerReport = JSON.parse(text);
  assert.equal(status.connections, count);
  assert.deepEqual(status.limitsReached, { quota: 2 });
  assert.equal(sessions.length + omitted, count);
  assert.ok(omitted > 0);
  assert.deepEqual(looked, ["report"]);
  const busy = sessions.filter(({ transfers }) => transfers.length > 0);
  assert.equal(busy.length, count / 256);
  assert.ok(busy.every(({ transfers }) => transfers.length === 16));
});
