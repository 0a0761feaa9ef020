/**
 * `deno task bench`: compares xfer with its alternatives, using real processes on this machine. Prints tables, or JSON
 * with `--json`. A whole run (without `--only` and `--scale`) also writes them into docs/performance.md.
 *
 * --runs N    number of rounds of each comparison (default: 5)
 * --only A,B  run only these parts: alone, resume, crowds, logins, operating, scaling; groups of transfers: transfers, huge, pinned,
 *             near, far, cluster; or single transfers, such as put, get-folder, far-one
 * --continue FILE
 *             save the results of each part in a file, and measure only the parts that it does not have yet
 * --scale N   move only an Nth of everything, to test the bench itself; such results mean little
 *
 * XFER_BIN names an executable to measure in place of the sources. XFER_BEFORE names an earlier version to compare with:
 * an executable, or the `main.ts` of other sources.
 */
import { TemporaryFolder } from "../../tests/support/temporary_folder.ts";
import { alone } from "./stages.ts";
import { logins, registrations, uploads } from "./crowds.ts";
import { confine, describeMachine } from "./machine.ts";
import { toMarkdown, writeReport } from "./report.ts";
import { type Results, resumeResults, saveResults } from "./results.ts";
import { operating } from "./operating.ts";
import { resume } from "./resume.ts";
import { compare } from "./transfers.ts";
import { PUT_GIB, scaled, type Work, WORK_GROUPS, WORKS } from "./works.ts";

const MB = 1e6;
/** With a higher load average of the last minute, others use the machine too. */
const IDLE = 0.5;
const CROWDS: readonly number[] = [1, 4, 16, 64];
const CROWD_FILE = 64 * MB;
const REGISTRATIONS = 500;
/** The files of each client, whose servers are watched by their operator. */
const OPERATED_FILES = 40;
const SCALE_SIZES: readonly number[] = [1 * MB, 10 * MB, 100 * MB, 1000 * MB, 4000 * MB];
const SCALE_CLIENTS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/** Total bytes, whatever the number of clients. */
const SCALE_TOTAL = 512 * MB;

interface Options {
  readonly runs: number;
  readonly only: readonly string[];
  readonly scale: number;
  readonly json: boolean;
  /** A file that keeps the results of each part. */
  readonly file?: string;
}

type Part = (folder: string, results: Results, options: Options) => Promise<void>;

const PARTS: Readonly<Record<string, Part>> = {
  async alone(folder, results, { runs }) {
    say("Each stage alone …");
    results.alone = await alone(folder, runs);
  },
  ...Object.fromEntries(Object.entries(WORKS).map(([name, work]) => [name, transfers(work)])),
  async resume(folder, results, { runs, scale }) {
    say(`An interrupted upload, ${runs} times …`);
    results.resume = await resume({ folder, runs, size: scaled(PUT_GIB, scale).size });
  },
  async crowds(_, results, { scale }) {
    results.crowds = [];
    for (const clients of CROWDS) {
      say(`${clients} clients with ${CROWD_FILE / MB} MB each …`);
      results.crowds.push(await uploads(4, clients, Math.ceil(CROWD_FILE / scale)));
    }
  },
  async logins(_, results) {
    say(`${REGISTRATIONS} registrations and sign-ins …`);
    results.registrations = await registrations(REGISTRATIONS);
    results.logins = await logins(REGISTRATIONS);
  },
  async operating(_, results, { runs, scale }) {
    say(`The page, metrics and events, ${runs} times …`);
    results.operating = await operating(runs, Math.ceil(OPERATED_FILES / scale));
  },
  async scaling(folder, results, { scale }) {
    results.sizes = [];
    for (const size of SCALE_SIZES) {
      say(`one file of ${size / MB} MB …`);
      const work: Work = {
        ...{ name: `${size / MB} MB`, way: "put", files: 1, size },
        contenders: ["xfer, protocol 4", "xfer, protocol 3"],
      };
      results.sizes.push(await compare(scaled(work, scale), { folder, runs: 1 }));
    }
    results.scaled = [];
    for (const clients of SCALE_CLIENTS) {
      say(`${clients} clients, ${SCALE_TOTAL / MB} MB in total …`);
      results.scaled.push(await uploads(3, clients, Math.ceil(SCALE_TOTAL / clients / scale)));
    }
  },
};

/** Names of groups of parts. */
const GROUPS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(WORK_GROUPS).map(([name, works]) => [name, Object.keys(works)]),
);

if (import.meta.main) {
  const options = parse(Deno.args);
  const { runs, only, scale, json, file } = options;
  if (Deno.build.os !== "linux") {
    console.error("The bench runs only on Linux: it reads CPU time and memory from /proc");
    Deno.exit(2);
  }
  const [load = 0] = Deno.loadavg();
  if (load > IDLE) {
    say(`Warning: the machine is busy (load ${load.toFixed(1)}), which distorts the results`);
  }
  await confine();
  // Not on a file system in memory, because durable storage is compared.
  await using folder = await TemporaryFolder.createOnDisk();
  const machine = await describeMachine();
  const fresh: Results = { machine, runs, scale, when: new Date().toISOString(), parts: [] };
  const results = file === undefined ? fresh : await resumeResults(file, fresh);
  for (const name of only) {
    if (results.parts.includes(name)) continue;
    await PARTS[name]?.(folder.path, results, options);
    results.parts.push(name);
    if (file !== undefined) await saveResults(file, results);
  }
  console.log(json ? JSON.stringify(results, undefined, 2) : toMarkdown(results));
  if (scale === 1 && Object.keys(PARTS).every((name) => results.parts.includes(name))) {
    await writeReport(results);
    say("Wrote docs/performance.md");
  }
}

function transfers(work: Work): Part {
  return async (folder, results, { runs, scale }) => {
    say(`${work.name}, ${work.contenders.length} contenders, ${runs} times …`);
    results.works = [...results.works ?? [], await compare(scaled(work, scale), { folder, runs })];
  };
}

function say(words: string): void {
  console.error(words);
}

function parse(args: readonly string[]): Options {
  let options: Options = { runs: 5, only: Object.keys(PARTS), scale: 1, json: false };
  for (let i = 0; i < args.length; i++) {
    const value = args[i + 1] ?? "";
    const parts = value.split(",").flatMap((name) => GROUPS[name] ?? [name]);
    if (args[i] === "--json") options = { ...options, json: true };
    else if (args[i] === "--runs" && /^[1-9]\d?$/.test(value)) {
      options = { ...options, runs: Number(args[++i]) };
    } else if (args[i] === "--continue" && value !== "") {
      options = { ...options, file: value };
      i++;
    } else if (args[i] === "--scale" && /^[1-9]\d{0,3}$/.test(value)) {
      options = { ...options, scale: Number(args[++i]) };
    } else if (args[i] === "--only" && parts.every((name) => Object.hasOwn(PARTS, name))) {
      options = { ...options, only: parts };
      i++;
    } else {
      const names = [...Object.keys(PARTS), ...Object.keys(GROUPS)].join(",");
      console.error(
        `Usage: deno task bench [--runs N] [--only ${names}] [--continue FILE] [--scale N] [--json]`,
      );
      Deno.exit(2);
    }
  }
  return options;
}
