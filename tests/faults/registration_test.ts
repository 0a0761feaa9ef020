/**
 * A client that is killed while it registers has a whole identity or none, and signs in with the next run. Each run
 * kills it at some calls, chosen at random. `deno task soak` kills it at all of them (`client-kills`).
 */
import assert from "node:assert/strict";
import { Loop } from "./loop.ts";
import { killAtEveryCallOfRegistration } from "./registration.ts";

for (const protocol of [3, 4] as const) {
  Deno.test({
    name:
      `crash safety: protocol ${protocol}: a registering client is killed before calls to file system and network`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const work = (loop: Loop) => killAtEveryCallOfRegistration(loop, protocol, { every: 8 });
      const { counts } = await new Loop({}).run(work);
      assert.ok((counts.get("killed") ?? 0) > 3, "it was killed at every chosen call");
    },
  });
}
