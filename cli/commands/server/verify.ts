/**
 * `xfer server verify`.
 *
 * @module
 */
import type { Command } from "commander";
import { throwIfAborted } from "../../../protocol/abort.ts";
import { isBackup, type StorePart, type Verified, verify } from "../../../server/mod.ts";
import { parsePart } from "../../arguments/part.ts";
import type { EventOf } from "../../events/mod.ts";
import { DAMAGED, SUCCESS } from "../../exit_codes.ts";
import type { Run } from "../../run.ts";
import { example, plural } from "../../text/format.ts";
import { reportAction } from "./report_action.ts";
import { addLocation, locationOf } from "./store_location.ts";

interface ChosenVerify {
  readonly repair?: boolean;
  readonly part?: StorePart;
}

/** Adds the command below `server`. */
export function addVerifyCommand(server: Command, run: Run): void {
  const command = server.command("verify")
    .description("Check every stored file against the catalog.")
    .option(
      "--repair",
      "move damaged files to quarantine/ (stop a server with a data folder first)",
    )
    .option(
      "--part <k/n>",
      "verify only one of several parts, such as 2/3, while other machines verify the others",
      parsePart,
    );
  addLocation(command, ["repair"])
    .addHelpText(
      "after",
      example(
        "xfer server verify --data /srv/xfer",
        "xfer server verify --repair",
        "xfer server verify --backup /mnt/backup",
        "xfer server verify --part 2/3",
      ),
    )
    .action(async ({ repair = false, part }: ChosenVerify, command: Command) => {
      const dataFolder = await locationOf(command);
      let moved = 0;
      const { findings, whole, catalogFaults } = await verify({
        ...{ dataFolder, repair, part, signal: run.signal },
        onFinding(verified) {
          if (verified.movedTo !== undefined) moved++;
          run.reporter.report(findingEvent(verified));
        },
        onIntact: ({ content: { id: path }, name }) =>
          run.reporter.report({ event: "sound-again", path, name }),
        onNotRecorded: (reason) =>
          run.reporter.report({ event: "not-recorded", reason, record: "damage" }),
      });
      for (const fault of catalogFaults) run.reporter.report({ event: "catalog-fault", fault });
      if (moved > 0 && !isBackup(dataFolder)) {
        const action = { action: "files-quarantined", subject: plural(moved, "file") };
        await reportAction({ run, command, data: dataFolder }, action);
      }
      const differences = findings + catalogFaults.length;
      const backup = isBackup(dataFolder) ? dataFolder.backup : undefined;
      run.reporter.report({
        ...{ event: "verified", differences, repaired: repair, whole, backup },
        part: part && `${part.number}/${part.count}`,
      });
      throwIfAborted(run.signal);
      run.finish(differences === 0 ? SUCCESS : DAMAGED);
    });
}

function findingEvent({ finding, user, movedTo }: Verified): EventOf<"finding"> {
  const { kind } = finding;
  return {
    ...{ event: "finding", finding: kind, user, movedTo },
    ...kind === "stray" ? finding : { ...finding.file, path: finding.file.content.id },
    how: kind === "changed" ? finding.what : undefined,
  };
}
