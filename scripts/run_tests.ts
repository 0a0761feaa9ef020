/**
 * `deno task test`: runs `deno test` with its arguments, in its own folder for temporary files. Also fails if types are
 * wrong, or if the tests leave a process or a file behind: it names the leftover and removes it.
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
/**
 * How many test files run at a time, unless `DENO_JOBS` says: most of their time tests wait for something, and for each
 * other.
 */
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
  const types = Deno.args.includes("--no-check") ? undefined : checkTypes();
  const [postgres, identity, hasBundles] = await Promise.all([
    startPostgres(),
    makeIdentity(),
    // A run that is part of another shares its bundles.
    Deno.env.has(BUNDLES_VARIABLE) || bundlePrograms(BUNDLES),
  ]);
  try {
    return await runTestsWith({
      [IDENTITY_VARIABLE]: identity,
      ...postgres === undefined ? {} : { [POSTGRES_VARIABLE]: postgres.socket },
      ...hasBundles ? { [BUNDLES_VARIABLE]: BUNDLES } : {},
    }, types);
  } finally {
    await postgres?.[Symbol.asyncDispose]();
  }
}

/** Starts the database server for all tests, unless this run is part of another. */
async function startPostgres(): Promise<PostgresServer | undefined> {
  if (Deno.env.has(POSTGRES_VARIABLE) || Deno.build.os === "windows") return undefined;
  return await PostgresServer.start();
}

/** Checks types, for most of a minute on one processor. Tests run meanwhile on the others. */
function checkTypes(): Deno.ChildProcess {
  return tiedCommand(Deno.execPath(), {
    args: ["check", "--quiet", ...Deno.args.filter(hasTests)],
    ...{ stdin: "null", stdout: "null", stderr: "piped" },
  }).spawn();
}

/** Whether an argument is a folder or file of tests. */
function hasTests(argument: string): boolean {
  try {
    return Deno.statSync(argument).isDirectory || argument.endsWith(".ts");
  } catch {
    return false;
  }
}

/** Runs the tests, and ends them if the check of types fails. Returns the exit code. */
async function runTestsWith(
  env: Readonly<Record<string, string>>,
  types: Deno.ChildProcess | undefined,
): Promise<number> {
  const temporary = TEMPORARY_VARIABLES.map((name) => [name, folder]);
  const args = Deno.args.filter((argument) => argument !== "--no-check");
  const tests = tiedCommand(Deno.execPath(), {
    args: ["test", "--quiet", "--allow-all", "--parallel", "--no-check", ...args],
    env: {
      ...Object.fromEntries(temporary),
      ...env,
      [run.name]: run.value,
      DENO_JOBS: Deno.env.get("DENO_JOBS") ?? `${JOBS}`,
    },
  }).spawn();
  const signals = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals as Deno.Signal[]) {
    // Signals are caught even after the tests have ended, so that leftovers are removed first.
    Deno.addSignalListener(signal, () => {
      kill(tests, signal);
      if (types !== undefined) kill(types, signal);
    });
  }
  const errors = types && errorsOf(types, () => kill(tests, "SIGTERM"));
  const { code } = await tests.status;
  const found = await errors ?? "";
  if (found === "") return code;
  console.error(found);
  return code || 1;
}

/** The errors that a check prints; empty if all types are right. `onError` is not called if it ends without any. */
async function errorsOf(types: Deno.ChildProcess, onError: () => void): Promise<string> {
  const [printed, { success, code, signal }] = await Promise.all([
    new Response(types.stderr).text(),
    types.status,
  ]);
  if (success) return "";
  if (printed === "") {
    return `The check of types was not completed: ${signal ?? `exit code ${code}`}`;
  }
  onError();
  return printed;
}

function kill(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // It has ended already.
  }
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
