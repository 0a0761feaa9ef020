/**
 * Feeds mutated recordings to the server's parsers: `deno task fuzz --minutes 10`. Prints the seed of a failure, which
 * `--seed N` repeats.
 */
import { fuzzOnce, recordedStreams } from "../tests/support/v3/fuzz.ts";
import { Command, InvalidArgumentError } from "commander";

const options = new Command("fuzz")
  .description("Feed mutated recordings to the server's parsers.")
  .option("--minutes <n>", "time in minutes", toNumber, 1)
  .option("--seed <n>", "run only this input", toNumber)
  .parse(Deno.args, { from: "user" })
  .opts<{ minutes: number; seed?: number }>();

const streams = recordedStreams();
if (options.seed !== undefined) {
  console.log(fuzzOnce(options.seed, streams) ? "refused" : "accepted");
} else {
  const first = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const end = Date.now() + options.minutes * 60_000;
  let runs = 0;
  let refused = 0;
  while (Date.now() < end) {
    for (let batch = 0; batch < 1000; batch++, runs++) {
      if (fuzzOnce((first + runs) >>> 0, streams)) refused++;
    }
  }
  console.log(
    `${runs} inputs from seed ${first} on: ${refused} refused, the others accepted, none failed`,
  );
}

function toNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || !(number >= 0)) throw new InvalidArgumentError("Expected a number.");
  return number;
}
