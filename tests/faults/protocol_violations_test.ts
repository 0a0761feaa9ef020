/**
 * Arbitrary messages from peers of protocol 4: errors have a code, nothing hangs or breaks, and the next peer is
 * served. Each run sends a few messages, and `deno task soak` thousands (`v4-frames`, `v4-odd-clients`,
 * `v4-odd-servers`, `v4-texts`).
 */
import { Loop } from "./loop.ts";
import { fuzzClient, fuzzReader, fuzzServer, fuzzTexts } from "./protocol_violations.ts";

Deno.test("protocol 4 fuzzing: mutated conversations in the reader of frames", async () => {
  await new Loop({ rounds: 2 }).run(fuzzReader);
});

Deno.test("protocol 4 fuzzing: clients that sign in and then send anything", async () => {
  await new Loop({ rounds: 30 }).run(fuzzServer);
});

Deno.test("protocol 4 fuzzing: servers that prove their key and then send anything", async () => {
  await new Loop({ rounds: 20 }).run(fuzzClient);
});

Deno.test("protocol 4 fuzzing: locations, known_servers and answers to a hello", async () => {
  await new Loop({ rounds: 2000 }).run(fuzzTexts);
});
