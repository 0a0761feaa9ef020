/**
 * `deno task test`: runs `deno test` with its arguments, in its own folder for temporary files. Also fails if the tests
 * leave a process or a file behind: it names the leftover and removes it.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeIdentity } from "../server/listen/tls/x509.ts";
import {
  killMarked,
  lasting,
  RUN_VARIABLE,
  type Variable,
} from "../tests/support/marked_processes.ts";
import { bundlePrograms, BUNDLES_VARIABLE } from "../tests/support/programs.ts";
import { POSTGRES_VARIABLE, PostgresServer } from "../tests/support/store/postgres.ts";
import { IDENTITY_VARIABLE } from "../tests/support/store/seeded_folder.ts";
import { MEMORY, memoryPrefix } from "../tests/support/temporary_folder.ts";
import { tiedCommand } from "../tests/support/tied_processes.ts";

/** Ending processes need a moment, especially on a busy machine. */
const MAX_ENDING_MS = 5_000;
/** The variables that name the folder for temporary files, on any system. */
const TEMPORARY_VARIABLES = ["TMPDIR", "TMP", "TEMP"];
/** How many test files run at a time, unless `DENO_JOBS` says: most of their time tests wait for something, and for each other. */
const JOBS = 3 * navigator.hardwareConcurrency;

/** In the checkout, and the same in each run: Deno keeps what it compiles by path. */
const BUNDLES = fileURLToPath(new URL("../build/tests/programs/", import.meta.url));

const run: Variable = { name: RUN_VARIABLE, value: crypto.randomUUID() };
const folder = await Deno.makeTempDir({ prefix: "xfer-tests-" });
const code = await runTests();
const left = [...await endProcesses(), ...await removeFiles()];
for (const what of left) console.error(`The tests left behind: ${what}`);
Deno.exit(code === 0 && left.length > 0 ? 1 : code);

/** Returns the exit code. */
async function runTests(): Promise<number> {
  // A run that is part of another shares its server.
  const hasServer = Deno.env.has(POSTGRES_VARIABLE);
  const postgres = hasServer || Deno.build.os === "windows"
    ? undefined
    : await PostgresServer.start();
  try {
    return await runTestsWith(postgres);
  } finally {
    await postgres?.[Symbol.asyncDispose]();
  }
}

async function runTestsWith(postgres: PostgresServer | undefined): Promise<number> {
  const temporary = TEMPORARY_VARIABLES.map((name) => [name, folder]);
  const tests = tiedCommand(Deno.execPath(), {
    args: ["test", "--quiet", "--allow-all", "--parallel", ...Deno.args],
    env: {
      ...Object.fromEntries(temporary),
      [run.name]: run.value,
      [IDENTITY_VARIABLE]: await makeIdentity(),
      ...postgres === undefined ? {} : { [POSTGRES_VARIABLE]: postgres.socket },
      ...await hasBundles() ? { [BUNDLES_VARIABLE]: BUNDLES } : {},
      DENO_JOBS: Deno.env.get("DENO_JOBS") ?? `${JOBS}`,
    },
  }).spawn();
  const signals = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  let running = true;
  for (const signal of signals as Deno.Signal[]) {
    // Signals are caught even after the tests have ended, so that leftovers are removed first.
    Deno.addSignalListener(signal, () => running && tests.kill(signal));
  }
  const { code } = await tests.status;
  running = false;
  return code;
}

/** Bundles the programs that tests start, unless this run is part of another. Returns whether that succeeded. */
async function hasBundles(): Promise<boolean> {
  return Deno.env.has(BUNDLES_VARIABLE) || await bundlePrograms(BUNDLES);
}

async function endProcesses(): Promise<string[]> {
  const processes = await lasting(run, MAX_ENDING_MS);
  await killMarked(run);
  return processes.map(({ pid, command }) => `process ${pid}: ${command}`);
}

async function removeFiles(): Promise<string[]> {
  const own = filesIn(folder);
  const inMemory = filesIn(MEMORY, memoryPrefix(run.value));
  for (const path of [...inMemory, folder]) await Deno.remove(path, { recursive: true });
  return [...own, ...inMemory];
}

/** The paths in a folder whose names begin with a prefix; none if the folder does not exist. */
function filesIn(folder: string, prefix = ""): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter(({ name }) => name.startsWith(prefix))
      .map(({ name }) => join(folder, name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
