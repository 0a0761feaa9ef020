/**
 * A server that is killed at any moment keeps every confirmed file complete, and no unfinished one. Each run of this
 * test kills it at a few random calls. `deno task soak` kills it at all calls (`kills`, `kills-at-calls`,
 * `v4-kills-at-calls`).
 */
import { killAtAnyMoment, killAtEveryCall, killAtEveryCallSecurely } from "./crashes.ts";
import { Loop } from "./loop.ts";

Deno.test("crash safety: SIGKILL at any moment, 5 times in a row, with active clients of both protocols", async () => {
  await new Loop({ rounds: 5 }).run(killAtAnyMoment);
});

Deno.test("crash safety: SIGKILL around file system and database calls during upload and overwrite", async () => {
  await new Loop({}).run((loop) => killAtEveryCall(loop, { every: 18 }));
});

Deno.test("crash safety: SIGKILL around file system and database calls in all operations of protocol 4", async () => {
  await new Loop({}).run((loop) => killAtEveryCallSecurely(loop, { every: 48 }));
});
