/**
 * The programs that tests start. `deno task test` bundles each into one file first, since two thirds of a short
 * command's time is spent on loading hundreds of modules. A single file of tests runs them from source.
 */
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Names the folder of the bundled programs. Without it, they run from source. */
export const BUNDLES_VARIABLE = "XFER_TEST_BUNDLES";

const MAIN = "main.ts";
const HOST = "tests/support/hosted_commands.ts";
const FAULTS = [
  ...["tests/faults/faulty_server.ts", "tests/faults/killed_client.ts"],
  ...["tests/faults/killed_operator.ts", "tests/faults/killed_repair.ts"],
];
/** Found by its URL, beside the module that starts it. */
const THREAD = "server/catalog/sqlite/worker.ts";

/** The path of a program, by its path from the root. */
export function pathOfProgram(program: string): string {
  const bundles = Deno.env.get(BUNDLES_VARIABLE);
  return bundles === undefined ? join(ROOT, program) : join(bundles, asScript(program));
}

/** Bundles the programs into a folder. Returns whether that succeeded: Deno needs esbuild, which it downloads once. */
export async function bundlePrograms(folder: string): Promise<boolean> {
  const programs = [MAIN, HOST, ...FAULTS, THREAD];
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--outdir", folder, ...programs],
    ...{ cwd: ROOT, stdout: "null", stderr: "null" },
  }).output();
  if (!success) return false;
  const thread = pathToFileURL(join(folder, asScript(THREAD)));
  for (const program of programs.filter((program) => program !== THREAD)) {
    const beside = join(folder, dirname(program), basename(THREAD));
    await Deno.writeTextFile(beside, `import "${thread}";\n`);
  }
  return true;
}

function asScript(program: string): string {
  return program.replace(/\.ts$/, ".js");
}
