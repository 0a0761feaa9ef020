/** The queue of events for a receiver. */
import assert from "node:assert/strict";
import type { Catalog } from "../../../../server/catalog/catalog.ts";
import {
  HOOK_KINDS,
  type HookOutcome,
  MAX_HOOK_DELAY_MS,
  type NewHook,
} from "../../../../server/catalog/hook_queue.ts";
import {
  alice,
  bob,
  catalogTest,
  concurrentCatalogTest,
  enrolV3,
  KEEP,
  login,
  v3File,
  v4File,
} from "../../../support/store/catalog_suite.ts";
import { commitPack } from "./commit_pack.ts";

const HOUR = 60 * 60_000;

function hook(number: number, changes: Partial<NewHook> = {}): NewHook {
  return {
    ...{ delivery: `msg_${number}`, type: "file.stored", accountId: alice, lane: number },
    ...{ body: `{"number":${number}}`, ...changes },
  };
}

/** The deliveries that a claim takes. */
async function claimed(
  { hooks }: Catalog,
  { token = "one", most = 100, leaseMs = HOUR } = {},
): Promise<string[]> {
  return (await hooks.claim({ token, most, leaseMs })).map(({ delivery }) => delivery);
}

/** Settles deliveries, with a failure where there is one. */
async function settle(
  { hooks }: Catalog,
  outcomes: Readonly<Record<string, string | undefined>>,
  { token = "one", delayMs = 0, deadAfterMs = HOUR } = {},
): Promise<number> {
  const numbers = new Map((await hooks.list(0, 1000)).map((one) => [one.delivery, one.number]));
  const settled = Object.entries(outcomes).map(([delivery, reason]): HookOutcome => ({
    number: numbers.get(delivery) ?? 0,
    ...reason === undefined ? {} : { failure: { reason, delayMs } },
  }));
  return await hooks.settle(token, settled, deadAfterMs);
}

async function bodies({ hooks }: Catalog): Promise<unknown[]> {
  return (await hooks.list(0, 1000)).map(({ type, body }) => {
    const parsed = JSON.parse(body);
    assert.equal(parsed.type, type);
    return [type, parsed.data];
  });
}

const ALICE = { client: Array.from(alice, (byte) => byte.toString(16).padStart(2, "0")).join("") };

concurrentCatalogTest("changes queue their events once they are watched", async (catalog) => {
  await login(catalog);
  await catalog.files.commit(v4File(1, { name: "before" }));
  assert.deepEqual(await bodies(catalog), []);
  await catalog.hooks.watch(HOOK_KINDS);
  const by = { ...ALICE, user: "Alice" };
  const digest = { digest: "ab".repeat(32) };
  await enrolV3(catalog, bob, "Bob");
  await catalog.files.commit(v3File(8, { accountId: bob, name: "plain" }));
  await catalog.files.commit(v4File(2, { name: "é" }));
  await catalog.files.commit(v4File(3, { name: "é", crc: 2 }));
  await commitPack(catalog, [{ name: "p/a", content: "one" }, { name: "p/b", content: "two" }], {
    accepted: new Uint8Array([1, 0]),
  });
  await commitPack(catalog, [{ name: "p/a", content: "one", mtime: 9n }]);
  assert.equal((await catalog.files.rename(alice, "p", "q")).outcome, "renamed");
  assert.equal((await catalog.files.rename(alice, "p", "q")).outcome, "missing");
  await catalog.files.remove(alice, "q", { recursive: true, ...KEEP, now: 5000 });
  await catalog.files.remove(alice, "before", { ...KEEP, now: 5000 });
  await catalog.files.remove(alice, "nothing", { now: 5000 });
  await catalog.files.restore(alice, "q", { ...KEEP, now: 6000 });
  const events = (await bodies(catalog)) as [string, Record<string, unknown>][];
  for (const [, data] of events) {
    if (data["digest"] !== undefined) Object.assign(data, digest);
    delete data["crc"];
  }
  const stored = { version: 1, kind: "file", size: 10 };
  const bobs = events[0]?.[1]["client"];
  assert.deepEqual(events, [
    ["client.registered", { client: bobs, user: "Bob", protocol: 3 }],
    ["file.stored", { client: bobs, user: "Bob", file: "plain", ...stored }],
    ["file.stored", { ...by, file: "é", ...stored, ...digest }],
    ["file.stored", { ...by, file: "p/a", ...stored, size: 3, ...digest }],
    ["file.renamed", { ...by, file: "q", oldName: "p", entries: 1, bytes: 3 }],
    [
      "file.removed",
      { ...by, file: "q", recursive: true, forever: false, entries: 1, bytes: 3 },
    ],
    [
      "file.removed",
      { ...by, file: "before", recursive: false, forever: false, entries: 1, bytes: 10 },
    ],
    ["file.restored", { ...by, file: "q", entries: 1, bytes: 3 }],
  ]);
});

