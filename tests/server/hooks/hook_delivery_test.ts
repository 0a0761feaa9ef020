/** Delivery of events to receivers that fail. */
import assert from "node:assert/strict";
import type { HookOutcome, HookQueue, NewHook } from "../../../server/catalog/hook_queue.ts";
import { HookDelivery, type HookDeliveryOptions } from "../../../server/hooks/hook_delivery.ts";
import { HookReceiver, MAX_RETRY_AFTER_MS } from "../../../server/hooks/hook_receiver.ts";
import { HookSigner } from "../../../server/hooks/hook_signature.ts";
import { MAX_LOGGED_HOOKS } from "../../../server/hooks/logged_hooks.ts";
import { EventStream } from "../../../server/monitor/event_stream.ts";
import { EventReceiver, HOOK_SECRET } from "../../support/event_receiver.ts";
import { alice } from "../../support/store/catalog_suite.ts";
import { memoryCatalog } from "../../support/store/memory_catalog.ts";
import { SharedMemory } from "../../support/store/shared_memory_catalog.ts";

const HOUR = 60 * 60_000;
const LIMITS = { hookRetryMs: HOUR, maxHooks: 1000, maxHookBytes: 1024 * 1024 };

interface Logged {
  readonly event: string;
  readonly [name: string]: unknown;
}

/** A delivery from `queue` to a receiver, with short pauses. */
async function deliver(
  url: string,
  queue: HookQueue,
  changes: Partial<HookDeliveryOptions> & { readonly deliveryMs?: number } = {},
) {
  const events = new EventStream();
  const logged: Logged[] = [];
  const write = (_: string, properties: Logged) => void logged.push(properties);
  const receiver = new HookReceiver({
    ...{ url: new URL(url), signer: new HookSigner(HOOK_SECRET), clock: Date.now },
    deliveryMs: changes.deliveryMs,
  });
  const delivery = await HookDelivery.start({
    ...{ queue, receiver, kinds: ["downloaded", "refused"], limits: LIMITS, events },
    ...{ log: { debug: write, info: write, warn: write, error: write }, clock: Date.now },
    ...{ haste: 200, ...changes },
  });
  const of = (event: string) => logged.filter((one) => one.event === event);
  return { delivery, events, of, [Symbol.asyncDispose]: () => delivery[Symbol.asyncDispose]() };
}

function hook(number: number, file = number): NewHook {
  const body = JSON.stringify({ type: "file.stored", data: { file: `${number}` } });
  return { delivery: `msg_${number}`, type: "file.stored", accountId: alice, lane: file, body };
}

const filesIn = ({ received }: EventReceiver) => received.map(({ data }) => data["file"]);

async function isEmpty(queue: HookQueue): Promise<void> {
  while ((await queue.totals()).waiting > 0) await new Promise((next) => setTimeout(next, 2));
}

Deno.test("hooks: events of a file arrive in their order, also after failures", async () => {
  await using receiver = new EventReceiver();
  const { hooks } = memoryCatalog();
  let failures = 3;
  receiver.answer = ({ data }) => ({ status: data["file"] === "0" && failures-- > 0 ? 503 : 200 });
  await hooks.add([hook(0, 1), hook(1, 1), hook(2, 1), hook(3, 2)]);
  await using scene = await deliver(receiver.url, hooks);
  await isEmpty(hooks);
  const files = filesIn(receiver);
  assert.deepEqual(files.filter((file) => file !== "3"), ["0", "0", "0", "0", "1", "2"]);
  assert.equal(files.filter((file) => file === "3").length, 1);
  assert.equal(new Set(receiver.received.map(({ id }) => id)).size, 4, "an event keeps its id");
  const { counts } = await scene.delivery.report();
  assert.deepEqual(counts, { delivered: 4, failed: 3, died: 0, dropped: 0 });
});

Deno.test("hooks: a redirect is a failure and is not followed, and a long answer is not read", async () => {
  await using elsewhere = new EventReceiver();
  await using receiver = new EventReceiver();
  const { hooks } = memoryCatalog();
  let redirects = 1;
  receiver.answer = () =>
    redirects-- > 0
      ? { status: 307, headers: { location: elsewhere.url } }
      : { status: 200, body: new Uint8Array(1024 * 1024) };
  await hooks.add([hook(0)]);
  await using scene = await deliver(receiver.url, hooks);
  await isEmpty(hooks);
  assert.deepEqual([receiver.received.length, elsewhere.received.length], [2, 0]);
  assert.deepEqual(scene.of("hook.failed").map(({ reason }) => reason), ["HTTP 307"]);
  assert.equal(scene.of("hook.recovered").length, 1);
});

