/**
 * `xfer server status`: the connections, rates and limits of a running server.
 *
 * @module
 */
import type { Command } from "commander";
import {
  type AskedServer,
  type HookReport,
  type RunningServer,
  withRunningServers,
} from "../../../server/mod.ts";
import { dataOf } from "../../configuration/options.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { isoTime } from "../../text/time.ts";
import { operatorName } from "./report_action.ts";

/** The time over which rates are measured, in milliseconds. */
const SAMPLE_MS = 1000;

/** Adds the command below `server`. */
export function addStatusCommand(server: Command, run: Run): void {
  server.command("status")
    .description("Show the connections, rates and limits of a running server.")
    .addHelpText("after", example("xfer server status --data /srv/xfer"))
    .action(async (_: unknown, command: Command) => {
      const data = await dataOf(command);
      await withRunningServers(data, operatorName(), async (servers) => {
        const before = await servers.status();
        await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
        for (const [i, server] of (await servers.status()).entries()) {
          report(run, server, before[i]?.name === server.name ? before[i]?.answer : undefined);
        }
      });
    });
}

/** `before`: its state a moment ago, if it answered then. */
function report(
  { reporter }: Run,
  { name: server, answer: status }: AskedServer<RunningServer>,
  before: RunningServer | undefined,
): void {
  if (status === undefined) return reporter.report({ event: "server-silent", server: `${server}` });
  const seconds = Math.max(1, status.now - (before?.now ?? status.now)) / 1000;
  const bytes = (state: RunningServer, i: number) => state.traffic[i]?.bytes ?? 0;
  const [uploads, downloads] = status.traffic.map(({ open, files, failed, bytes: all }, i) => ({
    ...{ open, files, failed, bytes: all },
    rate: Math.round((all - bytes(before ?? status, i)) / seconds),
  }));
  reporter.report({
    ...{ event: "server-status", server, started: isoTime(status.startedAt) },
    location: status.location,
    ...{ connections: status.connections, users: status.users },
    uploads: uploads ?? NONE,
    downloads: downloads ?? NONE,
    limitsReached: Object.entries(status.limitsReached)
      .map(([limit, count]) => ({ limit, count })),
    check: status.check && { ...status.check, progress: status.check.progress ?? undefined },
    ...status.hooks === undefined ? {} : { hooks: hooksIn(status.hooks) },
  });
}

function hooksIn({ waiting, oldest, dead, counts: { delivered, failed, dropped } }: HookReport) {
  return {
    ...{ waiting, dead, delivered, failed, dropped },
    ...oldest === undefined ? {} : { oldest: isoTime(oldest) },
  };
}

const NONE = { open: 0, files: 0, failed: 0, bytes: 0, rate: 0 };
