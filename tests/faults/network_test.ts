/** Whatever a network does by accident: what a client is told is so, and nothing wrong is stored. */
import { Loop } from "./loop.ts";
import { cutEverywhere, flipEverywhere, reshapeEverything } from "./network.ts";

Deno.test("cut at every field boundary and at random, both directions, by FIN and RST", async () => {
  await new Loop({}).run((loop) => cutEverywhere(loop, { random: 5 }));
});

Deno.test("one byte changed on its way, at offsets all over a session, both directions", async () => {
  await new Loop({}).run((loop) => flipEverywhere(loop, { every: 16 }));
});

Deno.test("segments delayed, merged and split", async () => {
  await new Loop({ rounds: 10 }).run(reshapeEverything);
});
