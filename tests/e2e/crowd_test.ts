/** Memory does not grow with idle connections, nor with the size of files. `deno task soak` sends larger ones. */
import assert from "node:assert/strict";
import { canMeasure } from "../support/memory.ts";
import { gatherCrowd } from "../support/e2e/crowd.ts";

const MIB = 1024 * 1024;

Deno.test({
  name: "crowd: 1,000 idle connections and 50 uploads at once stay under 400 MiB on the server",
  ignore: !canMeasure,
  async fn() {
    const { stored, answered, peak } = await gatherCrowd({
      idle: 1000,
      uploads: 50,
      size: 4 * MIB,
    });
    assert.equal(stored, 50);
    assert.equal(answered, 1000);
    assert.ok(peak < 400 * MIB, `${Math.round(peak / MIB)} MiB`);
  },
});
