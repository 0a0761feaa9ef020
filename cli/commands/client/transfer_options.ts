/**
 * Options of uploads and downloads over protocol 4.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import { MAX_LANES, MIN_RATE, RateLimit, type TransferOptions } from "../../../client/mod.ts";
import { parseQuantity } from "../../arguments/quantities.ts";

export interface TransferChoice {
  readonly exclude?: string[];
  /** Bytes per second. */
  readonly limitRate?: number;
  readonly parallel?: number;
}

/** Adds them to a command. */
export function addTransferOptions(command: Command): Command {
  return command
    .option(
      "--exclude <pattern>",
      `skip matching files in folders; may be repeated (see 'xfer help patterns')`,
      (pattern: string, before: string[] = []) => [...before, pattern],
    )
    .option("--limit-rate <rate>", `maximum bytes per second, such as 2MB`, parseRate)
    .option(
      "--parallel <n>",
      `number of connections, 1 to ${MAX_LANES} (default: 1)`,
      parseLanes,
    );
}

export function transferOptions(
  { exclude, limitRate, parallel }: TransferChoice,
): Pick<TransferOptions, "rate" | "parallel"> & { readonly exclude: string[] | undefined } {
  const rate = limitRate === undefined ? undefined : new RateLimit(limitRate);
  return { exclude, rate, parallel };
}

function parseRate(text: string): number {
  const rate = parseQuantity(text, "rate");
  if (rate >= MIN_RATE) return rate;
  throw new InvalidArgumentError(`Expected at least ${MIN_RATE} bytes per second.`);
}

function parseLanes(text: string): number {
  const count = Number(text);
  if (/^\d{1,3}$/.test(text) && count >= 1 && count <= MAX_LANES) return count;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MAX_LANES}.`);
}
