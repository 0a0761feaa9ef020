/**
 * Failures of any call to disk or database: nothing is lost, every answer is true, and the server keeps running. In
 * each run, some calls fail, chosen at random. In `deno task soak`, all of them fail (`io`, `v4-io`, `io-start`).
 */
import { failEveryCall, failEveryCallOfStart, failEveryCallSecurely } from "./io_errors.ts";
import { Loop } from "./loop.ts";

Deno.test("I/O errors: any failing call while files are stored", async () => {
  await new Loop({}).run((loop) => failEveryCall(loop, { sample: 3 }));
});

Deno.test("I/O errors: any failing call while the server starts", async () => {
  await new Loop({}).run((loop) => failEveryCallOfStart(loop, { sample: 3 }));
});

Deno.test("I/O errors: any failing call during operations of protocol 4", async () => {
  await new Loop({}).run((loop) => failEveryCallSecurely(loop, { sample: 1 }));
});
