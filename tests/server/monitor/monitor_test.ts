/** The registry of connections and transfers, and the stream of events. */
import assert from "node:assert/strict";
import { ServerLog } from "../../../server/limits/server_log.ts";
import { LimitLog } from "../../../server/limits/limit_log.ts";
import { LimitError } from "../../../server/limits/limits.ts";
import type { MonitorEvent, Properties } from "../../../server/monitor/event_stream.ts";
import { Monitor } from "../../../server/monitor/monitor.ts";

function fixture() {
  const monitor = new Monitor(() => 1000);
  const ended: string[] = [];
  const connection = monitor.describe({
    ...{ protocol: 4, address: "192.0.2.1:1000" },
    end: (reason) => void ended.push(reason),
  });
  return { monitor, connection, ended };
}

const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore };
function ignore(): void {}

Deno.test("monitor: a connection is in the registry from connect to its disposal, and is ended through it", () => {
  const { monitor, connection, ended } = fixture();
  assert.equal(monitor.connections.size, 0);
  {
    using _ = monitor.connect(connection);
    assert.equal(monitor.connections.get(connection.id), connection);
    monitor.connections.get(connection.id)?.end("the operator ended it");
  }
  assert.deepEqual(ended, ["the operator ended it"]);
  assert.equal(monitor.connections.size, 0);
  assert.deepEqual([monitor.accepted(3), monitor.accepted(4)], [0, 1]);
});

Deno.test("monitor: bytes of a transfer count for its connection and for the server, and its progress for the file", () => {
  const { monitor, connection } = fixture();
  using _ = monitor.connect(connection);
  const transfer = connection.begin({ direction: "upload", name: "a", size: 30 });
  transfer.continueFrom(10);
  transfer.add(5);
  transfer.add(15);
  assert.deepEqual([transfer.progress, transfer.bytes], [30, 20]);
  assert.equal(connection.total("upload").bytes, 20);
  assert.equal(connection.total("download").bytes, 0);
  assert.equal(monitor.traffic.of(4, "upload").bytes, 20);
  assert.equal(monitor.traffic.of(3, "upload").bytes, 0);
  transfer.end("completed");
  assert.deepEqual(connection.total("upload"), { files: 1, bytes: 20 });
});

Deno.test("monitor: a transfer has one outcome, the first; it leaves the list then, or when it is detached", () => {
  const { monitor, connection } = fixture();
  const outcomes: unknown[] = [];
  using _listening = monitor.observe({
    transferEnded: (_, { file }, outcome) => void outcomes.push([file, outcome]),
  });
  const connected = monitor.connect(connection);
  const begin = (name: string) => connection.begin({ direction: "upload", name, size: undefined });
  const [a, b, c] = [begin("a"), begin("b"), begin("c")];
  a.end({ code: "mismatch" });
  a.end("completed");
  b.detach();
  assert.deepEqual([...connection.transfers], [c]);
  connected[Symbol.dispose]();
  assert.deepEqual([...connection.transfers], []);
  // A detached transfer survives its connection.
  b.end("completed");
  assert.deepEqual(outcomes, [
    ["a", { code: "mismatch" }],
    ["c", { code: "interrupted" }],
    ["b", "completed"],
  ]);
  const { started, completed, failed } = monitor.traffic.of(4, "upload");
  assert.deepEqual([started, completed], [3, 1]);
  assert.deepEqual(Object.fromEntries(failed), { mismatch: 1, interrupted: 1 });
});

Deno.test("monitor: a file that is handed over has neither failed nor completed", () => {
  const { monitor, connection } = fixture();
  connection.begin({ direction: "upload", name: "a", size: 1 }).end("handed-over");
  const { started, completed, handedOver, failed } = monitor.traffic.of(4, "upload");
  assert.deepEqual([started, completed, handedOver, failed.size], [1, 0, 1, 0]);
  assert.equal(connection.total("upload").files, 0);
});

Deno.test("monitor: files of a pack are counted together", () => {
  const { monitor, connection } = fixture();
  connection.count("download", { files: 3, bytes: 12, failed: ["damaged", "damaged"] });
  const { started, completed, bytes, failed } = monitor.traffic.of(4, "download");
  assert.deepEqual([started, completed, bytes], [5, 3, 12]);
  assert.deepEqual(Object.fromEntries(failed), { damaged: 2 });
  assert.deepEqual(connection.total("download"), { files: 3, bytes: 12 });
});

Deno.test("monitor: events have every line of the log, also suppressed ones, until the listener is disposed of", () => {
  const { monitor } = fixture();
  const log = new ServerLog(SILENT, () => 0, monitor.events);
  const events: MonitorEvent[] = [];
  const line: Properties = { event: "client.denied", address: "192.0.2.1:1000" };
  log.info("nobody listens", line);
  {
    using _ = monitor.events.subscribe((event) => void events.push(event));
    for (let i = 0; i < 500; i++) log.info("Denied {address}", line);
  }
  log.info("nobody listens", line);
  assert.equal(events.length, 500);
  assert.deepEqual(events[0], { level: "info", words: "Denied {address}", properties: line });
});

Deno.test("limits: each time that a limit is reached is counted, also when the line is suppressed", () => {
  const limits = new LimitLog(SILENT, () => 0);
  for (let i = 0; i < 3; i++) {
    limits.report(new LimitError("quota", 1), { address: "192.0.2.1:1000" });
  }
  limits.report(new LimitError("minFree", 1), { address: "192.0.2.1:1000" });
  assert.deepEqual(Object.fromEntries(limits.counts), { quota: 3, minFree: 1 });
});
