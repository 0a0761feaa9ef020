/** A client that is killed while it registers has an identity that is whole or none, and is in the next time. */
import assert from "node:assert/strict";
import { Loop } from "./loop.ts";
import { killAtEveryCallOfRegistration } from "./registration.ts";

for (const protocol of [3, 4] as const) {
  Deno.test({
    name:
      `protocol ${protocol}: a client that registers is killed before calls to files and network`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const work = (loop: Loop) => killAtEveryCallOfRegistration(loop, protocol, { every: 3 });
      const { counts } = await new Loop({}).run(work);
      assert.ok((counts.get("killed") ?? 0) > 6, "it was killed all the way");
    },
  });
}
