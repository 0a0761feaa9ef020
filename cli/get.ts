/**
 * `xfer client get`.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { getFile, getFolder, type GetOutcome } from "../client/mod.ts";
import { printable } from "../protocol/mod.ts";
import { exitCodeOf, killedBy, SUCCESS } from "./exit_codes.ts";
import { printError, printNote, printResult } from "./output.ts";
import { parseVersion } from "./quantities.ts";
import { optionsOf } from "./secure.ts";
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

export function addGetCommand(client: Command, finish: (exitCode: number) => void): void {
  const get = client.command("get")
    .description("Get a file back, verified, under a name that is free (protocol 4).")
    .argument("<name>", "the name of the file on the server")
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
      const options = {
        ...await optionsOf(command),
        ...transferOptions(chosen),
        ...{ name, target, force, range, version, onOutcome: showOutcome },
      };
      const exitCode = await untilStopped(async (signal) => {
        if (recursive === true) return conclude(await getFolder({ ...options, signal }));
        await getFile({ ...options, signal });
        return SUCCESS;
      });
      finish(exitCode);
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

const STOPPING: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** Does work that ends in good order at Ctrl-C; a second one ends everything at once. Returns the exit code. */
async function untilStopped(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  let stopped: Deno.Signal | undefined;
  const listeners = STOPPING.map((signal) =>
    [signal, () => {
      stopped = signal;
      unlisten();
      controller.abort();
    }] as const
  );
  const unlisten = () => {
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  };
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (stopped === undefined) throw error;
    printNote("Stopped");
    return killedBy(stopped);
  } finally {
    if (stopped === undefined) unlisten();
  }
}

function showOutcome(outcome: GetOutcome): void {
  const [name, target] = [printable(outcome.name), printable(outcome.target)];
  if (outcome.state === "not-got") {
    printError(outcome.error);
    return printNote(`Not got: ${name}`);
  }
  if (outcome.state === "there") return printNote(`There already: ${target}`);
  const { size, cksum } = outcome.file;
  printResult(`Wrote ${target}: ${name} (${size} bytes, cksum ${cksum})`);
}

/** Says what came of many files; returns the exit code. */
function conclude(outcomes: readonly GetOutcome[]): number {
  let [got, bytes, there] = [0, 0, 0];
  for (const outcome of outcomes) {
    if (outcome.state === "got") [got, bytes] = [got + 1, bytes + outcome.file.size];
    else if (outcome.state === "there") there++;
  }
  const failed = outcomes.length - got - there;
  printNote(`Wrote ${got} (${bytes} bytes), there already ${there}, failed ${failed}`);
  for (const outcome of outcomes) {
    if (outcome.state === "not-got") return exitCodeOf(outcome.error);
  }
  return SUCCESS;
}

function parseRange(text: string): Range {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text);
  const [from, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && from <= last) return { from, to: last + 1 };
  throw new InvalidArgumentError("Expected two numbers, such as 0-1023.");
}
