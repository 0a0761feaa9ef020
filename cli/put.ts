/**
 * `xfer client put` by protocol 4.
 *
 * @module
 */
import { putFiles, type PutOutcome, type TransferInfo } from "../client/mod.ts";
import { formatAddress, printable } from "../protocol/mod.ts";
import { exitCodeOf, SUCCESS } from "./exit_codes.ts";
import { printError, printNote, printResult } from "./output.ts";
import { type CommonOptions, secureOptions } from "./secure.ts";
import { type TransferChoice, transferOptions } from "./transfer_options.ts";

export interface PutChoice extends TransferChoice {
  readonly as?: string;
}

/** Sends files and folders; returns the exit code. */
export async function putSecurely(
  info: TransferInfo,
  common: CommonOptions,
  paths: readonly string[],
  choice: PutChoice,
): Promise<number> {
  const server = formatAddress(info.server);
  const outcomes = await putFiles({
    ...await secureOptions(info, common),
    ...transferOptions(choice),
    ...{ paths, as: choice.as },
    onPassed: (path, why) => printNote(`Left out, ${why}: ${printable(path)}`),
    onOutcome: (outcome, name) => {
      if (outcome.state === "unchanged") return;
      if (outcome.state === "stored") {
        const { file: { size }, crc } = outcome;
        const what = `${printable(name)} (${size} bytes, cksum ${crc})`;
        return printResult(`Stored ${what} for ${info.userName} on ${server}`);
      }
      printError(outcome.error);
      const words = outcome.state === "unknown" ? "Not known whether stored" : "Not stored";
      printNote(`${words}: ${printable(outcome.file.path)}`);
    },
  });
  if (outcomes.length !== 1 || outcomes[0]?.state === "unchanged") printNote(summary(outcomes));
  for (const outcome of outcomes) {
    if ("error" in outcome) return exitCodeOf(outcome.error);
  }
  return SUCCESS;
}

function summary(outcomes: readonly PutOutcome[]): string {
  const stored = outcomes.filter(({ state }) => state === "stored");
  const unchanged = outcomes.filter(({ state }) => state === "unchanged").length;
  const bytes = stored.reduce((sum, { file }) => sum + file.size, 0);
  const failed = outcomes.length - stored.length - unchanged;
  return `Stored ${stored.length} (${bytes} bytes), unchanged ${unchanged}, failed ${failed}`;
}
