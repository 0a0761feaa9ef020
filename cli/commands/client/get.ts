/**
 * `xfer client get`.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type ByteRange, EVERYTHING, type GetManyOptions } from "../../../client/mod.ts";
import { UsageError, XferError } from "../../../protocol/errors.ts";
import { exitCodeOf, exitCodeOfAll, READER_ENDED } from "../../exit_codes.ts";
import { parseVersion } from "../../arguments/quantities.ts";
import { loadDownloads } from "../../load_module.ts";
import type { Run } from "../../run.ts";
import type { OptionsOf, V4Options } from "./connect.ts";
import { showProgress } from "../../progress/mod.ts";
import {
  addAttributeOptions,
  addTransferOptions,
  option,
  type TransferChoice,
  transferOptions,
} from "./transfer_options.ts";
import { DownloadTotals, reportDownload, reportGot } from "./get_report.ts";
import { confirmDeletion } from "./confirm_deletion.ts";
import { explainMissing } from "./explain_missing.ts";
import { parseNames } from "../../arguments/file_name.ts";
import { example } from "../../text/format.ts";

interface GetChoice extends TransferChoice {
  readonly output?: string;
  readonly range?: ByteRange;
  readonly recursive?: boolean;
  readonly force?: boolean;
  readonly version?: number;
  readonly delete?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly preserveSpecial?: boolean;
}

/** The output that stands for standard output. */
const STANDARD_OUTPUT = "-";

export function addGetCommand(client: Command, run: Run, optionsOf: OptionsOf): void {
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
    .option("--delete", "delete local entries that the server does not have")
    .option("--dry-run", "only print what would happen")
    .option("--yes", "delete more than half of a folder without asking")
    .addOption(
      new Option("--version <number>", "download an older version")
        .argParser(parseVersion).conflicts("recursive"),
    )
    .addOption(
      new Option("--range <from-to>", "download only these bytes, such as 0-1023")
        .argParser(parseRange).conflicts("recursive"),
    )
    .addOption(option("--preserve-special", "also restore setuid, setgid and sticky bits"));
  addAttributeOptions(addTransferOptions(get))
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
Every file is verified. Existing files are overwritten only with --force, and unchanged ones are
skipped. To resume an interrupted download, run the same command again.`;

const HELP = example(
  "xfer client get docs/report.pdf docs/photo.jpg -o ~/Documents",
  "xfer client get photos --recursive --parallel 4",
  "xfer client get backup.tar -o - | tar x",
);

const IF_FOLDER = "To download everything in the folder, add --recursive.";

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
  const totals = new DownloadTotals(range);
  const { getFiles } = await loadDownloads();
  const summary = await getFiles({
    ...await transferOptions(options, choice),
    ...{ names, target, recursive, force, range, version, dryRun, patterns: true, links },
    confirmMirror: choice.delete === true ? confirmMirror : undefined,
    explainMissing: (pool, name, error) =>
      explainMissing(pool, name, error, { ifFolder: IF_FOLDER }),
    attributes: { permissions, times, special },
    onOutcome: (outcome) => {
      totals.add(outcome);
      reportDownload(reporter, outcome, choice);
    },
    onSkipped: (path, why) => {
      skipped++;
      reporter.report({ event: "passed", path, why });
    },
    onUnset: ({ count, path, reason }) =>
      reporter.report({ event: "attributes-not-set", count, path, reason }),
  });
  return totals.conclude(reporter, summary, { ...choice, skipped });
}

/** Writes a file to standard output; returns the exit code. */
async function getToOutput({ run, names, choice, options }: Get): Promise<number> {
  const { range, version } = choice;
  const { reporter } = run;
  const name = names[0] as string;
  const write = reporter.divertResults();
  using _progress = showProgress(reporter, "get");
  try {
    const { getStream } = await loadDownloads();
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
    reportDownload(reporter, { state: "not-got", name, target, error }, choice);
    return exitCodeOf(error);
  }
}

function parseRange(text: string): ByteRange {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text);
  const [from, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && from <= last) return { from, to: last + 1 };
  throw new InvalidArgumentError("Expected two numbers, the smaller first, such as 0-1023.");
}

function parseOutput(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("Expected a path.");
}
