/**
 * Network faults: the client's results are true, and nothing wrong is stored. Each run tries some places, chosen at
 * random. `deno task soak` tries all of them (`cuts`, `flips`).
 */
import { Loop } from "./loop.ts";
import { cutEverywhere, flipEverywhere, reshapeEverything } from "./network.ts";

Deno.test("network faults: cut at field boundaries and at random, both directions, by FIN and RST", async () => {
  await new Loop({}).run((loop) => cutEverywhere(loop, { random: 3, sample: 5 }));
});

Deno.test("network faults: one byte changed in transit, at offsets all over a session, both directions", async () => {
  await new Loop({}).run((loop) => flipEverywhere(loop, { every: 128 }));
});

Deno.test("network faults: segments delayed, merged and split", async () => {
  await new Loop({ rounds: 3 }).run(reshapeEverything);
});
