/** A server that is killed at any moment keeps all that it has confirmed, whole, and nothing unfinished. */
import { killAtAnyMoment, killAtEveryCall, killAtEveryCallSecurely } from "./crashes.ts";
import { Loop } from "./loop.ts";

Deno.test("crash safety: SIGKILL at any moment, 20 times in a row, with active clients of both protocols", async () => {
  await new Loop({ rounds: 20 }).run(killAtAnyMoment);
});

// The longer loops of `deno task soak` cover all calls. Here some are chosen, different in each run.
Deno.test("crash safety: SIGKILL around file system and database calls during upload and overwrite", async () => {
  await new Loop({}).run((loop) => killAtEveryCall(loop, { every: 3 }));
});

Deno.test("crash safety: SIGKILL around file system and database calls in all operations of protocol 4", async () => {
  await new Loop({}).run((loop) => killAtEveryCallSecurely(loop, { every: 8 }));
});
