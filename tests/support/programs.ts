/**
 * The programs that tests start. `deno task test` bundles them into few files first, since loading hundreds of modules
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
/** A program finds them by their URLs, beside itself. */
const THREADS = [
  "server/catalog/sqlite/worker.ts",
  "client/local/file_worker.ts",
  "tests/faults/killed_file_worker.ts",
] as const;
/** Modules that the command line loads by their URL, and where that is from the folder of the bundles. */
const LOADED: Readonly<Record<string, string>> = {
  "cli/commands/client/mod.ts": "commands/client/mod.ts",
  "cli/commands/server/mod.ts": "commands/server/mod.ts",
  "cli/commands/completions.ts": "commands/completions.ts",
  "cli/help/topic_text.ts": "../help/topic_text.ts",
  "server/catalog/postgres/open_catalog.ts": "../catalog/postgres/open_catalog.ts",
  "server/blobs/s3/open_blobs.ts": "../blobs/s3/open_blobs.ts",
  "server/admin/open_admin.ts": "open_admin.ts",
  "server/admin/tracing.ts": "tracing.ts",
  "server/hooks/open_hooks.ts": "open_hooks.ts",
  "client/v3/mod.ts": "../client/v3/mod.ts",
  "client/v4/downloads.ts": "../client/v4/downloads.ts",
};

/** The path of a program: its bundle or its source. */
export function pathOfProgram(program: typeof PROGRAMS[number]): string {
  const bundles = Deno.env.get(BUNDLES_VARIABLE);
  return bundles === undefined ? join(ROOT, program) : join(bundles, asScript(program));
}

/** Bundles the programs into a folder. Returns whether that succeeded: Deno needs esbuild, which it downloads once. */
export async function bundlePrograms(folder: string): Promise<boolean> {
  // Names of shared parts change with their content.
  await Deno.remove(folder, { recursive: true }).catch(() => undefined);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--code-splitting", "--outdir", folder],
      ...[...PROGRAMS, ...THREADS, ...Object.keys(LOADED)],
    ],
    ...{ cwd: ROOT, stdout: "null", stderr: "null" },
  }).output();
  if (!success) return false;
  // Their code may be in the bundle of a program or of a loaded module.
  for (const program of [...PROGRAMS, ...Object.keys(LOADED)]) {
    for (const thread of THREADS) {
      await link(folder, thread, join(dirname(program), basename(thread)));
    }
  }
  for (const [module, place] of Object.entries(LOADED)) await link(folder, module, place);
  return true;
}

/** Makes the bundle of a module available at another place. */
async function link(folder: string, module: string, place: string): Promise<void> {
  const path = join(folder, place);
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(
    path,
    `export * from "${pathToFileURL(join(folder, asScript(module)))}";\n`,
  );
}

function asScript(path: string): string {
  return path.replace(/\.ts$/, ".js");
}
