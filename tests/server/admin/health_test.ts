/** When a server counts as ready. */
import assert from "node:assert/strict";
import type { AdminSystem } from "../../../server/admin/admin_system.ts";
import { Health } from "../../../server/admin/health.ts";

interface State {
  touch: () => Promise<void>;
  write: () => Promise<void>;
  free: number;
  isStopping: boolean;
  whyRemoved: string | undefined;
  ms: number;
}

const done = () => Promise.resolve();

function fixture(changes: Partial<State> = {}) {
  const state: State = {
    ...{ touch: done, write: done, free: 1000, isStopping: false, whyRemoved: undefined, ms: 0 },
    ...changes,
  };
  const lines: string[] = [];
  const reasons: unknown[] = [];
  const note = (_: string, { event, reason }: { readonly event: string; reason?: string }) => {
    lines.push(event);
    reasons.push(reason);
  };
  const calls = { touch: 0 };
  const writer = { write: () => state.write(), abort: done };
  const touch = () => {
    calls.touch++;
    return state.touch();
  };
  const context = {
    store: {
      catalog: { accounts: { touch } },
      blobs: { randomAccess: true, create: () => Promise.resolve(writer) },
    },
    limits: { minFree: 500 },
    clock: () => state.ms,
    ticks: () => state.ms,
    log: { info: note, warn: note },
  };
  const system = {
    ...{ context, name: "a", freeSpace: () => Promise.resolve(state.free) },
    ...{ isStopping: () => state.isStopping, whyRemoved: () => state.whyRemoved },
  } as unknown as AdminSystem;
  return { state, lines, reasons, calls, health: new Health(system, { answerMs: 20 }) };
}

async function failing(health: Health): Promise<string[]> {
  const { ready, checks } = await health.report();
  const names = Object.entries(checks).flatMap(([name, { ok }]) => ok ? [] : [name]);
  assert.equal(ready, names.length === 0);
  return names;
}

const never = () => new Promise<void>(() => undefined);
const fails = () => Promise.reject(new Error("/srv/xfer: read-only"));

for (
  const [what, changes, expected] of [
    ["all is well", {}, []],
    ["the catalog is locked", { touch: never }, ["catalog"]],
    ["the catalog fails", { touch: fails }, ["catalog"]],
    ["the disk is read-only", { write: fails }, ["store"]],
    ["the disk hangs", { write: never }, ["store"]],
    ["the disk is full", { free: 499 }, ["space"]],
    ["the space is as much as --min-free", { free: 500 }, []],
    ["the server is stopping", { isStopping: true }, ["running"]],
    ["other servers have removed it", { whyRemoved: "a lease" }, ["cluster"]],
  ] as const
) {
  Deno.test(`ready: ${what}`, async () => {
    const { health } = fixture(changes);
    assert.deepEqual(await failing(health), expected);
    assert.ok(!JSON.stringify(await health.report()).includes("/srv/xfer"), "a path");
  });
}

Deno.test("ready: requests within a second share one check, and a check that hangs is not begun again", async () => {
  const { state, calls, health } = fixture({ touch: never });
  await Promise.all([health.report(), health.report(), health.report()]);
  assert.equal(calls.touch, 1);
  state.ms += 5000;
  assert.deepEqual(await failing(health), ["catalog"]);
  assert.equal(calls.touch, 1);
});

Deno.test("ready: the log says once that the server is not ready, and when it is again", async () => {
  const { state, lines, health } = fixture();
  for (const free of [1000, 0, 0, 1000, 1000]) {
    state.free = free;
    state.ms += 5000;
    await health.report();
  }
  assert.deepEqual(lines, ["server.not-ready", "server.ready"]);
});

Deno.test("ready: the log has the reason of a failed check, which can name a path", async () => {
  const { reasons, health } = fixture({ write: fails });
  await health.report();
  assert.deepEqual(reasons, ["store: /srv/xfer: read-only"]);
});
