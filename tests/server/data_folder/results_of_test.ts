/** Work for a sequence of items, a few at a time. */
import assert from "node:assert/strict";
import { resultsOf } from "../../../server/data_folder/results_of.ts";

async function* upTo(count: number) {
  for (let i = 1; i <= count; i++) yield await Promise.resolve(i);
}

Deno.test("resultsOf: each result comes once, and never more items are in progress than asked for", async () => {
  for (const atOnce of [1, 3]) {
    let [now, most] = [0, 0];
    const results = resultsOf(upTo(7), atOnce, async (item) => {
      most = Math.max(most, ++now);
      for (let i = 0; i < 20 + item % 3; i++) await Promise.resolve();
      now--;
      return 10 * item;
    });
    const all = await Array.fromAsync(results);
    assert.deepEqual(all.toSorted((a, b) => a - b), [10, 20, 30, 40, 50, 60, 70]);
    assert.equal(most, atOnce);
    if (atOnce === 1) assert.deepEqual(all, all.toSorted((a, b) => a - b), "in order");
  }
});

Deno.test("resultsOf: after a failure no more begin, those in progress end, and it is thrown", async () => {
  const begun: number[] = [];
  let ended = 0;
  const results = resultsOf(upTo(9), 3, async (item) => {
    begun.push(item);
    await Promise.resolve();
    if (item === 1) throw new Error("one");
    for (let i = 0; i < 50; i++) await Promise.resolve();
    ended++;
  });
  await assert.rejects(Array.fromAsync(results), /^Error: one$/);
  assert.deepEqual([begun, ended], [[1, 2, 3], 2]);
});

Deno.test("resultsOf: a reader that stops waits for the work in progress", async () => {
  let inProgress = 0;
  for await (
    const _ of resultsOf(upTo(9), 4, async (item) => {
      inProgress++;
      for (let i = 0; i < 10 * item; i++) await Promise.resolve();
      inProgress--;
    })
  ) break;
  assert.equal(inProgress, 0);
});
