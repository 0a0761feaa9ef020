/** Work for many items at a time. */
import assert from "node:assert/strict";
import { eachOf } from "../../../server/operator/backup/each_of.ts";

Deno.test("eachOf: all items are done, never more at a time than asked for", async () => {
  const done: number[] = [];
  let [atOnce, most] = [0, 0];
  await eachOf([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    most = Math.max(most, ++atOnce);
    await Promise.resolve();
    atOnce--;
    done.push(item);
  });
  assert.deepEqual([done.toSorted(), most], [[1, 2, 3, 4, 5, 6, 7], 3]);
});

Deno.test("eachOf: after a failure no more begin, those in progress end, and it is thrown", async () => {
  const begun: number[] = [];
  let ended = 0;
  const failing = eachOf([1, 2, 3, 4, 5, 6], 2, async (item) => {
    begun.push(item);
    await Promise.resolve();
    if (item === 1) throw new Error("one");
    await Promise.resolve();
    ended++;
  });
  await assert.rejects(failing, /^Error: one$/);
  assert.deepEqual([begun, ended], [[1, 2], 1]);
});
