/** The rate and the remaining time: a steady and realistic estimate. */
import assert from "node:assert/strict";
import { RateMeter } from "../../../cli/progress/rate_meter.ts";

/** Feeds `bytes` every `ms` milliseconds from a time up to another. */
function feed(meter: RateMeter, from: number, to: number, ms: number, bytes: number): void {
  for (let at = from + ms; at <= to; at += ms) meter.add(at, bytes);
}

function about(actual: number | undefined, expected: number, tolerance = 0.05): void {
  assert.ok(actual !== undefined, "the rate is known");
  const off = Math.abs(actual - expected);
  assert.ok(off <= expected * tolerance, `${actual} is not about ${expected}`);
}

Deno.test("rate: unknown during the first second", () => {
  const meter = new RateMeter();
  assert.equal(meter.rate(0), undefined);
  meter.begin(0);
  assert.equal(meter.rate(5000), undefined, "nothing has arrived");
  meter.add(500, 1000);
  assert.equal(meter.rate(600), undefined);
  meter.add(1000, 1000);
  about(meter.rate(1000), 2000);
});

Deno.test("rate: a steady flow has its rate, in many chunks or few", () => {
  for (const ms of [1, 10, 150, 200, 999, 2500]) {
    const meter = new RateMeter();
    meter.begin(0);
    feed(meter, 0, 30_000, ms, ms * 50);
    about(meter.rate(30_000), 50_000);
  }
});

Deno.test("rate: follows a change within the window, and does not jump at one chunk", () => {
  const meter = new RateMeter();
  meter.begin(0);
  feed(meter, 0, 20_000, 100, 1000);
  meter.add(20_000, 10_000);
  about(meter.rate(20_000), 11_000);
  feed(meter, 20_000, 31_000, 100, 5000);
  about(meter.rate(31_000), 50_000);
});

Deno.test("rate: falls to nearly zero after the last byte", () => {
  const meter = new RateMeter();
  meter.begin(0);
  feed(meter, 0, 20_000, 100, 1000);
  about(meter.rate(25_000), 5000, 0.1);
  assert.ok((meter.rate(32_000) ?? 0) < 1000);
  assert.ok((meter.rate(320_000) ?? 0) < 10);
});

Deno.test("rate: rare chunks have an even rate", () => {
  const meter = new RateMeter();
  meter.begin(0);
  feed(meter, 0, 120_000, 12_000, 1_200_000);
  for (const at of [120_000, 125_000, 131_000]) about(meter.rate(at), 100_000);
  assert.ok((meter.rate(200_000) ?? 0) < 40_000, "the next chunk is late");
});

Deno.test("rate: begins again without earlier bytes", () => {
  const meter = new RateMeter();
  meter.begin(0);
  feed(meter, 0, 5000, 100, 1000);
  meter.begin(65_000);
  assert.equal(meter.rate(65_500), undefined);
  feed(meter, 65_000, 67_000, 100, 200);
  about(meter.rate(67_000), 2000);
});
