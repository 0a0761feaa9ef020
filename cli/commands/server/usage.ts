/**
 * `xfer server usage`.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import { MAX_TOP, measureUsage, type UserUsage } from "../../../server/mod.ts";
import type { Settings } from "../../configuration/configuration.ts";
import { configurationOf } from "../../configuration/options.ts";
import type { EventOf } from "../../events/mod.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { addLocation, locationOf } from "./store_location.ts";

const DEFAULT_TOP = 10;

/** Adds the command below `server`. */
export function addUsageCommand(server: Command, run: Run): void {
  const command = server.command("usage")
    .description("Show users by storage used, and the largest files.")
    .option(
      "--top <count>",
      `number of largest files to show, 0 to ${MAX_TOP} (default: ${DEFAULT_TOP})`,
      parseTop,
    );
  addLocation(command)
    .addHelpText("after", example("xfer server usage --top 20 --data /srv/xfer"))
    .action(async ({ top = DEFAULT_TOP }: { top?: number }, command: Command) => {
      const { settings } = await configurationOf(command);
      const { accounts, largest } = await measureUsage(await locationOf(command), { top });
      for (const account of accounts) run.reporter.report(usageEvent(account, settings));
      for (const file of largest) run.reporter.report({ event: "large-file", ...file });
    });
}

function usageEvent(
  { user, current, history, partialBytes, quota }: UserUsage,
  settings: Settings,
): EventOf<"account-usage"> {
  const { bytes = settings.quota.value, files = settings["quota-files"].value } = quota;
  const limit = (value: number) => value === Infinity ? "none" : value;
  return {
    ...{ event: "account-usage", user, ...current, partialBytes },
    ...{ historyFiles: history.files, historyBytes: history.bytes },
    quota: { bytes: limit(bytes), files: limit(files) },
  };
}

function parseTop(text: string): number {
  const top = /^[0-9]{1,4}$/.test(text) ? Number(text) : Infinity;
  if (top <= MAX_TOP) return top;
  throw new InvalidArgumentError(`Expected a whole number from 0 to ${MAX_TOP}.`);
}
