/**
 * `deno task bench`: xfer beside what people would use in its place, by real processes on this machine. Prints tables,
 * or JSON with `--json`; a whole run (without `--only`) also writes them into docs/performance.md.
 *
 * --runs N   rounds of each comparison (default 3)
 * --only A,B parts: alone, transfers, crowds, scaling
 */
import { TemporaryFolder } from "../../tests/helpers/temporary.ts";
import { alone } from "./alone.ts";
import { CONTENDERS } from "./contenders.ts";
import { registrations, uploads } from "./crowds.ts";
import { type Results, toMarkdown, writeReport } from "./report.ts";
import { compare, WORKS } from "./transfers.ts";

const PARTS = ["alone", "transfers", "crowds", "scaling"] as const;
const MB = 1e6;
const CROWDS: readonly number[] = [1, 4, 16, 64];
const CROWD_FILE = 64 * MB;
const REGISTRATIONS = 500;
const SCALE_SIZES: readonly number[] = [1 * MB, 10 * MB, 100 * MB, 1000 * MB, 4000 * MB];
/** With this many MB in all, whatever the number of clients. */
const SCALE_CLIENTS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const SCALE_TOTAL = 512 * MB;

const { runs, only, json } = parse(Deno.args);
if (Deno.build.os !== "linux") {
  console.error("The bench reads CPU time and memory from /proc: it runs on Linux only");
  Deno.exit(2);
}
const say = (words: string) => console.error(words);
// Not on a file system in memory: what is durable is to be compared.
await using folder = await TemporaryFolder.create();
const results: Results = { machine: await machine(), runs, when: new Date().toISOString() };
if (only.includes("alone")) {
  say("Each stage alone …");
  results.alone = await alone(folder.path, runs);
}
if (only.includes("transfers")) {
  results.works = [];
  for (const work of WORKS) {
    say(`${work.name}, by ${CONTENDERS.length} contenders, ${runs} times …`);
    results.works.push(await compare(work, { folder: folder.path, runs }));
  }
}
if (only.includes("crowds")) {
  results.crowds = [];
  for (const clients of CROWDS) {
    say(`${clients} clients with 64 MB each …`);
    results.crowds.push(await uploads(clients, CROWD_FILE));
  }
  say(`${REGISTRATIONS} registrations …`);
  results.registrations = await registrations(REGISTRATIONS);
}
if (only.includes("scaling")) {
  results.sizes = [];
  const contenders = CONTENDERS.slice(0, 1); // the published protocol
  for (const size of SCALE_SIZES) {
    say(`one file of ${size / MB} MB …`);
    const work = { name: `${size / MB} MB`, files: 1, size };
    results.sizes.push(await compare(work, { folder: folder.path, runs: 1, contenders }));
  }
  results.scaled = [];
  for (const clients of SCALE_CLIENTS) {
    say(`${clients} clients, ${SCALE_TOTAL / MB} MB in all …`);
    results.scaled.push(await uploads(clients, Math.floor(SCALE_TOTAL / clients)));
  }
}
console.log(json ? JSON.stringify(results, undefined, 2) : toMarkdown(results));
if (only.length === PARTS.length) {
  await writeReport(results);
  say("Wrote docs/performance.md");
}

function parse(args: readonly string[]) {
  const options = { runs: 3, only: [...PARTS] as string[], json: false };
  for (let i = 0; i < args.length; i++) {
    const value = args[i + 1] ?? "";
    if (args[i] === "--json") options.json = true;
    else if (args[i] === "--runs" && /^[1-9]\d?$/.test(value)) options.runs = Number(args[++i]);
    else if (args[i] === "--only" && value.split(",").every((part) => isPart(part))) {
      options.only = (args[++i] ?? "").split(",");
    } else {
      console.error(`Usage: deno task bench [--runs N] [--only ${PARTS.join(",")}] [--json]`);
      Deno.exit(2);
    }
  }
  return options;
}

function isPart(name: string): boolean {
  return PARTS.some((part) => part === name);
}

async function machine(): Promise<string> {
  const cpu = /^model name\s*:\s*(.+)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1];
  const memory = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  const executable = Deno.env.get("XFER_BIN") === undefined ? "from source" : "one executable";
  return `${navigator.hardwareConcurrency} processors (${cpu ?? "unknown"}), ${memory} GiB, ` +
    `Linux ${Deno.osRelease()}, Deno ${Deno.version.deno}, xfer ${executable}`;
}
