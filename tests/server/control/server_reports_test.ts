/** The report of a server with many connections. */
import assert from "node:assert/strict";
import type { OperatorRows } from "../../../server/catalog/operator_rows.ts";
import {
  askServers,
  endAtServers,
  REPORT,
  type ServerReport,
  writeReport,
} from "../../../server/control/server_reports.ts";
import type { StatusSource } from "../../../server/control/server_status.ts";
import { Monitor } from "../../../server/monitor/monitor.ts";

Deno.test("a report is bounded: connections without a transfer are left out first, and counted", async () => {
  const monitor = new Monitor(() => 1000);
  const count = 4096;
  for (let i = 0; i < count; i++) {
    const address = `192.0.2.1:${i}`;
    const one = monitor.describe({ protocol: 4, address, end: () => undefined });
    monitor.connect(one);
    if (i % 256 !== 0) continue;
    for (let n = 0; n < 32; n++) {
      one.begin({ direction: "upload", name: `${n}${"x".repeat(500)}`, size: 9 });
    }
  }
  const context = {
    monitor,
    clock: () => 2000,
    limitLog: { counts: new Map([["maxFailedSignIns", 2]]) },
  };
  const check = { status: () => Promise.resolve({ state: "elsewhere", damaged: 3 }) };
  const location = () => "xfer://files.example.org:1256";
  const source = { context, check, location } as unknown as StatusSource;
  const text = await writeReport(source, ["report"]);
  assert.ok(text.length < 300_000, `${text.length}`);
  const { status, sessions, omitted, looked }: ServerReport = JSON.parse(text);
  assert.equal(status.connections, count);
  assert.equal(status.location, "xfer://files.example.org:1256");
  assert.deepEqual(status.limitsReached, { "max-failed-sign-ins": 2 });
  assert.equal(status.check?.damaged, 3);
  assert.equal(sessions.length + omitted, count);
  assert.ok(omitted > 0);
  assert.deepEqual(looked, ["report"]);
  const busy = sessions.filter(({ transfers }) => transfers.length > 0);
  assert.equal(busy.length, count / 256);
  assert.ok(busy.every(({ transfers }) => transfers.length === 16));
});

/** A catalog with one server, whose report is given. It answers no requests. */
function rowsWith(report: string, ageMs: number): OperatorRows {
  const asked = new Set<string>();
  return {
    ask: ({ subject }) => Promise.resolve(void asked.add(subject)),
    asked: () => Promise.resolve([]),
    isAsked: (subject) => Promise.resolve(asked.has(subject)),
    endRequest: (subject) => Promise.resolve(asked.delete(subject)),
    publish: () => Promise.resolve(),
    reports: () => Promise.resolve([{ name: "one\x1b[2J", epoch: 1, report, ageMs }]),
  };
}

Deno.test("reports: texts are safe to show, and what is no report is none", async () => {
  const session = { id: "1", user: "Eve\x1b[2J\u202e", transfers: [{ file: "a\nb" }] };
  const report = JSON.stringify({ form: 1, sessions: [session], omitted: 0, looked: [] });
  const [{ name, report: read } = assert.fail()] = await askServers(rowsWith(report, 0), "uid 0");
  assert.equal(name, "one\\u{1b}[2J");
  assert.equal(read?.sessions[0]?.user, "Eve\\u{1b}[2J\\u{202e}");
  assert.equal(read?.sessions[0]?.transfers[0]?.file, "a\\u{a}b");
  for (const text of ["", "{", "null", "[]", '{"form":2}']) {
    const [state] = await askServers(rowsWith(text, 0), "uid 0");
    assert.equal(state?.report, undefined, text);
  }
});

Deno.test("reports: a report from before the request does not say that a connection is nowhere", async () => {
  const report = JSON.stringify({
    form: 1,
    sessions: [],
    omitted: 0,
    looked: [REPORT, "0123abcd"],
  });
  assert.equal(await endAtServers(rowsWith(report, 0), "0123abcd", "uid 0"), false);
  const rows = rowsWith(report, 9000);
  let looks = 0;
  const reports = () => {
    looks++;
    return rows.reports();
  };
  assert.equal(await endAtServers({ ...rows, reports }, "0123abcd", "uid 0", 250), false);
  assert.ok(looks > 1, "it has waited for an answer");
});
