/**
 * Writes the pages that are made from tables in the program. With `--check` it only compares, as the tests do.
 */
import { describeProgram } from "../cli/command_tree.ts";
import { loadProgram } from "../cli/program.ts";
import { commandsPage } from "./docs/commands.ts";
import { exampleFile } from "../cli/configuration/example.ts";
import { configurationPage } from "./docs/configuration.ts";
import { exitCodesPage } from "./docs/exit_codes.ts";
import { jsonPage, jsonSchema } from "./docs/json.ts";
import { topicPages } from "./docs/topics.ts";

const PROGRAM = await loadProgram();

/** The pages by path, with the functions that make them. */
export const PAGES: Readonly<Record<string, () => string>> = {
  "docs/commands.md": () => commandsPage(describeProgram(PROGRAM), topicPages(PROGRAM)),
  "docs/configuration.md": configurationPage,
  "docs/exit-codes.md": exitCodesPage,
  "docs/json.md": jsonPage,
  "docs/json.schema.json": jsonSchema,
  "packaging/server.toml": () => `${exampleFile()}\n`,
};

const ROOT = new URL("../", import.meta.url);

/** A page without what `deno fmt` decides: where lines end, and how wide columns are. */
export function unformatted(text: string): string {
  return text.replaceAll(/-{3,}/g, "---").replaceAll(/\s+/g, " ").trim();
}

export async function isUpToDate(path: string, page: string): Promise<boolean> {
  const there = await Deno.readTextFile(new URL(path, ROOT)).catch(() => "");
  return unformatted(there) === unformatted(page);
}

if (import.meta.main) {
  const isCheck = Deno.args.includes("--check");
  for (const [path, make] of Object.entries(PAGES)) {
    if (await isUpToDate(path, make())) continue;
    if (isCheck) {
      console.error(`${path} is out of date: run deno task docs`);
      Deno.exitCode = 1;
      continue;
    }
    await Deno.writeTextFile(new URL(path, ROOT), make());
    await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", path], cwd: ROOT }).output();
    console.log(`Wrote ${path}`);
  }
}
