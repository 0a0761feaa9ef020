/** Whatever a peer of protocol 4 says: typed errors, no hang, no harm, and the next one is served. */
import { Loop } from "./loop.ts";
import { fuzzClient, fuzzReader, fuzzServer, fuzzTexts } from "./odd_peers.ts";

Deno.test("protocol 4: mutated conversations go through the reader of frames", async () => {
  await new Loop({ rounds: 4 }).run(fuzzReader);
});

Deno.test("protocol 4: clients that are let in and say anything then", async () => {
  await new Loop({ rounds: 80 }).run(fuzzServer);
});

Deno.test("protocol 4: servers that prove who they are and say anything then", async () => {
  await new Loop({ rounds: 60 }).run(fuzzClient);
});

Deno.test("protocol 4: odd locations, known_servers and answers to a hello", async () => {
  await new Loop({ rounds: 3000 }).run(fuzzTexts);
});
