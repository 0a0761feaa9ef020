/**
 * `xfer server status`: what a running server does.
 *
 * @module
 */
import type { Command } from "commander";
import { callServer, type RunningServer } from "../../../server/mod.ts";
import { dataOf } from "../../configuration/options.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { isoTime } from "../../text/time.ts";

/** The time over which rates are measured, in milliseconds. */
const SAMPLE_MS = 1000;

/** Adds the command below `server`. */
export function addStatusCommand(server: Command, run: Run): void {
  server.command("status")
    .description("Show what a running server does.")
    .addHelpText("after", example("xfer server status --data /srv/xfer"))
    .action(async (_: unknown, command: Command) => {
      const data = await dataOf(command);
      const ask = async () => await callServer(data, "status") as RunningServer;
      const before = await ask();
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
      const status = await ask();
      const seconds = Math.max(1, status.now - before.now) / 1000;
      const bytes = ({ traffic }: RunningServer, i: number) => traffic[i]?.bytes ?? 0;
      const [uploads, downloads] = status.traffic.map(({ files, failed, bytes: all }, i) => ({
        ...{ files, failed, bytes: all },
        rate: Math.round((bytes(status, i) - bytes(before, i)) / seconds),
      }));
      run.reporter.report({
        ...{ event: "server-status", started: isoTime(status.startedAt) },
        ...{ connections: status.connections, users: status.users },
        uploads: uploads ?? NONE,
        downloads: downloads ?? NONE,
        limitsReached: Object.entries(status.limitsReached)
          .map(([limit, count]) => ({ limit, count })),
      });
    });
}

const NONE = { files: 0, failed: 0, bytes: 0, rate: 0 };
