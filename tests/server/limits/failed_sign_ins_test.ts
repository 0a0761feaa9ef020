/** Failed sign-ins are counted by address, delayed, and refused after many. */
import assert from "node:assert/strict";
import { delayOf, FailedSignIns } from "../../../server/limits/failed_sign_ins.ts";
import { DEFAULT_LIMITS } from "../../../server/limits/limits.ts";

const LIMITS = { ...DEFAULT_LIMITS, maxFailedSignIns: 3, signInBanMs: 1000 };
const [HERE, THERE] = ["192.0.2.1", "192.0.2.2"];

Deno.test("failed sign-ins: after too many, an address is refused until it has tried nothing for a while", async () => {
  let now = 0;
  const failed = new FailedSignIns(LIMITS, () => now);
  for (let count = 0; count < 3; count++) {
    failed.check(HERE);
    await failed.fail(HERE);
  }
  assert.throws(() => failed.check(HERE), { code: "limit-reached", limit: "maxFailedSignIns" });
  failed.check(THERE);
  now += LIMITS.signInBanMs - 1;
  assert.throws(() => failed.check(HERE));
  now++;
  failed.check(HERE);
});

Deno.test("failed sign-ins: without a limit, they are neither counted nor delayed", async () => {
  const failed = new FailedSignIns({ ...LIMITS, maxFailedSignIns: Infinity }, () => 0);
  for (let count = 0; count < 1000; count++) await failed.fail(HERE);
  failed.check(HERE);
});

Deno.test("failed sign-ins: no more addresses are remembered than allowed", async () => {
  const failed = new FailedSignIns({ ...LIMITS, maxFailedSignIns: 1, maxAddresses: 2 }, () => 0);
  for (const address of ["a", "b", "c"]) await failed.fail(address);
  failed.check("a");
  for (const address of ["b", "c"]) assert.throws(() => failed.check(address));
});

Deno.test("failed sign-ins: the first ones are answered at once, later ones ever later, up to a bound", () => {
  assert.deepEqual([1, 10, 11, 12, 13, 100, 1e6].map(delayOf), [0, 0, 50, 100, 200, 2000, 2000]);
});
