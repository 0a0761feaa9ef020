/**
 * The manual pages of xfer as files.
 *
 * @module
 */
import { join } from "node:path";
import denoJson from "../../deno.json" with { type: "json" };
import { describeProgram } from "../../cli/command_tree.ts";
import { EXIT_CODES } from "../../cli/exit_codes.ts";
import { loadProgram } from "../../cli/program.ts";
import { topicPages } from "../docs/topics.ts";
import { ROOT } from "../release/stage.ts";
import { toManPages } from "./man_page.ts";

/** The usual variable for the time of reproducible output, in seconds since 1970. */
const TIME = "SOURCE_DATE_EPOCH";

/** Writes the manual pages to a folder, which it creates. Returns their number. */
export async function writeManPages(folder: string): Promise<number> {
  const program = await loadProgram();
  const pages = toManPages(describeProgram(program), {
    ...{ version: denoJson.version, date: await dateOfSources(), exitCodes: EXIT_CODES },
    topics: topicPages(program),
  });
  await Deno.mkdir(folder, { recursive: true });
  for (const { file, text } of pages) await Deno.writeTextFile(join(folder, file), text);
  return pages.length;
}

/** The day of the last commit, so that the same sources give the same pages; empty if unknown. */
async function dateOfSources(): Promise<string> {
  const seconds = Deno.env.get(TIME) || await timeOfCommit();
  if (!/^\d{1,11}$/.test(seconds)) return "";
  return new Date(Number(seconds) * 1000).toISOString().slice(0, "2026-01-31".length);
}

/** The date of the last commit; empty for sources without Git, such as an unpacked archive. */
async function timeOfCommit(): Promise<string> {
  try {
    const git = new Deno.Command("git", {
      args: ["log", "-1", "--format=%ct"],
      ...{ cwd: ROOT, stdin: "null", stderr: "null" },
    });
    return new TextDecoder().decode((await git.output()).stdout).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
