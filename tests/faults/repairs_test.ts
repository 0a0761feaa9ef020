/**
 * A repair that is killed leaves only listed files in quarantine, and the next start finishes it. Each run kills it at
 * some calls, chosen at random. `deno task soak` kills it at all of them (`repair-kills`).
 */
import assert from "node:assert/strict";
import { Loop } from "./loop.ts";
import { killRepairAtEveryCall } from "./repairs.ts";

Deno.test({
  name: "crash safety: verify --repair, killed before and after calls to file system and database",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { counts } = await new Loop({}).run((loop) => killRepairAtEveryCall(loop, { every: 30 }));
    assert.ok((counts.get("killed") ?? 0) > 10, "it was killed at every chosen call");
  },
});
