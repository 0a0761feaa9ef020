/**
 * `xfer server`.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { Command } from "commander";
import { Server } from "../../../server/mod.ts";
import { addSettings, configurationOf } from "../../configuration/options.ts";
import { toServerOptions } from "../../configuration/server_options.ts";
import { killedBy } from "../../exit_codes.ts";
import { STOPPING } from "../../signals.ts";
import { addInviteCommand } from "./invite.ts";
import { configureLogs } from "../../output/server_log.ts";
import { Reloader } from "./reload.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import { addConfigCommand } from "./config.ts";
import { addStoreCommands } from "./files.ts";
import { addUsersCommand } from "./users.ts";

/** Fills in the command. */
export function serverCommand(server: Command, run: Run): void {
  addSettings(server);
  for (const option of ["config", "data"]) run.addPlace(server, option);
  server
    .addHelpText("after", SERVER_HELP)
    .action(async (_: unknown, command: Command) => await serve(command, run.reporter));
  addConfigCommand(server, run);
  addStoreCommands(server, run);
  addUsersCommand(server, run);
  addInviteCommand(server, run);
}

const SERVER_HELP = `
Examples:
  $ xfer server
  $ xfer server --listen 127.0.0.1:4000 --data /srv/xfer --log-format json
  $ xfer server --listen 0.0.0.0:1256 --listen 0.0.0.0:1257=2024early
  $ xfer server --quota 10GB --max-file-size 1GiB --idle-timeout 5m

Each option may stand in a file as well, or in the environment (XFER_QUOTA=10GB):
  $ xfer server config --example > server.toml
  $ xfer server --config server.toml

With a certificate from an authority, whose name clients verify:
  $ xfer server --tls-cert /etc/xfer/cert.pem --tls-key /etc/xfer/key.pem

It runs until SIGINT (Ctrl-C) or SIGTERM; files on their way are still stored then. A second
signal ends it at once.`;

async function serve(command: Command, reporter: Reporter): Promise<void> {
  const stopped = stopSignal();
  const reloading = Promise.withResolvers<Reloader>();
  // It may come while the server starts, and would end it. Windows has no such signal.
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGHUP", () => void reloading.promise.then((one) => one.reload()));
  }
  const { settings } = await configurationOf(command);
  await configureLogs(settings["log-format"].value, reporter);
  const server = await Server.start(toServerOptions(settings));
  const reloader = new Reloader(server, settings, () => configurationOf(command));
  reloading.resolve(reloader);
  await stopped;
  await server.close(reloader.inForce.grace.value);
}

/** Resolves at the first signal to stop; a second one ends the process at once. Both are logged. */
function stopSignal(): Promise<void> {
  const log = getLogger(["xfer", "server"]);
  return new Promise((resolve) => {
    let stopping = false;
    for (const signal of STOPPING) {
      Deno.addSignalListener(signal, () => {
        if (stopping) {
          log.warn("{signal} again: ended at once", { event: "server.ended", signal });
          Deno.exit(killedBy(signal));
        }
        stopping = true;
        log.info("{signal}: the server stops; a second signal ends it at once", {
          event: "server.signal",
          signal,
        });
        resolve();
      });
    }
  });
}
