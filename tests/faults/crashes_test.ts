/** A server that is killed at any moment has what it has confirmed, whole, and nothing half done. */
import { killAtAnyMoment, killAtEveryCall, killAtEveryCallSecurely } from "./crashes.ts";
import { Loop } from "./loop.ts";

Deno.test("killed at any moment, 20 times in a row, with clients of both protocols at work", async () => {
  await new Loop({ rounds: 20 }).run(killAtAnyMoment);
});

// Of all calls in the longer loops of `deno task soak`; here of some, others in each run.
Deno.test("killed before and after calls to file system and database, in one upload and a replacement", async () => {
  await new Loop({}).run((loop) => killAtEveryCall(loop, { every: 3 }));
});

Deno.test("killed before and after calls to file system and database, in all that a client of protocol 4 does", async () => {
  await new Loop({}).run((loop) => killAtEveryCallSecurely(loop, { every: 8 }));
});
