/**
 * A mirror whose client is killed has whole entries, and the next run completes it. `deno task soak` kills at all
 * calls.
 */
import assert from "node:assert/strict";
import { Loop } from "./loop.ts";
import { killMirrorsAtEveryCall } from "./mirrors.ts";

Deno.test({
  name: "crash safety: get --delete and put --delete, killed before calls to files and network",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { counts } = await new Loop({}).run((loop) =>
      killMirrorsAtEveryCall(loop, { get: 70, put: 18 })
    );
    // An upload makes fewer calls: small entries travel together.
    for (const direction of ["get", "put"]) {
      assert.ok((counts.get(direction) ?? 0) >= 2, `${direction} was killed`);
    }
  },
});
