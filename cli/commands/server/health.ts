/**
 * `xfer server health`: whether the running server is ready.
 *
 * @module
 */
import type { Command } from "commander";
import { ConfigurationError, NetworkError } from "../../../protocol/errors.ts";
import { isLocal, readHealth } from "../../../server/mod.ts";
import { configurationOf } from "../../configuration/options.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";

/** Adds the command below `server`. */
export function addHealthCommand(server: Command, run: Run): void {
  server.command("health")
    .description(`Check whether the running server is ready.\n\n${NOTES}`)
    .addHelpText("after", example("xfer server health --config server.toml"))
    .action(async (_: unknown, command: Command) => {
      const { settings } = await configurationOf(command);
      const addresses = settings["admin-listen"].value;
      if (addresses.length === 0) throw notSet("admin-listen is not set");
      const address = addresses.find(isLocal);
      if (address === undefined) throw notSet("admin-listen has no address of this machine alone");
      const { ready, checks } = await readHealth(address);
      const all = Object.entries(checks);
      for (const [check, { ok, ms, reason }] of all) {
        run.reporter.report({ event: "health-check", check, ok, ms, reason });
      }
      if (ready) return;
      const failed = all.filter(([, { ok }]) => !ok).map(([check]) => check).join(", ");
      throw new NetworkError("not-ready", `the server is not ready: ${failed}`, {
        hint: "See its log for the reasons.",
      });
    });
}

const NOTES = `\
The server needs admin-listen, in the file of --config or in XFER_ADMIN_LISTEN. Other programs can ask
http://ADDRESS/readyz.`;

function notSet(what: string): ConfigurationError {
  return new ConfigurationError("no-admin-port", `cannot ask the server: ${what}`, {
    hint: "Name the server's settings with --config FILE, or add 127.0.0.1:9256 to admin-listen " +
      "there and restart the server.",
  });
}
