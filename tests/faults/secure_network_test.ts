/** Whatever a network does to protocol 4: no file is wrong, no client is fooled or held, and it goes on. */
import { Loop } from "./loop.ts";
import {
  cutHello,
  cutSecurely,
  flipHello,
  flipSecurely,
  reshapeSecurely,
} from "./secure_network.ts";

Deno.test("protocol 4: the hello cut at bytes of both directions, by FIN and RST", async () => {
  await new Loop({}).run((loop) => cutHello(loop, { every: 60 }));
});

Deno.test("protocol 4: one byte of the hello changed on its way", async () => {
  await new Loop({}).run((loop) => flipHello(loop, { every: 30 }));
});

Deno.test("protocol 4: secure connections cut anywhere, both directions: what is put and got comes through", async () => {
  await new Loop({}).run((loop) => cutSecurely(loop, { places: 8 }));
});

Deno.test("protocol 4: one byte changed on secure connections", async () => {
  await new Loop({}).run((loop) => flipSecurely(loop, { places: 8 }));
});

Deno.test("protocol 4: segments delayed, merged and split", async () => {
  await new Loop({ rounds: 5 }).run(reshapeSecurely);
});
