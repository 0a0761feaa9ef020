/**
 * `xfer server`.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { Command } from "commander";
import { reasonOf } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import { Server } from "../../../server/mod.ts";
import { addSettings, configurationOf } from "../../configuration/options.ts";
import { logsIn, shownSettings, toServerOptions } from "../../configuration/server_options.ts";
import { killedBy } from "../../exit_codes.ts";
import { STOPPING } from "../../signals.ts";
import { addInviteCommand } from "./invite.ts";
import { openLogs } from "../../output/server_logs.ts";
import { Reloader } from "./reload.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { addServerInitCommand } from "./init.ts";
import { addConfigCommand } from "./config.ts";
import { addAdminLinkCommand } from "./admin_link.ts";
import { addBackupCommand } from "./backup.ts";
import { addCheckCommand } from "./check.ts";
import { addExportCommand } from "./export.ts";
import { addHooksCommand } from "./hooks.ts";
import { addImportCommand } from "./import.ts";
import { addHealthCommand } from "./health.ts";
import { addListCommand } from "./list.ts";
import { addMigrateCommand } from "./migrate.ts";
import { addRestoreCommand } from "./restore.ts";
import { addUsageCommand } from "./usage.ts";
import { addVerifyCommand } from "./verify.ts";
import { addSessionsCommand } from "./sessions.ts";
import { addStatusCommand } from "./status.ts";
import { addUsersCommand } from "./users.ts";
import { ServiceManager } from "./service_manager.ts";

/** Adds options and subcommands to the command. */
export function serverCommand(server: Command, run: Run): void {
  addSettings(server);
  for (const option of ["config", "data"]) run.addPlace(server, option);
  server
    .addHelpText("after", HELP)
    .action(async (_: unknown, command: Command) => await serve(command, run.reporter))
    .hook("preAction", giveUpLibraries);
  addServerInitCommand(server, run);
  addConfigCommand(server, run);
  addStatusCommand(server, run);
  addSessionsCommand(server, run);
  addHealthCommand(server, run);
  addAdminLinkCommand(server, run);
  addHooksCommand(server, run);
  addListCommand(server, run);
  addUsageCommand(server, run);
  addImportCommand(server, run);
  addExportCommand(server, run);
  addVerifyCommand(server, run);
  addCheckCommand(server, run);
  addBackupCommand(server, run);
  addRestoreCommand(server, run);
  addMigrateCommand(server, run);
  addUsersCommand(server, run);
  addInviteCommand(server, run);
}

const HELP = example("xfer server --data /srv/xfer --quota 10GB --registration invite");

/** Gives up a permission that only the client still needs, for this process and its threads. */
async function giveUpLibraries(): Promise<void> {
  await Deno.permissions.revoke({ name: "ffi" });
}

async function serve(command: Command, reporter: Reporter): Promise<void> {
  const stopped = stopSignal();
  const reloading = Promise.withResolvers<Reloader>();
  // SIGHUP would end a server that is still starting. Windows has no such signal.
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGHUP", () => void reloading.promise.then((one) => one.reload()));
  }
  const { settings } = await configurationOf(command);
  await using logs = await openLogs(logsIn(settings), reporter);
  let reloader: Reloader | undefined = undefined;
  const shown = () => shownSettings(reloader?.effective ?? settings);
  const server = await Server.start({
    ...toServerOptions(settings, shown),
    ...{ onAccess: logs.onAccess, control: true },
  }).catch((error) => {
    if (settings["log-file"].value !== undefined) logFailure(error);
    throw error;
  });
  const reread = () => {
    logs.reopen();
    return configurationOf(command);
  };
  reloader = new Reloader(server, settings, reread);
  reloading.resolve(reloader);
  using manager = new ServiceManager();
  manager.ready();
  await Promise.race([stopped, server.closed]);
  manager.stopping();
  await server.close(reloader.effective.grace.value);
}

/** Tells those who read only the log why the server does not run. Standard error has the same. */
function logFailure(error: unknown): void {
  getLogger(["xfer", "server"]).error("Could not start: {reason}", {
    event: "server.not-started",
    reason: printable(reasonOf(error)),
  });
}

/** Resolves at the first signal to stop; a second one ends the process at once. Logs both. */
function stopSignal(): Promise<void> {
  const log = getLogger(["xfer", "server"]);
  return new Promise((resolve) => {
    let stopping = false;
    for (const signal of STOPPING) {
      Deno.addSignalListener(signal, () => {
        if (stopping) {
          log.warn("Stopped at once by a second {signal}", { event: "server.ended", signal });
          Deno.exit(killedBy(signal));
        }
        stopping = true;
        log.info("Received {signal}: stopping; a second signal stops the server at once", {
          event: "server.signal",
          signal,
        });
        resolve();
      });
    }
  });
}
