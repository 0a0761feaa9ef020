/** Whatever call to disk or database fails: nothing is lost, nothing is said that is not so, and it goes on. */
import { failEveryCall, failEveryCallOfStart, failEveryCallSecurely } from "./io_errors.ts";
import { Loop } from "./loop.ts";

Deno.test("any call that fails while files are stored", async () => {
  await new Loop({}).run((loop) => failEveryCall(loop, { every: 8 }));
});

Deno.test("any call that fails while the server starts", async () => {
  await new Loop({}).run((loop) => failEveryCallOfStart(loop, { every: 2 }));
});

Deno.test("any call that fails while a client of protocol 4 is at work", async () => {
  await new Loop({}).run((loop) => failEveryCallSecurely(loop, { every: 240 }));
});
