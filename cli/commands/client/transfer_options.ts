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
import { TRANSFER } from "../../help/groups.ts";
import { parseQuantity } from "../../arguments/quantities.ts";
import type { V4Options } from "./connect.ts";

export interface TransferChoice {
  readonly exclude?: string[];
  /** Bytes per second. */
  readonly limitRate?: number;
  readonly parallel?: number;
}

/** Adds the options of transfers to a command. */
export function addTransferOptions(command: Command): Command {
  const option = (flags: string, description: string) =>
    new Option(flags, description).helpGroup(TRANSFER);
  return command
    .option(
      "--exclude <pattern>",
      `skip matching files in folders; may be repeated (see 'xfer help patterns')`,
      (pattern: string, before: string[] = []) => [...before, pattern],
    )
    .addOption(
      option("--limit-rate <rate>", `maximum bytes per second, such as 2MB`).argParser(parseRate),
    )
    .addOption(
      option("--parallel <n>", `number of connections, 1 to ${MAX_PARALLEL} (default: 1)`)
        .argParser(parseParallel),
    );
}

export function transferOptions(
  { connect, retry }: V4Options,
  { exclude, limitRate, parallel }: TransferChoice,
  found?: DiscoveredServer,
): Pick<PutOptions, "connect" | "transfer" | "exclude"> {
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
