/** A server that is killed at any moment has what it has confirmed, whole, and nothing half done. */
import { killAtAnyMoment, killAtEveryCall } from "./crashes.ts";
import { Loop } from "./loop.ts";

Deno.test("killed at any moment, 20 times in a row, with four clients at work", async () => {
  await new Loop({ rounds: 20 }).run(killAtAnyMoment);
});

Deno.test("killed before and after each call to file system and database, in one upload and a replacement", async () => {
  await new Loop({}).run(killAtEveryCall);
});
