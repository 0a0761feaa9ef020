/**
 * `xfer server admin-link`: a link to the operator's page.
 *
 * @module
 */
import type { Command } from "commander";
import {
  ADMIN_LINK_LIFE_MS,
  adminLink,
  type AdminLinkSource,
  clusterPageKey,
} from "../../../server/mod.ts";
import { configurationOf } from "../../configuration/options.ts";
import type { Settings } from "../../configuration/configuration.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { isoTime } from "../../text/time.ts";

/** Adds the command below `server`. */
export function addAdminLinkCommand(server: Command, run: Run): void {
  server.command("admin-link")
    .description(`Print a link to the operator's page of a running server.\n\n${NOTES}`)
    .addHelpText("after", example("xfer server admin-link --data /srv/xfer"))
    .action(async (_: unknown, command: Command) => {
      const { settings } = await configurationOf(command);
      const now = Date.now();
      const url = await adminLink(await sourceIn(settings), now);
      const expires = isoTime(now + ADMIN_LINK_LIFE_MS);
      run.reporter.report({ event: "admin-link", url, expires });
    });
}

const NOTES = `\
The link works once, within ten minutes. The server needs admin-listen.`;

async function sourceIn(settings: Settings): Promise<AdminLinkSource> {
  if (settings.catalog.value === undefined) return { dataFolder: settings.data.value };
  return {
    key: await clusterPageKey(),
    name: settings["server-name"].value ?? Deno.hostname(),
    addresses: settings["admin-listen"].value,
  };
}
