/** A repair that is killed leaves nothing in quarantine that is not written down, and is finished at the next start. */
import assert from "node:assert/strict";
import { Loop } from "./loop.ts";
import { killRepairAtEveryCall } from "./repairs.ts";

// At all calls in the longer loops of `deno task soak`; here at some, others in each run.
Deno.test({
  name: "verify --repair, killed before and after calls to file system and database",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { counts } = await new Loop({}).run((loop) => killRepairAtEveryCall(loop, { every: 7 }));
    assert.ok((counts.get("killed") ?? 0) > 10, "it was killed all the way");
  },
});
