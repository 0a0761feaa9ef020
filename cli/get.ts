/**
 * `xfer client get`.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { getFile, getFolder, type GetOptions, type GetOutcome, lastPart } from "../client/mod.ts";
import { RefusedError, XferError } from "../protocol/mod.ts";
import { exitCodeOf, SUCCESS } from "./exit_codes.ts";
import { parseVersion } from "./quantities.ts";
import type { Reporter } from "./reporter.ts";
import type { Run } from "./run.ts";
import { type OptionsOf, REMOTE_NAME } from "./secure.ts";
import { showProgress } from "./show_progress.ts";
import {
  addTransferOptions,
  EXCLUDE_HELP,
  type TransferChoice,
  transferOptions,
} from "./transfer_options.ts";
import { example } from "./words.ts";

interface Range {
  readonly from: number;
  readonly to: number;
}

interface GetChoice extends TransferChoice {
  readonly output?: string;
  readonly range?: Range;
  readonly recursive?: boolean;
  readonly force?: boolean;
  readonly version?: number;
}

export function addGetCommand(client: Command, run: Run, optionsOf: OptionsOf): void {
  const get = client.command("get")
    .description("Get a file back, verified, under a name that is free (protocol 4).")
    .argument("<name>", REMOTE_NAME)
    .option("-o, --output <path>", "where to write it (default: the last part of its name, here)")
    .option("--range <from-to>", "only these bytes, counted from 0, the last included", parseRange)
    .option("--recursive", "all files below the name, as a folder")
    .option("--force", "replace what is there")
    .addOption(
      new Option("--version <number>", "an older one: see xfer client versions")
        .argParser(parseVersion).conflicts("recursive"),
    );
  addTransferOptions(get)
    .addHelpText("after", HELP)
    .action(async (name: string, chosen: GetChoice, command: Command) => {
      const { output: target, recursive, force = false, range, version } = chosen;
      const { reporter } = run;
      const options = {
        ...await optionsOf(command),
        ...transferOptions(chosen),
        ...{ name, target, force, range, version },
        onOutcome: (outcome: GetOutcome) => reportOutcome(reporter, outcome, range),
      };
      using _progress = showProgress(reporter, "get");
      const outcomes = recursive === true ? await getFolder(options) : [await getOne(options)];
      run.finish(conclude(reporter, outcomes, range));
    });
}

const HELP = example(
  "xfer client get docs/report.pdf -o report.pdf",
  "xfer client get photos --recursive --parallel 4",
) + `

A file that is there already, with the same content, is left as it is; one with another
content is replaced only with --force. What has come of a large file when the network
fails, or Ctrl-C is pressed, is kept beside the target as .NAME.xfer-part: the same
command goes on from there. To give it up, remove that file.

An older version becomes the current one again when you put it:
  $ xfer client get report.pdf --version 3 -o report.pdf --force
  $ xfer client put report.pdf
${EXCLUDE_HELP}`;

/** Gets a file; what keeps it from being got is its outcome, as it is of a file in a folder. */
async function getOne(options: GetOptions): Promise<GetOutcome> {
  try {
    return await getFile(options);
  } catch (error) {
    if (!(error instanceof XferError) || error.category === "usage") throw error;
    const { name, target = lastPart(name) } = options;
    const outcome = {
      state: "not-got",
      name,
      target,
      error: withHint(error, options.version),
    } as const;
    options.onOutcome?.(outcome);
    return outcome;
  }
}

/** It may have been a folder that was meant. */
function withHint(error: XferError, version: number | undefined): XferError {
  if (error.code !== "no-such-file" || version !== undefined) return error;
  const hint = "All below a folder is got with --recursive. See what there is: xfer client list.";
  return new RefusedError("no-such-file", error.message, { hint, cause: error });
}

/** How much of a file of so many bytes is wanted. */
function wantedOf(size: number, range: Range | undefined): number {
  return range === undefined ? size : Math.max(0, Math.min(range.to, size) - range.from);
}

function reportOutcome(reporter: Reporter, outcome: GetOutcome, range: Range | undefined): void {
  const { name, target } = outcome;
  if (outcome.state === "not-got") {
    reporter.reportError(outcome.error);
    return reporter.report({ event: "not-got", name, target, code: outcome.error.code });
  }
  if (outcome.state === "there") return reporter.report({ event: "already-there", name, target });
  const { size, cksum } = outcome.file;
  const got = range && { from: range.from, bytes: wantedOf(size, range) };
  reporter.report({ event: "got", name, target, size, cksum, range: got });
}

/** Says what came of all; returns the exit code. */
function conclude(
  reporter: Reporter,
  outcomes: readonly GetOutcome[],
  range: Range | undefined,
): number {
  let [done, bytes, unchanged] = [0, 0, 0];
  for (const outcome of outcomes) {
    if (outcome.state === "there") unchanged++;
    if (outcome.state !== "got") continue;
    done++;
    bytes += wantedOf(outcome.file.size, range);
  }
  const failed = outcomes.length - done - unchanged;
  reporter.report({ event: "summary", action: "get", done, bytes, unchanged, failed });
  const failure = outcomes.find((outcome) => outcome.state === "not-got");
  return failure === undefined ? SUCCESS : exitCodeOf(failure.error);
}

function parseRange(text: string): Range {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text);
  const [from, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && from <= last) return { from, to: last + 1 };
  throw new InvalidArgumentError("Expected two numbers, such as 0-1023.");
}
