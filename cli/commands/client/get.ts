/**
 * `xfer client get`.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  EVERYTHING,
  getFiles,
  type GetManyOptions,
  type GetOutcome,
  getStream,
  type RemoteFile,
} from "../../../client/mod.ts";
import { UsageError, XferError } from "../../../protocol/errors.ts";
import { exitCodeOf, exitCodeOfAll, READER_ENDED } from "../../exit_codes.ts";
import { parseVersion } from "../../arguments/quantities.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import type { OptionsOf, V4Options } from "./connect.ts";
import { showProgress } from "../../progress/mod.ts";
import { TRANSFER } from "../../help/groups.ts";
import { addTransferOptions, type TransferChoice, transferOptions } from "./transfer_options.ts";
import { confirmDeletion } from "./confirm_deletion.ts";
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
  readonly delete?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly links: boolean;
  readonly permissions: boolean;
  readonly times: boolean;
  readonly preserveSpecial?: boolean;
}

/** The output that stands for standard output. */
const STANDARD_OUTPUT = "-";

export function addGetCommand(client: Command, run: Run, optionsOf: OptionsOf): void {
  const detail = (flags: string, description: string) =>
    new Option(flags, description).helpGroup(TRANSFER);
  const get = client.command("get")
    .description(`Download files and folders.\n\n${NOTES}`)
    .argument("<name...>", "names or quoted patterns; . for everything", parseNames)
    .option(
      "-o, --output <path>",
      "path to write, or folder for several names; - for standard output",
      parseOutput,
    )
    .option("--recursive", "download folders, with everything in them")
    .option("--force", "overwrite existing files and links")
    .option("--delete", "delete what the server does not have from the folder here")
    .option("--dry-run", "only print what would happen")
    .option("--yes", "do not ask before more than half of a folder is deleted")
    .addOption(
      new Option("--version <number>", "download an older version")
        .argParser(parseVersion).conflicts("recursive"),
    )
    .addOption(
      new Option("--range <from-to>", "download only these bytes, such as 0-1023")
        .argParser(parseRange).conflicts("recursive"),
    )
    .addOption(detail("--no-links", "skip symbolic links"))
    .addOption(detail("--no-permissions", "ignore permissions"))
    .addOption(detail("--no-times", "ignore modification times"))
    .addOption(detail("--preserve-special", "also restore setuid, setgid and sticky bits"));
  addTransferOptions(get)
    .addHelpText("after", HELP)
    .action(async (names: string[], choice: GetChoice, command: Command) => {
      checkChoice(names, choice);
      const options = await optionsOf(command);
      const work = { run, names, choice, options };
      run.finish(
        choice.output === STANDARD_OUTPUT ? await getToOutput(work) : await getToFiles(work),
      );
    });
}

const NOTES = `\
Every file is verified. Existing files are only overwritten with --force, and unchanged ones are
skipped. To resume an interrupted download, run the same command again.`;

const HELP = example(
  "xfer client get docs/report.pdf docs/photo.jpg -o ~/Documents",
  "xfer client get photos --recursive --parallel 4",
  "xfer client get backup.tar -o - | tar x",
);

interface Get {
  readonly run: Run;
  readonly names: readonly string[];
  readonly choice: GetChoice;
  readonly options: V4Options;
}

/** Throws `UsageError` `one-name`, `conflicting-option` for options that contradict each other. */
function checkChoice(names: readonly string[], choice: GetChoice): void {
  const { output, recursive = false } = choice;
  const isFolder = recursive || names.includes(EVERYTHING);
  if (output === STANDARD_OUTPUT && (isFolder || names.length > 1)) {
    throw new UsageError("one-name", "-o - takes exactly one file", {
      hint: "Download folders with -o PATH.",
    });
  }
  if (choice.delete === true && !isFolder) {
    throw new UsageError("conflicting-option", "--delete is only for folders", {
      hint: "Add --recursive to download a folder and delete what the server does not have.",
    });
  }
}

/** Downloads to files and folders; returns the exit code. */
async function getToFiles({ run, names, choice, options }: Get): Promise<number> {
  const { output: target, recursive, force, range, version, dryRun, yes = false } = choice;
  const { links, permissions, times, preserveSpecial: special } = choice;
  const { reporter } = run;
  let skipped = 0;
  const confirmMirror: GetManyOptions["confirmMirror"] = ({ entries, total, folder: place }) =>
    confirmDeletion(run, { entries, total, place }, yes);
  using _progress = showProgress(reporter, "get");
  const outcomes = await getFiles({
    ...await transferOptions(options, choice),
    ...{ names, target, recursive, force, range, version, dryRun, patterns: true, links },
    confirmMirror: choice.delete === true ? confirmMirror : undefined,
    attributes: { permissions, times, special },
    onOutcome: (outcome) => reportOutcome(reporter, outcome, choice),
    onSkipped: (path, why) => {
      skipped++;
      reporter.report({ event: "passed", path, why });
    },
    onUnset: ({ count, path, reason }) =>
      reporter.report({ event: "attributes-not-set", count, path, reason }),
  });
  return conclude(reporter, outcomes, { skipped, choice });
}

