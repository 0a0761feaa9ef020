/**
 * The loops that are too long for the test run: `deno task soak --minutes 45`. Each injects one kind of fault and
 * fails at the first lost file or wrong answer. The printed seed repeats it, with `--only`.
 */
import { Command, InvalidArgumentError } from "commander";
import {
  failBackupAtEveryCall,
  killBackupAtEveryCall,
  killRestoreAtEveryCall,
} from "../tests/faults/backups.ts";
import { gatherCrowd } from "../tests/support/e2e/crowd.ts";
import {
  killAtAnyMoment,
  killAtEveryCall,
  killAtEveryCallSecurely,
} from "../tests/faults/crashes.ts";
import {
  failEveryCall,
  failEveryCallOfStart,
  failEveryCallSecurely,
} from "../tests/faults/io_errors.ts";
import { killImportAtEveryCall } from "../tests/faults/imports.ts";
import { killMirrorsAtEveryCall } from "../tests/faults/mirrors.ts";
import { killTransfers } from "../tests/faults/killed_transfers.ts";
import { Loop } from "../tests/faults/loop.ts";
import { cutEverywhere, flipEverywhere, reshapeEverything } from "../tests/faults/network.ts";
import {
  fuzzClient,
  fuzzReader,
  fuzzServer,
  fuzzTexts,
} from "../tests/faults/protocol_violations.ts";
import { killAtEveryCallOfRegistration } from "../tests/faults/registration.ts";
import { killRepairAtEveryCall } from "../tests/faults/repairs.ts";
import { hugeFile, manyFiles } from "../tests/faults/round_trip.ts";
import {
  cutHello,
  cutSecurely,
  flipHello,
  flipSecurely,
  reshapeSecurely,
} from "../tests/faults/secure_network.ts";
import { canMeasure } from "../tests/support/memory.ts";
import { fuzzOnce, recordedStreams } from "../tests/support/v3/fuzz.ts";

const MIB = 1024 * 1024;
/** The most resident memory of either end in a round trip, in bytes. */
const MEMORY = 400 * MIB;

interface Part {
  readonly name: string;
  readonly what: string;
  readonly work: (loop: Loop) => Promise<void>;
  /** The number of rounds, for parts that would not end by themselves. */
  readonly rounds?: number;
}