for (
  const [what, answer] of [
    ["is cut", { cut: true, answer: { status: 200, body: "accepted" }, after: 3 }],
    ["does not end", { status: 200, headers: { "content-length": "100" }, body: "x" }],
  ] as const
) {
  Deno.test(`hooks: an event whose status has arrived is delivered, also if the answer ${what}`, async () => {
    await using receiver = new EventReceiver();
    const { hooks } = memoryCatalog();
    receiver.answer = () => answer;
    await hooks.add([hook(0)]);
    await using scene = await deliver(receiver.url, hooks, { deliveryMs: 200 });
    await isEmpty(hooks);
    assert.equal(receiver.received.length, 1);
    assert.deepEqual(scene.of("hook.failed"), []);
  });
}

Deno.test("hooks: Retry-After of 429 and 503 makes the pause longer, up to its limit; of others, it does not", async () => {
  await using receiver = new EventReceiver();
  const { hooks } = memoryCatalog();
  const answers: Readonly<Record<string, readonly [status: number, retryAfter: string]>> = {
    "0": [429, "100"],
    "1": [503, "Fri, 31 Dec 9999 23:59:59 GMT"],
    "2": [503, "99999999999999999999"],
    "3": [500, "100"],
    "4": [503, "soon"],
    "5": [503, "-5"],
    "6": [429, "Thu, 01 Jan 1970 00:00:00 GMT"],
  };
  receiver.answer = ({ data }) => {
    const [status, retryAfter] = answers[`${data["file"]}`] ?? [200, ""];
    return { status, headers: { "retry-after": retryAfter } };
  };
  await hooks.add(Object.keys(answers).map((number) => hook(Number(number))));
  const settled = Promise.withResolvers<readonly HookOutcome[]>();
  const queue: HookQueue = {
    ...hooks,
    settle: (token, outcomes, deadAfterMs) => {
      settled.resolve(outcomes);
      return hooks.settle(token, outcomes, deadAfterMs);
    },
  };
  await using _scene = await deliver(receiver.url, queue, { haste: 1, random: () => 0 });
  const pauses = (await settled.promise).map(({ failure }) => failure?.delayMs);
  assert.deepEqual(pauses, [
    ...[100_000, MAX_RETRY_AFTER_MS, MAX_RETRY_AFTER_MS],
    ...[500, 500, 500, 500],
  ]);
});

Deno.test("hooks: the reason of a failure does not have the path of the URL, which can be a secret", async () => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  const receiver = new HookReceiver({
    ...{ url: new URL(`http://127.0.0.1:${port}/hush/?token=hush`), clock: Date.now },
    signer: new HookSigner(HOOK_SECRET),
  });
  const refusal = await receiver.send(hook(0), new AbortController().signal);
  assert.match(refusal?.reason ?? "", /refused/i);
  assert.doesNotMatch(refusal?.reason ?? "", /hush/);
});

Deno.test("hooks: a receiver that hangs or refuses connections is tried again", async () => {
  const { hooks } = memoryCatalog();
  await hooks.add([hook(0)]);
  let url: string;
  {
    await using receiver = new EventReceiver();
    ({ url } = receiver);
    const hangs = Promise.withResolvers<never>();
    hangs.promise.catch(() => undefined);
    receiver.answer = () => hangs.promise;
    await using scene = await deliver(url, hooks, { deliveryMs: 30 });
    await receiver.awaits(0);
    while (scene.of("hook.failed").length === 0) await new Promise((next) => setTimeout(next, 2));
    assert.match(`${scene.of("hook.failed")[0]?.["reason"]}`, /^no answer within 0.03 seconds$/);
    hangs.reject(new Error("the test is over"));
  }
  await using scene = await deliver(url, hooks);
  while (scene.of("hook.failed").length === 0) await new Promise((next) => setTimeout(next, 2));
  assert.equal((await hooks.totals()).waiting, 1);
});

