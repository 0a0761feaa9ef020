/**
 * Options of both directions of protocol 4.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import {
  type DiscoveredServer,
  MAX_PARALLEL,
  MIN_RATE,
  type PutOptions,
  RateLimit,
} from "../../../client/mod.ts";
import { parseQuantity } from "../../arguments/quantities.ts";
import type { V4Options } from "./connect.ts";

export interface TransferChoice {
  readonly exclude?: string[];
  /** Bytes a second. */
  readonly limitRate?: number;
  readonly parallel?: number;
}

/** Adds them to a command, with what its other options say where they are not protocol 3's. */
export function addTransferOptions(command: Command, note = ""): Command {
  return command
    .option(
      "--exclude <pattern>",
      `of folders, leave out what matches, as in a .gitignore; again for more${note}`,
      (pattern: string, before: string[] = []) => [...before, pattern],
    )
    .option("--limit-rate <rate>", `bytes a second at most, such as 2MB${note}`, parseRate)
    .option(
      "--parallel <n>",
      `connections at once, 1 (as without) to ${MAX_PARALLEL}${note}`,
      parseParallel,
    );
}

/** Behind the help of a command with these options. */
export const EXCLUDE_HELP = `
Patterns of --exclude are those of a .gitignore at the top of each folder:
  *.o        what has such a name, anywhere
  /build     build at the top alone;  build/  folders alone
  a/**/z     z at any depth below a
  !keep.o    not left out after all: the last one wins
What is in a folder that is left out can't be taken in again.`;

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
  throw new InvalidArgumentError(`Expected at least ${MIN_RATE} bytes a second.`);
}

function parseParallel(text: string): number {
  const count = Number(text);
  if (/^\d{1,3}$/.test(text) && count >= 1 && count <= MAX_PARALLEL) return count;
  throw new InvalidArgumentError(`Expected a whole number, from 1 to ${MAX_PARALLEL}.`);
}