catalogTest(
  "a refused change queues nothing, and only watched kinds are queued",
  async (catalog) => {
    await login(catalog);
    await catalog.hooks.watch(["stored"]);
    const none = { bytes: 0, files: 0 };
    await assert.rejects(catalog.files.commit(v4File(1), { quota: none }));
    await catalog.files.commit(v4File(2));
    await catalog.files.remove(alice, "a", { now: 5000 });
    assert.deepEqual((await bodies(catalog)).map((event) => (event as string[])[0]), [
      "file.stored",
    ]);
  },
);

catalogTest("events of a file are claimed one after another, others at a time", async (catalog) => {
  await catalog.hooks.add([
    hook(1),
    hook(2, { lane: 1 }),
    hook(3),
    hook(4, { accountId: bob, lane: 1 }),
  ]);
  assert.deepEqual(await claimed(catalog, { most: 2 }), ["msg_1", "msg_3"]);
  assert.deepEqual(await claimed(catalog, { token: "two" }), ["msg_4"]);
  assert.deepEqual(await claimed(catalog), []);
  await settle(catalog, { msg_1: undefined, msg_3: undefined });
  assert.deepEqual(await claimed(catalog), ["msg_2"]);
});

catalogTest(
  "an event of a whole account waits for earlier ones, and later ones for it",
  async (catalog) => {
    await catalog.hooks.add([
      ...[hook(1), hook(2, { lane: undefined }), hook(3), hook(4, { accountId: bob })],
      ...[hook(5, { accountId: undefined }), hook(6, { accountId: undefined })],
    ]);
    assert.deepEqual(await claimed(catalog), ["msg_1", "msg_4", "msg_5", "msg_6"]);
    await settle(catalog, { msg_1: undefined });
    assert.deepEqual(await claimed(catalog), ["msg_2"]);
    await settle(catalog, { msg_2: undefined });
    assert.deepEqual(await claimed(catalog), ["msg_3"]);
  },
);

catalogTest("a failed event is due after its delay, and keeps back later ones", async (catalog) => {
  await catalog.hooks.add([hook(1), hook(2, { lane: 1 })]);
  assert.deepEqual(await claimed(catalog), ["msg_1"]);
  assert.equal(await settle(catalog, { msg_1: "HTTP 503" }, { delayMs: HOUR + 0.5 }), 0);
  assert.deepEqual(await claimed(catalog), []);
  const [first] = await catalog.hooks.list(0, 1);
  assert.deepEqual([first?.attempts, first?.failure, first?.isDead], [1, "HTTP 503", false]);
  assert.equal(await catalog.hooks.retry({ delivery: "msg_1" }), 1);
  assert.deepEqual(await claimed(catalog), ["msg_1"]);
  await settle(catalog, { msg_1: "x".repeat(1000) });
  assert.equal((await catalog.hooks.list(0, 1))[0]?.failure?.length, 200);
  assert.deepEqual(await claimed(catalog), ["msg_1"]);
});

catalogTest(
  "an event that is due too late, or claimed for too long, is due now: the clock has gone back",
  async (catalog) => {
    await catalog.hooks.add([hook(1), hook(2)]);
    const leaseMs = 2 * MAX_HOOK_DELAY_MS;
    assert.deepEqual(await claimed(catalog, { leaseMs }), ["msg_1", "msg_2"]);
    await settle(catalog, { msg_1: "HTTP 503" }, { delayMs: 2 * MAX_HOOK_DELAY_MS });
    assert.deepEqual(await claimed(catalog), ["msg_1", "msg_2"]);
    assert.deepEqual(await claimed(catalog), []);
  },
);