const PARTS: readonly Part[] = [
  {
    name: "kills",
    what: "the server is killed at random moments, with active clients of both protocols",
    work: killAtAnyMoment,
    rounds: 200,
  },
  {
    name: "kills-at-calls",
    what: "the server is killed before and after each call to file system and database",
    work: (loop) => killAtEveryCall(loop),
  },
  {
    name: "v4-kills-at-calls",
    what: "the same for every action of a client of protocol 4, from the first start on",
    work: (loop) => killAtEveryCallSecurely(loop),
  },
  {
    name: "repair-kills",
    what: "verify --repair is killed before and after each call to file system and database",
    work: (loop) => killRepairAtEveryCall(loop),
  },
  {
    name: "backup-kills",
    what: "backup --keep is killed before and after each call to the file system",
    work: (loop) => killBackupAtEveryCall(loop),
  },
  {
    name: "backup-io",
    what: "each call of backup --keep to the file system fails",
    work: (loop) => failBackupAtEveryCall(loop),
  },
  {
    name: "restore-kills",
    what: "restore is killed before and after each call to the file system",
    work: (loop) => killRestoreAtEveryCall(loop),
  },
  {
    name: "import-kills",
    what: "an import is killed before and after each call to the file system",
    work: (loop) => killImportAtEveryCall(loop),
  },
  {
    name: "client-kills",
    what: "the client is killed before each call to files and network while it registers",
    work: async (loop) => {
      for (const protocol of [3, 4] as const) await killAtEveryCallOfRegistration(loop, protocol);
    },
  },
  {
    name: "mirror-kills",
    what: "get --delete and put --delete are killed before each call to files and network",
    work: (loop) => killMirrorsAtEveryCall(loop),
  },
  {
    name: "pack-kills",
    what:
      "put and get of a folder: the client, the server, or both are killed, then all is repeated",
    work: killTransfers,
    rounds: 300,
  },
  {
    name: "io",
    what: "each call fails while files are stored",
    work: (loop) => failEveryCall(loop),
  },
  {
    name: "v4-io",
    what: "each call fails while clients of protocol 4 are active",
    work: (loop) => failEveryCallSecurely(loop),
  },
  { name: "io-start", what: "each call fails while the server starts", work: failEveryCallOfStart },
  {
    name: "cuts",
    what: "the network is cut at every field boundary and at random, by FIN and RST",
    work: (loop) => cutEverywhere(loop, { random: 200 }),
  },
  {
    name: "flips",
    what: "one byte is changed in transit, at every offset",
    work: (loop) => flipEverywhere(loop),
  },
  {
    name: "reshape",
    what: "segments are delayed, merged and split",
    work: reshapeEverything,
    rounds: 200,
  },
  {
    name: "v4-hello-cuts",
    what: "the hello is cut before every byte, by FIN and RST",
    work: (loop) => cutHello(loop),
  },
  {
    name: "v4-hello-flips",
    what: "every byte of the hello is changed",
    work: (loop) => flipHello(loop),
  },
  {
    name: "v4-cuts",
    what: "secure connections are cut at random, by FIN and RST",
    work: (loop) => cutSecurely(loop, { places: 500 }),
  },
  {
    name: "v4-flips",
    what: "one byte is changed on secure connections",
    work: (loop) => flipSecurely(loop, { places: 500 }),
  },
  {
    name: "v4-reshape",
    what: "segments of protocol 4 are delayed, merged and split",
    work: reshapeSecurely,
    rounds: 200,
  },
  {
    name: "v4-frames",
    what: "mutated conversations of protocol 4",
    work: (loop) => fuzzReader(loop, { batch: 1000 }),
    rounds: 300,
  },
  {
    name: "v4-odd-clients",
    what: "clients that send arbitrary messages",
    work: fuzzServer,
    rounds: 5000,
  },
  {
    name: "v4-odd-servers",
    what: "servers that send arbitrary messages",
    work: fuzzClient,
    rounds: 2000,
  },
  { name: "v4-texts", what: "odd locations and known_servers", work: fuzzTexts, rounds: 500_000 },
  {
    name: "v4-many",
    what: "50,000 small files uploaded and downloaded",
    work: (loop) => manyFiles(loop, { count: 50_000, memory: MEMORY }),
    rounds: 1,
  },
  {
    name: "v4-huge",
    what: "20 GiB uploaded and downloaded",
    work: (loop) => hugeFile(loop, { size: 20 * 1024 * MIB, memory: MEMORY }),
    rounds: 1,
  },
  { name: "fuzz", what: "mutated recordings", work: fuzz, rounds: 3000 },
  { name: "crowd", what: "1,000 idle connections, 50 uploads of 100 MB", work: crowd, rounds: 1 },
];

const options = new Command("soak")
  .description("Inject faults of every kind, for longer than the test run does.")
  .option(
    "--minutes <n>",
    "total time in minutes; a running part ends early but completes its round",
    number,
    45,
  )
  .option("--seed <n>", "seed of the random choices", number)
  .option("--only <name>", `run one part: ${PARTS.map(({ name }) => name).join(", ")}`)
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
    `  ${counts || "nothing done"}; ${seconds} s${complete ? "" : "; ended early by time"}`,
  );
}
console.log("Nothing lost, nothing reported wrongly.");

async function fuzz(loop: Loop): Promise<void> {
  const streams = recordedStreams();
  while (loop.next()) {
    for (let run = 0; run < 1000; run++) {
      loop.count(fuzzOnce(loop.dice.roll(2 ** 32), streams) ? "refused" : "accepted");
    }
    // Signals are handled only between two rounds.
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
  loop.count("MiB peak resident memory of the server", Math.round(peak / MIB));
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0)) throw new InvalidArgumentError("Expected a number.");
  return value;
}
