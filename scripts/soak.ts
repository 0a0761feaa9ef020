/**
 * The loops that are too long for the test run: `deno task soak --minutes 45`. Each injects one kind of fault and
 * fails at the first thing lost or told wrongly; the seed that it prints then plays it again, with `--only`.
 */
import { Command, InvalidArgumentError } from "commander";
import { canMeasure, gatherCrowd } from "../tests/e2e/crowd.ts";
import { killAtAnyMoment, killAtEveryCall } from "../tests/faults/crashes.ts";
import { failEveryCall, failEveryCallOfStart } from "../tests/faults/io_errors.ts";
import { Loop } from "../tests/faults/loop.ts";
import { cutEverywhere, flipEverywhere, reshapeEverything } from "../tests/faults/network.ts";
import { fuzzOnce, recordedStreams } from "../tests/helpers/fuzz.ts";

const MIB = 1024 * 1024;

interface Part {
  readonly name: string;
  readonly what: string;
  readonly work: (loop: Loop) => Promise<void>;
  /** Where it would not come to an end by itself. */
  readonly rounds?: number;
}

const PARTS: readonly Part[] = [
  {
    name: "kills",
    what: "the server is killed at random moments, four clients at work",
    work: killAtAnyMoment,
    rounds: 200,
  },
  {
    name: "kills-at-calls",
    what: "the server is killed before and after each call to file system and database",
    work: killAtEveryCall,
  },
  {
    name: "io",
    what: "each call fails while files are stored",
    work: (loop) => failEveryCall(loop),
  },
  { name: "io-start", what: "each call fails while the server starts", work: failEveryCallOfStart },
  {
    name: "cuts",
    what: "the network is cut at every field boundary and at random, by FIN and RST",
    work: (loop) => cutEverywhere(loop, { random: 200 }),
  },
  {
    name: "flips",
    what: "one byte is changed on its way, at every offset",
    work: (loop) => flipEverywhere(loop),
  },
  {
    name: "reshape",
    what: "segments are delayed, merged and split",
    work: reshapeEverything,
    rounds: 200,
  },
  { name: "fuzz", what: "mutated recordings", work: fuzz, rounds: 3000 },
  { name: "crowd", what: "1,000 idle connections, 50 uploads of 100 MB", work: crowd, rounds: 1 },
];

const options = new Command("soak")
  .description("Inject every kind of fault, for longer than the test run does.")
  .option(
    "--minutes <n>",
    "how long in all; a part under way is curtailed, not broken off",
    number,
    45,
  )
  .option("--seed <n>", "what the dice begin with", number)
  .option("--only <name>", `one part: ${PARTS.map(({ name }) => name).join(", ")}`)
  .parse(Deno.args, { from: "user" })
  .opts<{ minutes: number; seed?: number; only?: string }>();

const parts = PARTS.filter(({ name }) => options.only === undefined || options.only === name);
const seed = options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
const end = Date.now() + options.minutes * 60_000;
console.log(`seed ${seed}`);
for (const [index, part] of parts.entries()) {
  const begin = Date.now();
  const until = begin + Math.max(0, end - begin) / (parts.length - index);
  const rounds = part.rounds === undefined ? {} : { rounds: part.rounds };
  const loop = await new Loop({ seed, until, ...rounds }).run(part.work);
  const counts = [...loop.counts].map(([what, count]) => `${what} ${count}`).join(", ");
  const complete = part.rounds === undefined ? !loop.isCurtailed : loop.begun === part.rounds;
  const seconds = Math.round((Date.now() - begin) / 1000);
  console.log(`${part.name}: ${part.what}`);
  console.log(
    `  ${counts || "nothing done"}; ${seconds} s${complete ? "" : "; curtailed by time"}`,
  );
}
console.log("Nothing lost, nothing told wrongly.");

async function fuzz(loop: Loop): Promise<void> {
  const streams = recordedStreams();
  while (loop.next()) {
    for (let run = 0; run < 1000; run++) {
      loop.count(fuzzOnce(loop.dice.roll(2 ** 32), streams) ? "refused" : "taken");
    }
    // Signals are heard only between two rounds.
    await new Promise((resolve) => setTimeout(resolve));
  }
}

async function crowd(loop: Loop): Promise<void> {
  if (!canMeasure || !loop.next()) return;
  const { stored, answered, peak } = await gatherCrowd({
    idle: 1000,
    uploads: 50,
    size: 100_000_000,
  });
  if (stored !== 50 || answered !== 1000 || peak >= 400 * MIB) {
    throw new Error(`${stored} stored, ${answered} answered, ${Math.round(peak / MIB)} MiB`);
  }
  loop.count("uploads of 100 MB", stored);
  loop.count("idle connections answered", answered);
  loop.count("MiB resident on the server at most", Math.round(peak / MIB));
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0)) throw new InvalidArgumentError("Expected a number.");
  return value;
}
