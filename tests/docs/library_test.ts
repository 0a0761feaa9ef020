/** The library is documented: every export has a docstring, and every example type-checks and runs. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import denoJson from "../../deno.json" with { type: "json" };
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { tiedCommand } from "../support/tied_processes.ts";

const ROOT = new URL("../../", import.meta.url);
const ENTRY_POINTS = Object.values(denoJson.exports);
const SOURCES = ["mod.ts", "protocol/", "client/", "server/"];
const PAGES: readonly string[] = [];

async function deno(args: readonly string[], env = {}): Promise<string> {
  const { success, stdout, stderr } = await tiedCommand(Deno.execPath(), {
    args: [...args],
    cwd: fileURLToPath(ROOT),
    env: { NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const output = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  assert.ok(success, output);
  return output;
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

Deno.test("library: every export is documented, and no signature shows a type that is not exported", async () => {
  await deno(["doc", "--lint", ...ENTRY_POINTS]);
});

Deno.test("library: examples of docstrings and of the guide type-check and run", async () => {
  await using folder = await TemporaryFolder.create();
  const config = await folder.write("deno.json", JSON.stringify(examplesConfig()));
  const lock = await folder.write("deno.lock", await Deno.readTextFile(new URL("deno.lock", ROOT)));
  const sources = (await Promise.all(SOURCES.map(withExamples))).flat();
  // Folders that examples make go with it.
  const temporary = { TMPDIR: folder.path, TMP: folder.path, TEMP: folder.path };
  const output = await deno([
    ...["test", "--doc", "--quiet", "--allow-all", "--config", config],
    ...["--lock", lock],
    ...[...sources, ...PAGES].map((path) => fileURLToPath(new URL(path, ROOT))),
  ], temporary);
  assert.match(output, /ok \| \d+ passed/);
});