Deno.test("hooks: an event that the receiver never accepts dies, and lets the next one pass", async () => {
  await using receiver = new EventReceiver();
  const { hooks } = memoryCatalog();
  receiver.answer = ({ data }) => ({ status: data["file"] === "0" ? 400 : 200 });
  await hooks.add([hook(0, 1), hook(1, 1)]);
  await using scene = await deliver(receiver.url, hooks, { limits: { ...LIMITS, hookRetryMs: 0 } });
  await isEmpty(hooks);
  assert.deepEqual(filesIn(receiver), ["0", "1"]);
  const [dead, ...others] = await hooks.list(0, 10);
  assert.deepEqual([dead?.isDead, dead?.failure, others.length], [true, "HTTP 400", 0]);
  assert.deepEqual(scene.of("hook.died").map(({ events }) => events), [1]);
});

Deno.test("hooks: a full queue drops the oldest events, counts and logs them", async () => {
  await using receiver = new EventReceiver();
  const { hooks } = memoryCatalog();
  await hooks.add(Array.from({ length: 8 }, (_, number) => hook(number)));
  const limits = { ...LIMITS, maxHooks: 3 };
  await using scene = await deliver(receiver.url, hooks, { limits });
  await isEmpty(hooks);
  assert.deepEqual(filesIn(receiver).toSorted(), ["5", "6", "7"]);
  assert.equal((await scene.delivery.report()).counts.dropped, 5);
  assert.deepEqual(scene.of("hook.dropped").map(({ events, reason }) => [events, reason]), [
    [5, "the queue was full"],
  ]);
});

Deno.test("hooks: lines of the log are events if their kind is wanted and they are not routine, as many as fit in memory", async () => {
  await using receiver = new EventReceiver();
  const { hooks } = memoryCatalog();
  await using scene = await deliver(receiver.url, hooks);
  const { events } = scene;
  const where = { user: "Alice", client: "00".repeat(16), address: "192.0.2.7:5" };
  events.publish("info", "", { event: "file.downloaded", file: "sea.jpg", bytes: 3, ...where });
  events.publish("warn", "", { event: "client.refused", name: "Bob", address: "192.0.2.7:5" });
  events.publish("error", "", { event: "file.damaged", file: "sea.jpg", ...where });
  events.publish("debug", "", { event: "request.refused", file: "new.jpg", ...where });
  await receiver.awaits(2);
  await isEmpty(hooks);
  assert.deepEqual(receiver.received.map(({ type, data }) => [type, data]).toSorted(), [
    ["client.refused", { name: "Bob", address: "192.0.2.7:5" }],
    ["file.downloaded", { file: "sea.jpg", bytes: 3, ...where }],
  ]);
  for (let i = 0; i < MAX_LOGGED_HOOKS + 5; i++) {
    events.publish("warn", "", { event: "client.refused", name: `${i}` });
  }
  while ((await scene.delivery.report()).counts.dropped < 5) {
    await new Promise((next) => setTimeout(next, 2));
  }
  assert.equal((await scene.delivery.report()).counts.dropped, 5);
});

Deno.test("hooks: two servers deliver each event once", async () => {
  await using receiver = new EventReceiver();
  const memory = new SharedMemory();
  const [first, second] = [memory.connect(), memory.connect()];
  await first.hooks.add(Array.from({ length: 60 }, (_, number) => hook(number)));
  await using _one = await deliver(receiver.url, first.hooks);
  await using _two = await deliver(receiver.url, second.hooks);
  await isEmpty(first.hooks);
  assert.equal(receiver.received.length, 60);
  assert.equal(new Set(filesIn(receiver)).size, 60);
});

Deno.test("hooks: a queue that does not answer is reported once, and delivery goes on later", async () => {
  await using receiver = new EventReceiver();
  const { hooks } = memoryCatalog();
  await hooks.add([hook(0)]);
  let failures = 2;
  const failing: HookQueue = {
    ...hooks,
    claim: (claim) =>
      failures-- > 0 ? Promise.reject(new Error("the database is away")) : hooks.claim(claim),
  };
  await using scene = await deliver(receiver.url, failing);
  await isEmpty(hooks);
  assert.deepEqual(scene.of("hook.no-queue").map(({ reason }) => reason), ["the database is away"]);
});
