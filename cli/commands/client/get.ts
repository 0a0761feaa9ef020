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
import { addTransferOptions, type TransferChoice, transferOptions } from "./transfer_options.ts";
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
    .description(`Download files and folders.\n\n${NOTES}`)
    .argument("<name...>", "names of files on the server; of folders with --recursive", parseNames)
    .option(
      "-o, --output <path>",
      "file to write, or folder if it ends with / or for several names, created if missing " +
        "(default: the last part of each name, in the current folder)",
      parseOutput,
    )
    .addOption(
      new Option("--range <from-to>", "download only these bytes, such as 0-1023")
        .argParser(parseRange).conflicts("recursive"),
    )
    .option("--recursive", "download everything in the named folders")
    .option("--force", "overwrite existing files and links to files")
    .addOption(
      new Option("--version <number>", "download an older version")
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

const NOTES = `\
Every file is verified. Existing files are only overwritten with --force. To resume an interrupted
download, run the same command again. Until then, it is kept beside its target as .NAME.xfer-part.`;

const HELP = example(
  "xfer client get docs/report.pdf",
  "xfer client get docs/report.pdf docs/photo.jpg -o ~/Documents",
  "xfer client get photos --recursive --parallel 4",
  "xfer client get report.pdf --version 3 -o old.pdf",
);

/** Adds a hint: the name may be a folder's, or the version may not exist. */
function withHint(error: XferError, name: string, choice: GetChoice): XferError {
  const { version, recursive = false } = choice;
  if (error.code !== "no-such-file" || recursive) return error;
  if (version !== undefined) return hintVersions(error, name);
  const hint = "Run 'xfer client list' to see your files; to download a folder, add --recursive.";
  return new RefusedError("no-such-file", error.message, { hint, cause: error });
}

/** The bytes downloaded of a file of `size` bytes. */
function gotOf(size: number, range: RangeChoice | undefined): number {
  return range === undefined ? size : Math.min(range.to, size) - range.from;
}

function reportOutcome(reporter: Reporter, outcome: GetOutcome, choice: GetChoice): void {
  const { name, target } = outcome;
  const { range } = choice;
  if (outcome.state === "not-got") {
    const error = withHint(outcome.error, name, choice);
    return reporter.reportFailure(error, { event: "not-got", name, target, code: error.code });
  }
  if (outcome.state === "there") return reporter.report({ event: "already-there", name, target });
  const { size, cksum } = outcome.file;
  const got = range && { from: range.from, bytes: gotOf(size, range) };
  reporter.report({ event: "got", name, target, size, cksum, range: got });
}

/** Reports the summary; returns the exit code. */
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
  throw new InvalidArgumentError("Expected two numbers, the smaller first, such as 0-1023.");
}

function parseOutput(text: string): string {
  if (text === "") throw new InvalidArgumentError("Expected a path.");
  if (text !== "-") return text;
  throw new InvalidArgumentError("Expected a path; to write to a file named -, use ./-.");
}
