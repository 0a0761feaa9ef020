/** A limit of bytes per second, with a clock that only sleeps advance. */
import assert from "node:assert/strict";
import { type Clock, RateLimit } from "../../../client/net/rate_limit.ts";

/** Time that passes only during sleeps. */
class FakeClock implements Clock {
  time = 5000;
  readonly sleeps: number[] = [];

  now(): number {
    return this.time;
  }

  sleep(ms: number): Promise<void> {
    this.sleeps.push(ms);
    this.time += ms;
    return Promise.resolve();
  }
}

for (const piece of [100, 16_384, 1_048_576]) {
  Deno.test(`rate limit: 20 MB in pieces of ${piece} bytes take 10 s, without short sleeps`, async () => {
    const clock = new FakeClock();
    const rate = new RateLimit(2_000_000, clock);
    let bytes = 0;
    for (; bytes < 20_000_000; bytes += piece) await rate.take(piece);
    const ms = clock.time - 5000;
    // The limit allows to be ahead by two tenths of a second, plus the last piece.
    assert.ok(Math.abs(ms - bytes / 2000) <= 200 + piece / 2000, `${ms} ms for ${bytes} bytes`);
    assert.ok(clock.sleeps.every((ms) => ms >= 100), `${clock.sleeps.slice(0, 5)}`);
  });
}

Deno.test("rate limit: an hour without bytes earns no burst", async () => {
  const clock = new FakeClock();
  const rate = new RateLimit(1000, clock);
  await rate.take(1000);
  clock.time += 3_600_000;
  const before = clock.time;
  for (let i = 0; i < 10; i++) await rate.take(1000);
  assert.ok(clock.time - before >= 9900);
});

Deno.test("rate limit: four connections share one rate", async () => {
  const clock = new FakeClock();
  const rate = new RateLimit(1000, clock);
  await Promise.all(Array.from({ length: 4 }, async () => {
    for (let i = 0; i < 5; i++) await rate.take(500);
  }));
  assert.ok(clock.time - 5000 >= 9900, `${clock.time}`);
});
