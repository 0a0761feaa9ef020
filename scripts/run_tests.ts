/**
 * `deno task test`: runs `deno test` with the arguments that it is given, in a folder for temporary files of its own.
 * Fails too where the tests leave a process or a file behind, says what it is, and removes it.
 */
import { join } from "node:path";
import {
  killMarked,
  lasting,
  RUN_VARIABLE,
  type Variable,
} from "../tests/support/marked_processes.ts";
import { MEMORY, memoryPrefix } from "../tests/support/temporary_folder.ts";
import { tiedCommand } from "../tests/support/tied_processes.ts";

/** What is ending needs a moment for it, the more so on a busy machine. */
const MAX_ENDING_MS = 5_000;
/** Where programs look for the folder for temporary files, on any system. */
const TEMPORARY_VARIABLES = ["TMPDIR", "TMP", "TEMP"];
/** How many test files run at a time, unless `DENO_JOBS` says: half of their time tests wait for something. */
const JOBS = 2 * navigator.hardwareConcurrency;

const run: Variable = { name: RUN_VARIABLE, value: crypto.randomUUID() };
const folder = await Deno.makeTempDir({ prefix: "xfer-tests-" });
const code = await runTests();
const left = [...await endProcesses(), ...await removeFiles()];
for (const what of left) console.error(`The tests left behind: ${what}`);
Deno.exit(code === 0 && left.length > 0 ? 1 : code);

/** Returns the exit code. */
async function runTests(): Promise<number> {
  const temporary = TEMPORARY_VARIABLES.map((name) => [name, folder]);
  const tests = tiedCommand(Deno.execPath(), {
    args: ["test", "--quiet", "--allow-all", "--parallel", ...Deno.args],
    env: {
      ...Object.fromEntries(temporary),
      [run.name]: run.value,
      DENO_JOBS: Deno.env.get("DENO_JOBS") ?? `${JOBS}`,
    },
  }).spawn();
  const signals = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  let running = true;
  for (const signal of signals as Deno.Signal[]) {
    // Also after their end: what they have left is removed first.
    Deno.addSignalListener(signal, () => running && tests.kill(signal));
  }
  const { code } = await tests.status;
  running = false;
  return code;
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

/** The paths of what is in a folder, if there is one, and whose names begin so. */
function filesIn(folder: string, prefix = ""): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter(({ name }) => name.startsWith(prefix))
      .map(({ name }) => join(folder, name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
