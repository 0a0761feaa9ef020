/**
 * `deno task check:examples`: checks the types of every example of the library: those of docstrings, and the guide's
 * program. `tests/scripts/library_test.ts` runs them.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import denoJson from "../deno.json" with { type: "json" };
import { fencesIn } from "../tests/support/markdown.ts";

const ROOT = new URL("../", import.meta.url);
const SOURCES = ["mod.ts", "protocol/", "client/", "server/"];
const GUIDE = new URL("docs/library.md", ROOT);
/** An example in a docstring. */
const EXAMPLE = /^ *\* ```ts\n([^]*?)^ *\* ```$/gm;

/** Writes what the docstrings' examples need into a folder. Returns the arguments with which Deno finds them. */
async function examplesIn(folder: string): Promise<string[]> {
  const sources = await sourcesWithExamples();
  const paths = sources.map((path) => fileURLToPath(new URL(path, ROOT)));
  return ["--doc", ...await writeConfig(folder), ...paths];
}

/**
 * Writes a file of tests into a folder, one test for each docstring's example, which load the library only once.
 * Returns the arguments with which Deno finds it.
 */
export async function exampleTestsIn(folder: string): Promise<string[]> {
  const tests: string[] = [];
  for (const path of await sourcesWithExamples()) {
    const text = await Deno.readTextFile(new URL(path, ROOT));
    for (const [, block = ""] of text.matchAll(EXAMPLE)) {
      const module = `./example${tests.length}.ts`;
      await Deno.writeTextFile(join(folder, module), block.replaceAll(/^ *\* ?/gm, ""));
      tests.push(`Deno.test(${JSON.stringify(path)}, () => import("${module}"));\n`);
    }
  }
  const file = join(folder, "examples_test.ts");
  await Deno.writeTextFile(file, tests.join(""));
  return [...await writeConfig(folder), file];
}

/** Writes the configuration of examples into a folder. Returns the arguments for it. */
async function writeConfig(folder: string): Promise<string[]> {
  const [config, lock] = [join(folder, "deno.json"), join(folder, "deno.lock")];
  await Deno.writeTextFile(config, JSON.stringify(examplesConfig()));
  await Deno.copyFile(new URL("deno.lock", ROOT), lock);
  return ["--config", config, "--lock", lock];
}

async function sourcesWithExamples(): Promise<string[]> {
  return (await Promise.all(SOURCES.map(withExamples))).flat();
}

/** The blocks of the guide in one language, as one text. */
export async function guideIn(language: string): Promise<string> {
  const fences = fencesIn(await Deno.readTextFile(GUIDE));
  return fences.filter(({ info }) => info === language).map(({ text }) => text).join("\n");
}

/** Sources, below paths from the root, that have examples in their comments. */
async function withExamples(path: string): Promise<string[]> {
  const url = new URL(path, ROOT);
  if (path.endsWith("/")) {
    const entries = await Array.fromAsync(Deno.readDir(url));
    const inside = entries.map((entry) => `${path}${entry.name}${entry.isDirectory ? "/" : ""}`);
    return (await Promise.all(inside.sort().map(withExamples))).flat();
  }
  if (!path.endsWith(".ts")) return [];
  return /^ *\* ```ts$/m.test(await Deno.readTextFile(url)) ? [path] : [];
}

/**
 * The configuration under which examples run. They import the library by its name. Deno adds imports of its own to
 * each, of everything that the file exports: those may be unused.
 */
function examplesConfig() {
  const { name, exports, imports, compilerOptions } = denoJson;
  const own = Object.entries(exports).map(([entry, path]) => [
    name + entry.slice(1),
    new URL(path, ROOT).href,
  ]);
  return {
    imports: { ...imports, ...Object.fromEntries(own) },
    compilerOptions: { ...compilerOptions, noUnusedLocals: false },
  };
}

if (import.meta.main) {
  const folder = await Deno.makeTempDir({ prefix: "xfer-examples-" });
  try {
    const guide = join(folder, "guide.ts");
    await Deno.writeTextFile(guide, await guideIn("ts"));
    const args = ["check", "--quiet", ...await examplesIn(folder), guide];
    const { code } = await new Deno.Command(Deno.execPath(), { args, cwd: folder }).spawn().status;
    Deno.exitCode = code;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
