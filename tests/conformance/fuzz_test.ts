/** Mutated recordings of protocol 3: here some, others in each run; in `deno task soak` (`fuzz`) 3,000,000. */
import assert from "node:assert/strict";
import { fuzzOnce, recordedStreams } from "../support/v3/fuzz.ts";

const RUNS = 50_000;

Deno.test(`fuzzing: ${RUNS} mutated recordings in the server's parsers`, () => {
  const streams = recordedStreams();
  const first = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  let refused = 0;
  for (let run = 0; run < RUNS; run++) {
    if (fuzzOnce((first + run) >>> 0, streams)) refused++;
  }
  // If nearly all of them, or nearly none, were refused, the mutations would not reach far.
  assert.ok(refused > RUNS / 10 && refused < (RUNS * 9) / 10, `${refused} were refused`);
});