/** Writes a file to standard output; returns the exit code. */
async function getToOutput({ run, names, choice, options }: Get): Promise<number> {
  const { range, version } = choice;
  const { reporter } = run;
  const name = names[0] as string;
  const write = reporter.divertResults();
  using _progress = showProgress(reporter, "get");
  try {
    const file = await getStream({
      ...await transferOptions(options, choice),
      name,
      version,
      range,
      write,
    });
    reportGot(reporter, { name, target: STANDARD_OUTPUT, file }, range);
    return exitCodeOfAll(1, []);
  } catch (error) {
    if (!(error instanceof XferError)) throw error;
    if (error.cause instanceof Deno.errors.BrokenPipe) return READER_ENDED;
    const target = STANDARD_OUTPUT;
    reportOutcome(reporter, { state: "not-got", name, target, error }, choice);
    return exitCodeOf(error);
  }
}

/** The bytes downloaded of a file of `size` bytes. */
function gotOf(size: number, range: RangeChoice | undefined): number {
  return range === undefined ? size : Math.min(range.to, size) - range.from;
}

function reportOutcome(reporter: Reporter, outcome: GetOutcome, choice: GetChoice): void {
  const { name, target } = outcome;
  switch (outcome.state) {
    case "not-got": {
      const { error, error: { code } } = outcome;
      return reporter.reportFailure(error, { event: "not-got", name, target, code });
    }
    case "not-deleted": {
      const { error, error: { code } } = outcome;
      return reporter.reportFailure(error, { event: "not-deleted", path: target, code });
    }
    case "deleted":
      if (choice.dryRun === true) return reporter.report(would("remove", target));
      return reporter.report({ event: "deleted", path: target });
    case "planned":
      return reporter.report(
        { ...would("download", name), to: target, size: outcome.file.size },
      );
    case "there":
      if (choice.dryRun === true && outcome.isUpdated) {
        return reporter.report(would("update", target));
      }
      return reporter.report({ event: "already-there", name, target, updated: outcome.isUpdated });
    case "got":
      return reportGot(reporter, outcome, choice.range);
  }
}

/** The `would` event of a dry run. */
function would(action: "download" | "update" | "remove", name: string) {
  return { event: "would", action, place: "here", name } as const;
}

type Got = Pick<GetOutcome, "name" | "target"> & { readonly file: RemoteFile };

function reportGot(
  reporter: Reporter,
  { name, target, file }: Got,
  range: RangeChoice | undefined,
): void {
  const { entry: kind, size, cksum } = file;
  if (kind === "folder") return reporter.report({ event: "made-folder", name, target });
  const got = range && { from: range.from, bytes: gotOf(size, range) };
  reporter.report({ event: "got", name, target, kind, size, cksum, range: got });
}

/** Reports the summary; returns the exit code. */
function conclude(
  reporter: Reporter,
  outcomes: readonly GetOutcome[],
  { skipped, choice }: { readonly skipped: number; readonly choice: GetChoice },
): number {
  const { dryRun, range } = choice;
  const totals = { done: 0, bytes: 0, folders: 0, unchanged: 0, updated: 0, deleted: 0, failed: 0 };
  for (const outcome of outcomes) {
    if ("error" in outcome) totals.failed++;
    else if (outcome.state === "deleted") totals.deleted++;
    else if (outcome.state === "there") totals[outcome.isUpdated ? "updated" : "unchanged"]++;
    else if (outcome.file.entry === "folder") totals.folders++;
    else {
      totals.done++;
      totals.bytes += gotOf(outcome.file.size, range);
    }
  }
  if (dryRun !== true) reporter.report({ event: "summary", action: "get", ...totals, skipped });
  if (choice.delete === true && totals.failed > 0 && totals.deleted === 0) {
    reporter.remark(() => "Nothing was deleted here, because not everything was downloaded.");
  }
  const failures = outcomes.flatMap((outcome) => "error" in outcome ? [outcome.error] : []);
  return exitCodeOfAll(outcomes.length - failures.length, failures);
}

function parseRange(text: string): RangeChoice {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text);
  const [from, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && from <= last) return { from, to: last + 1 };
  throw new InvalidArgumentError("Expected two numbers, the smaller first, such as 0-1023.");
}

function parseOutput(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("Expected a path.");
}
