/**
 * Network faults with protocol 4: no file is wrong, no client is deceived or hangs, and retries succeed. Each run tries
 * some places, chosen at random. `deno task soak` tries all of them or many more (`v4-hello-cuts`, `v4-hello-flips`,
 * `v4-cuts`, `v4-flips`).
 */
import { Loop } from "./loop.ts";
import {
  cutHello,
  cutSecurely,
  flipHello,
  flipSecurely,
  reshapeSecurely,
} from "./secure_network.ts";

Deno.test("protocol 4 network faults: the hello cut at bytes of both directions, by FIN and RST", async () => {
  await new Loop({}).run((loop) => cutHello(loop, { every: 150 }));
});

Deno.test("protocol 4 network faults: one byte of the hello changed in transit", async () => {
  await new Loop({}).run((loop) => flipHello(loop, { every: 120 }));
});

Deno.test("protocol 4 network faults: TLS connections cut anywhere, both directions: uploads and downloads succeed", async () => {
  await new Loop({}).run((loop) => cutSecurely(loop, { places: 4 }));
});

Deno.test("protocol 4 network faults: one byte changed on TLS connections", async () => {
  await new Loop({}).run((loop) => flipSecurely(loop, { places: 4 }));
});

Deno.test("protocol 4 network faults: segments delayed, merged and split", async () => {
  await new Loop({ rounds: 3 }).run(reshapeSecurely);
});
