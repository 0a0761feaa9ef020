/**
 * The programs that tests start. `deno task test` bundles each into one file first, since loading hundreds of modules
 * takes most of the time of a short command. A file of tests that runs alone starts them from source.
 */
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Names the folder of the bundled programs. Without it, they run from source. */
export const BUNDLES_VARIABLE = "XFER_TEST_BUNDLES";

/** Paths from the root. */
const PROGRAMS = [
  "main.ts",
  "tests/support/hosted_commands.ts",
  "tests/faults/faulty_server.ts",
  "tests/faults/killed_client.ts",
  "tests/faults/killed_operator.ts",
  "tests/faults/killed_repair.ts",
] as const;
/** A program finds it by its URL, beside itself. */
const THREAD = "server/catalog/sqlite/worker.ts";

/** The path of a program: its bundle or its source. */
export function pathOfProgram(program: typeof PROGRAMS[number]): string {
  const bundles = Deno.env.get(BUNDLES_VARIABLE);
  return bundles === undefined ? join(ROOT, program) : join(bundles, asScript(program));
}

/** Bundles the programs into a folder. Returns whether that succeeded: Deno needs esbuild, which it downloads once. */
export async function bundlePrograms(folder: string): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--outdir", folder, ...PROGRAMS, THREAD],
    ...{ cwd: ROOT, stdout: "null", stderr: "null" },
  }).output();
  if (!success) return false;
  const thread = pathToFileURL(join(folder, asScript(THREAD)));
  for (const program of PROGRAMS) {
    const beside = join(folder, dirname(program), basename(THREAD));
    await Deno.writeTextFile(beside, `import "${thread}";\n`);
  }
  return true;
}

function asScript(path: string): string {
  return path.replace(/\.ts$/, ".js");
}
