/**
 * Options of uploads and downloads over protocol 4.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type DiscoveredServer,
  MAX_PARALLEL,
  MIN_RATE,
  type PutOptions,
  RateLimit,
} from "../../../client/mod.ts";
import { readListFile } from "../../arguments/list_file.ts";
import { TRANSFER } from "../../help/groups.ts";
import { parseQuantity } from "../../arguments/quantities.ts";
import type { V4Options } from "./connect.ts";

/** An option that `xfer help transfers` explains. */
export function option(flags: string, description: string): Option {
  return new Option(flags, description).helpGroup(TRANSFER);
}

export interface TransferChoice {
  readonly exclude?: string[];
  readonly excludeFrom?: string;
  readonly from0?: boolean;
  /** False with `--no-links`, and so on. */
  readonly links?: boolean;
  readonly permissions?: boolean;
  readonly times?: boolean;
  /** Bytes per second. */
  readonly limitRate?: number;
  readonly parallel?: number;
}

/** Adds the options of transfers to a command. */
export function addTransferOptions(command: Command): Command {
  return command
    .option(
      "--exclude <pattern>",
      `skip matching files in folders; may be repeated (see 'xfer help patterns')`,
      (pattern: string, before: string[] = []) => [...before, pattern],
    )
    .addOption(option("--exclude-from <file>", "skip files that match the patterns in this list"))
    .addOption(option("--from0", "items of a list end with NUL, not with a line break"))
    .addOption(
      option("--limit-rate <rate>", `maximum bytes per second, such as 2MB`).argParser(parseRate),
    )
    .addOption(
      option("--parallel <n>", `number of connections, 1 to ${MAX_PARALLEL} (default: 1)`)
        .argParser(parseParallel),
    );
}

/** Adds the options that leave something of an entry out. */
export function addAttributeOptions(command: Command): Command {
  return command
    .addOption(option("--no-links", "skip symbolic links"))
    .addOption(option("--no-permissions", "ignore permissions"))
    .addOption(option("--no-times", "ignore modification times"));
}

/** Throws what `readListFile` throws. */
export async function transferOptions(
  { connect, retry }: V4Options,
  { exclude: named = [], excludeFrom, from0, limitRate, parallel }: TransferChoice,
  found?: DiscoveredServer,
): Promise<Pick<PutOptions, "connect" | "transfer" | "exclude">> {
  const listed = excludeFrom === undefined ? [] : await readListFile(excludeFrom, { nul: from0 });
  // Patterns of the command line take precedence.
  const exclude = [...listed, ...named];
  const rate = limitRate === undefined ? undefined : new RateLimit(limitRate);
  return { connect: { ...connect, rate }, transfer: { ...retry, parallel, found }, exclude };
}

function parseRate(text: string): number {
  const rate = parseQuantity(text, "rate");
  if (rate >= MIN_RATE) return rate;
  throw new InvalidArgumentError(`Expected at least ${MIN_RATE} bytes per second.`);
}

function parseParallel(text: string): number {
  const count = Number(text);
  if (/^\d{1,3}$/.test(text) && count >= 1 && count <= MAX_PARALLEL) return count;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MAX_PARALLEL}.`);
}
