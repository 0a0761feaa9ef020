/** Rates of accounts and of the whole server. */
import assert from "node:assert/strict";
import { DEFAULT_LIMITS, type Limits } from "../../../server/limits/limits.ts";
import { RateLimits } from "../../../server/limits/rate_limits.ts";

class Clock {
  now = 1000;
  readonly rates: RateLimits;

  constructor(limits: Partial<Limits>) {
    this.rates = new RateLimits({ ...DEFAULT_LIMITS, ...limits }, () => this.now);
  }
}

Deno.test("rates: without a limit, nothing waits", () => {
  const { rates } = new Clock({});
  using alice = rates.of("alice");
  assert.equal(alice.take("received", 1e12), 0);
});

Deno.test("rates: an account's connections share its rate, and each direction has the whole", () => {
  const clock = new Clock({ maxRatePerUser: 1000 });
  using first = clock.rates.of("alice");
  using second = clock.rates.of("alice");
  using bob = clock.rates.of("bob");
  assert.equal(first.take("received", 1250), 1000, "a quarter of a second is free");
  assert.equal(second.take("received", 1000), 2000);
  assert.equal(first.take("sent", 1250), 1000);
  assert.equal(bob.take("received", 1250), 1000);
  clock.now += 2000;
  assert.equal(first.take("received", 100), 100);
  clock.now += 60_000;
  assert.equal(first.take("received", 1250), 1000, "a pause is not saved up");
});

Deno.test("rates: all accounts together keep to the rate of the server", () => {
  const { rates } = new Clock({ maxRate: 1000, maxRatePerUser: 10_000 });
  using alice = rates.of("alice");
  using bob = rates.of("bob");
  assert.equal(alice.take("sent", 1250), 1000);
  assert.equal(bob.take("sent", 500), 1500);
});

Deno.test("rates: an account cannot escape its rate by reconnecting", () => {
  const clock = new Clock({ maxRatePerUser: 1000 });
  for (const wait of [2000, 4250]) {
    using connection = clock.rates.of("alice");
    assert.equal(connection.take("sent", 2250), wait);
    clock.rates.sweep();
  }
  clock.now += 60_000;
  clock.rates.sweep();
  using again = clock.rates.of("alice");
  assert.equal(again.take("sent", 1250), 1000);
});
