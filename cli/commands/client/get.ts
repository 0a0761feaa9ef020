/**
 * `xfer client get`.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { getFiles, type GetOutcome } from "../../../client/mod.ts";
import { RefusedError, type XferError } from "../../../protocol/errors.ts";
import { exitCodeOfAll } from "../../exit_codes.ts";
import { parseVersion } from "../../arguments/quantities.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import type { OptionsOf } from "./connect.ts";
import { showProgress } from "../../progress/mod.ts";
import {
  addTransferOptions,
  EXCLUDE_HELP,
  type TransferChoice,
  transferOptions,
} from "./transfer_options.ts";
import { hintVersions } from "./remote_files.ts";
import { parseNames } from "../../arguments/file_name.ts";
import { example } from "../../text/format.ts";

interface RangeChoice {
  readonly from: number;
  readonly to: number;
}

interface GetChoice extends TransferChoice {
  readonly output?: string;
  readonly range?: RangeChoice;
  readonly recursive?: boolean;
  readonly force?: boolean;
  readonly version?: number;
}

export function addGetCommand(client: Command, run: Run, optionsOf: OptionsOf): void {
  const get = client.command("get")
    .description("Get files back, verified, under names that are free (protocol 4).")
    .argument("<name...>", "the names of the files on the server", parseNames)
    .option(
      "-o, --output <path>",
      "where to write it, or with / at its end in which folder; of several, in which folder " +
        "(default: the last part of a name, here)",
      parseOutput,
    )
    .addOption(
      new Option("--range <from-to>", "only these bytes, counted from 0, the last included")
        .argParser(parseRange).conflicts("recursive"),
    )
    .option("--recursive", "all files below each name, as a folder")
    .option("--force", "overwrite existing files, and links to files")
    .addOption(
      new Option("--version <number>", "an older one: see xfer client versions")
        .argParser(parseVersion).conflicts("recursive"),
    );
  addTransferOptions(get)
    .addHelpText("after", HELP)
    .action(async (names: string[], chosen: GetChoice, command: Command) => {
      const { output: target, recursive, force = false, range, version } = chosen;
      const { reporter } = run;
      const options = await optionsOf(command);
      using _progress = showProgress(reporter, "get");
      const outcomes = await getFiles({
        ...transferOptions(options, chosen),
        ...{ names, target, recursive, force, range, version },
        onOutcome: (outcome) => reportOutcome(reporter, outcome, chosen),
      });
      run.finish(conclude(reporter, outcomes, range));
    });
}

const HELP = example(
  "xfer client get docs/report.pdf",
  "xfer client get docs/report.pdf docs/photo.jpg -o ~/Documents",
  "xfer client get photos --recursive --parallel 4",
) + `

A folder that is named with / at its end is made where it is missing, and so is the one
that several files come into. Nothing is got to standard output.

A file that is there already, with the same content, is left as it is; one with another
content is replaced only with --force. A file that can't be downloaded does not
stop the others: it is named, and counted at the end.

What has come of a large file when the network fails, or Ctrl-C is pressed, is kept
beside the target as .NAME.xfer-part: the same command goes on from there. To give it
up, remove that file.

An older version becomes the current one again when you put it:
  $ xfer client get report.pdf --version 3 -o report.pdf --force
  $ xfer client put report.pdf
${EXCLUDE_HELP}`;

/** It may have been a folder that was meant, or another version. */
function withHint(error: XferError, name: string, choice: GetChoice): XferError {
  const { version, recursive = false } = choice;
  if (error.code !== "no-such-file" || recursive) return error;
  if (version !== undefined) return hintVersions(error, name);
  const hint = "All below a folder is got with --recursive. See what there is: xfer client list.";
  return new RefusedError("no-such-file", error.message, { hint, cause: error });
}

/** How much of a file of so many bytes was got. */
function gotOf(size: number, range: RangeChoice | undefined): number {
  return range === undefined ? size : Math.min(range.to, size) - range.from;
}

function reportOutcome(reporter: Reporter, outcome: GetOutcome, choice: GetChoice): void {
  const { name, target } = outcome;
  const { range } = choice;
  if (outcome.state === "not-got") {
    reporter.reportError(withHint(outcome.error, name, choice));
    return reporter.report({ event: "not-got", name, target, code: outcome.error.code });
  }
  if (outcome.state === "there") return reporter.report({ event: "already-there", name, target });
  const { size, cksum } = outcome.file;
  const got = range && { from: range.from, bytes: gotOf(size, range) };
  reporter.report({ event: "got", name, target, size, cksum, range: got });
}

/** Says what came of all; returns the exit code. */
function conclude(
  reporter: Reporter,
  outcomes: readonly GetOutcome[],
  range: RangeChoice | undefined,
): number {
  let [done, bytes, unchanged] = [0, 0, 0];
  for (const outcome of outcomes) {
    if (outcome.state === "there") unchanged++;
    if (outcome.state !== "got") continue;
    done++;
    bytes += gotOf(outcome.file.size, range);
  }
  const failed = outcomes.length - done - unchanged;
  reporter.report({ event: "summary", action: "get", done, bytes, unchanged, failed });
  const failures = outcomes.flatMap((outcome) => "error" in outcome ? [outcome.error] : []);
  return exitCodeOfAll(done + unchanged, failures);
}

function parseRange(text: string): RangeChoice {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text);
  const [from, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && from <= last) return { from, to: last + 1 };
  throw new InvalidArgumentError("Expected two numbers, such as 0-1023.");
}

function parseOutput(text: string): string {
  if (text === "") throw new InvalidArgumentError("Expected a path.");
  if (text !== "-") return text;
  throw new InvalidArgumentError("Nothing is got to standard output. For a file called so: ./-");
}
