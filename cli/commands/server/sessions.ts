/**
 * `xfer server sessions`: the open connections of a running server.
 *
 * @module
 */
import type { Command } from "commander";
import { printable } from "../../../protocol/printable.ts";
import { UsageError } from "../../../protocol/errors.ts";
import {
  type AskedServer,
  type OpenSessions,
  type RunningServers,
  withRunningServers,
} from "../../../server/mod.ts";
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
      await withRunningServers(data, operatorName(), async (servers) => {
        if (end !== undefined) return await endSession(run, servers, end);
        const all = await servers.sessions();
        const isEmpty = all.every(({ answer }) => answer?.sessions.length === 0);
        if (isEmpty) run.reporter.remark(() => "No open connections");
        for (const server of all) list(run, server);
      });
    });
}

async function endSession({ reporter }: Run, servers: RunningServers, id: string): Promise<void> {
  if (await servers.end(id)) return reporter.report({ event: "session-ended", id });
  throw new UsageError("no-such-session", `no open connection has the id ${printable(id)}`, {
    hint: "To see all of them, run 'xfer server sessions'.",
  });
}

function list({ reporter }: Run, { name: server, answer }: AskedServer<OpenSessions>): void {
  if (answer === undefined) return reporter.report({ event: "server-silent", server: `${server}` });
  for (const { user, since, transfers, ...session } of answer.sessions) {
    reporter.report({
      ...{ event: "session", server, ...session, user: user ?? undefined, since: isoTime(since) },
      transfers: transfers.map(({ direction, file, size, progress, rate, since }) => ({
        ...{ direction, file, size: size ?? undefined, progress, rate, since: isoTime(since) },
      })),
    });
  }
  const { omitted } = answer;
  if (omitted > 0) reporter.report({ event: "sessions-omitted", server: `${server}`, omitted });
}