catalogTest("an event whose lease has ended can be claimed again", async (catalog) => {
  await catalog.hooks.add([hook(1), hook(2)]);
  assert.deepEqual(await claimed(catalog, { leaseMs: 0 }), ["msg_1", "msg_2"]);
  assert.deepEqual(await claimed(catalog, { token: "two" }), ["msg_1", "msg_2"]);
  await settle(catalog, { msg_1: "late", msg_2: undefined });
  const [first, ...others] = await catalog.hooks.list(0, 10);
  assert.deepEqual([first?.attempts, first?.failure, others.length], [0, undefined, 0]);
});

catalogTest(
  "an event that has failed for too long is dead, and keeps back nothing",
  async (catalog) => {
    await catalog.hooks.add([hook(1), hook(2, { lane: 1 })]);
    await claimed(catalog);
    assert.equal(await settle(catalog, { msg_1: "HTTP 500" }, { deadAfterMs: 0 }), 1);
    assert.deepEqual(await claimed(catalog), ["msg_2"]);
    assert.equal(await settle(catalog, { msg_2: "HTTP 500" }, { deadAfterMs: Infinity }), 0);
    await settle(catalog, { msg_2: undefined });
    const { waiting, bytes, oldest, dead } = await catalog.hooks.totals();
    assert.deepEqual([waiting, bytes, oldest, dead], [0, 0, undefined, 1]);
    assert.equal(await catalog.hooks.retry("dead"), 1);
    assert.deepEqual(await claimed(catalog), ["msg_1"]);
  },
);

catalogTest(
  "the oldest events over the bounds are dropped, dead ones by their own",
  async (catalog) => {
    await catalog.hooks.add([1, 2, 3, 4, 5].map((number) => hook(number)));
    const size = hook(1).body.length;
    const all = { rows: 5, bytes: 5 * size, dead: 9 };
    assert.equal(await catalog.hooks.trim(all), 0);
    assert.equal(await catalog.hooks.trim({ rows: Infinity, bytes: Infinity, dead: Infinity }), 0);
    assert.equal(await catalog.hooks.trim({ ...all, rows: 4, bytes: Infinity }), 1);
    assert.equal(await catalog.hooks.trim({ ...all, rows: Infinity, bytes: 4 * size - 1 }), 1);
    await claimed(catalog);
    await settle(catalog, { msg_3: "no", msg_4: "no" }, { deadAfterMs: 0 });
    assert.equal(await catalog.hooks.trim({ ...all, rows: 1, dead: 1 }), 0);
    const left = await catalog.hooks.list(0, 10);
    assert.deepEqual(left.map(({ delivery, isDead }) => [delivery, isDead]), [
      ...[["msg_4", true], ["msg_5", false]],
    ]);
  },
);

catalogTest("events are listed by pages and dropped one, dead or all", async (catalog) => {
  await catalog.hooks.add([1, 2, 3, 4].map((number) => hook(number)));
  const [first] = await catalog.hooks.list(0, 1);
  assert.deepEqual((await catalog.hooks.list(first?.number ?? 0, 2)).map((one) => one.delivery), [
    ...["msg_2", "msg_3"],
  ]);
  assert.equal(await catalog.hooks.drop({ delivery: "msg_2" }), 1);
  assert.equal(await catalog.hooks.drop({ delivery: "msg_2" }), 0);
  await claimed(catalog);
  await settle(catalog, { msg_3: "no" }, { deadAfterMs: 0 });
  assert.equal(await catalog.hooks.drop("dead"), 1);
  assert.equal(await catalog.hooks.drop("all"), 2);
  const { waiting, dead } = await catalog.hooks.totals();
  assert.deepEqual([waiting, dead], [0, 0]);
});

concurrentCatalogTest("claims at a time share the events", async (catalog) => {
  await catalog.hooks.add(Array.from({ length: 20 }, (_, number) => hook(number)));
  const claims = await Promise.all(
    ["a", "b", "c"].map((token) => claimed(catalog, { token, most: 10 })),
  );
  assert.equal(claims.flat().length, 20);
  assert.equal(new Set(claims.flat()).size, 20);
});
