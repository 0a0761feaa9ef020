/**
 * The manual pages of xfer as files.
 *
 * @module
 */
import { join } from "node:path";
import denoJson from "../../deno.json" with { type: "json" };
import { describeProgram } from "../../cli/command_tree.ts";
import { EXIT_CODES } from "../../cli/exit_codes.ts";
import { makeProgram } from "../../cli/program.ts";
import { Run } from "../../cli/run.ts";
import { ROOT } from "../release/stage.ts";
import { toManPages } from "./man_page.ts";

/** As other tools name the time that what they make is of, in seconds since 1970. */
const TIME = "SOURCE_DATE_EPOCH";

/** Writes them to a folder, which is made; returns how many they are. */
export async function writeManPages(folder: string): Promise<number> {
  const program = describeProgram(await makeProgram(new Run()));
  const edition = { version: denoJson.version, date: await dateOfSources(), exitCodes: EXIT_CODES };
  const pages = toManPages(program, edition);
  await Deno.mkdir(folder, { recursive: true });
  for (const { file, text } of pages) await Deno.writeTextFile(join(folder, file), text);
  return pages.length;
}

/** The day of the last commit, so that the same sources give the same pages; empty where nothing tells it. */
async function dateOfSources(): Promise<string> {
  const seconds = Deno.env.get(TIME) || await timeOfCommit();
  if (!/^\d{1,11}$/.test(seconds)) return "";
  return new Date(Number(seconds) * 1000).toISOString().slice(0, "2026-01-31".length);
}

/** Sources that were unpacked from an archive have none. */
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
