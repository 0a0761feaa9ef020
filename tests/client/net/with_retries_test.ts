/** Retries of any operation, and the time limit of a connection attempt. */
import assert from "node:assert/strict";
import { connect, DEFAULT_TIMEOUTS } from "../../../client/net/dial.ts";
import { withRetries } from "../../../client/net/retry.ts";
import { NetworkError } from "../../../protocol/errors.ts";
import { LEASE_MS } from "../../../server/cluster/node_lease.ts";

Deno.test("retry: a number of retries that is not a number, from a program, means none", async () => {
  let calls = 0;
  const fails = () => {
    if (++calls > 10) throw new Error("it is retried forever");
    return Promise.reject(new NetworkError("connection-lost", "lost"));
  };
  const retry = { retries: NaN, pause: () => Promise.resolve() };
  await assert.rejects(withRetries(fails, retry, {}), NetworkError);
  assert.equal(calls, 1);
});

Deno.test("retry: the default retries last longer than the lease of a server that has died, and its start", async () => {
  const fails = () => Promise.reject(new NetworkError("connection-lost", "lost"));
  for (const [random, least, most] of [[0, 2 * LEASE_MS, 40_000], [1, 4 * LEASE_MS, 70_000]]) {
    let total = 0;
    const pause = (ms: number) => Promise.resolve(void (total += ms));
    await assert.rejects(withRetries(fails, { pause, random: () => random as number }, {}));
    assert.ok(total >= (least as number) && total <= (most as number), `${total}`);
  }
});

Deno.test("retry: an internal error is not retried", async () => {
  let calls = 0;
  const fails = () => {
    calls++;
    return Promise.reject(new TypeError("a fault"));
  };
  await assert.rejects(withRetries(fails, {}, {}), TypeError);
  assert.equal(calls, 1);
});

Deno.test("retry: connecting has a time limit, even if the name lookup never ends", async () => {
  let late: (socket: Deno.TcpConn) => void = () => undefined;
  const dial = () => new Promise<Deno.TcpConn>((resolve) => late = resolve);
  const connecting = connect(
    { hostname: "nowhere", port: 1 },
    { ...DEFAULT_TIMEOUTS, connectMs: 10 },
    { dial },
  );
  await assert.rejects(connecting, (error) => {
    assert.ok(error instanceof NetworkError && error.code === "cannot-connect");
    assert.match(error.message, /nowhere:1: no answer within 0\.01 s/);
    return true;
  });
  const closed = Promise.withResolvers<void>();
  late({ close: closed.resolve } as unknown as Deno.TcpConn);
  await closed.promise;
});
