/** Messages on the network, as events. */
import assert from "node:assert/strict";
import { WireTraceReport } from "../../../cli/output/wire_trace.ts";
import type { Event, EventOf } from "../../../cli/events/mod.ts";
import type { TracedMessage } from "../../../client/net/wire_trace.ts";

const PUT: TracedMessage = { from: "client", kind: "put", code: 8, tag: 1, size: 31 };
const DATA: TracedMessage = { from: "client", kind: "data", code: 11, tag: 1, size: 1017 };
const END: TracedMessage = { from: "client", kind: "end", code: 13, tag: 1, size: 45 };

function startTrace() {
  let at = 1000;
  const reported: EventOf<"message">[] = [];
  const report = (event: Event) => void reported.push(event as EventOf<"message">);
  const conversation = new WireTraceReport({ report }, () => at++);
  const short = () => reported.map(({ message, tag, count, size }) => [message, tag, count, size]);
  return { conversation, reported, short };
}

Deno.test("trace: each message is reported, with the time since the start of the command", () => {
  const { conversation, reported } = startTrace();
  const observe = conversation.tracer();
  observe(PUT);
  observe(END);
  const common = { event: "message", connection: 1, from: "client", tag: 1, count: 1 } as const;
  assert.deepEqual(reported, [
    { ...common, message: "put", code: 8, size: 31, after: 0.001 },
    { ...common, message: "end", code: 13, size: 45, after: 0.002 },
  ]);
});

Deno.test("trace: consecutive data messages of a request are reported as one, before the next message", () => {
  const { conversation, short } = startTrace();
  const observe = conversation.tracer();
  for (const said of [PUT, DATA, DATA, DATA]) observe(said);
  assert.deepEqual(short(), [["put", 1, 1, 31]]);
  observe(END);
  assert.deepEqual(short().slice(1), [["data", 1, 3, 3051], ["end", 1, 1, 45]]);
  observe({ ...DATA, tag: 2 });
  observe({ ...DATA, tag: 3 });
  observe({ ...DATA, tag: 3, from: "server" });
  assert.deepEqual(short().slice(3), [["data", 2, 1, 1017], ["data", 3, 1, 1017]]);
});

Deno.test("trace: held back messages are reported at the end, and before another connection", () => {
  const { conversation, reported, short } = startTrace();
  const observe = conversation.tracer();
  observe(DATA);
  const other = conversation.tracer();
  other(DATA);
  observe(DATA);
  observe(DATA);
  conversation.end();
  conversation.end();
  assert.deepEqual(reported.map(({ connection, count }) => [connection, count]), [
    [1, 1],
    [2, 1],
    [1, 2],
  ]);
  assert.equal(short().length, 3);
});

Deno.test("trace: messages of protocol 3 have no tag, a hello has no code", () => {
  const { conversation, reported } = startTrace();
  const observe = conversation.tracer();
  observe({ from: "client", kind: "hello", size: 23 });
  observe({ from: "client", kind: "register", code: 1025, size: 278 });
  assert.deepEqual(reported.map(({ code, tag }) => [code, tag]), [
    [undefined, undefined],
    [1025, undefined],
  ]);
});
