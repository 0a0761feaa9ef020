/**
 * `xfer server sessions`: the open connections of a running server.
 *
 * @module
 */
import type { Command } from "commander";
import { printable } from "../../../protocol/printable.ts";
import { UsageError } from "../../../protocol/errors.ts";
import { callServer, type SessionStatus } from "../../../server/mod.ts";
import { dataOf } from "../../configuration/options.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { isoTime } from "../../text/time.ts";
import { operatorName } from "./report_action.ts";

/** Adds the command below `server`. */
export function addSessionsCommand(server: Command, run: Run): void {
  server.command("sessions")
    .description("List the open connections of a running server, with their transfers, or end one.")
    .option("--end <id>", "end the connection with this id")
    .addHelpText(
      "after",
      example("xfer server sessions --data /srv/xfer", "xfer server sessions --end 3f9a1c07"),
    )
    .action(async ({ end }: { end?: string }, command: Command) => {
      const data = await dataOf(command);
      if (end !== undefined) {
        if (await callServer(data, "end", { id: end, operator: operatorName() }) !== true) {
          throw new UsageError(
            "no-such-session",
            `no open connection has the id ${printable(end)}`,
            {
              hint: "To see all of them, run 'xfer server sessions'.",
            },
          );
        }
        return run.reporter.report({ event: "session-ended", id: end });
      }
      const sessions = await callServer(data, "sessions") as readonly SessionStatus[];
      if (sessions.length === 0) run.reporter.remark(() => "No open connections");
      for (const { user, since, transfers, ...session } of sessions) {
        run.reporter.report({
          ...{ event: "session", ...session, user: user ?? undefined, since: isoTime(since) },
          transfers: transfers.map(({ since, size, ...rest }) => ({
            ...{ ...rest, size: size ?? undefined, since: isoTime(since) },
          })),
        });
      }
    });
}
