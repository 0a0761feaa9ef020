/**
 * `xfer client forget`.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import { clientFolder, KnownServers, readTransferInfo } from "../../../client/mod.ts";
import { type Address, formatAddress, parseAddress } from "../../../protocol/address.ts";
import { ConfigurationError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import type { Run } from "../../run.ts";
import type { CommonOptions } from "./connect.ts";
import { example } from "../../text/format.ts";

export function addForget(client: Command, run: Run): void {
  client.command("forget")
    .description("Forget the key of a server.\n\nThe next connection treats the server as new.")
    .argument("<host:port>", "address of the server, as in line 1 of transfer.info", parseServer)
    .addHelpText("after", example("xfer client forget files.example.org:1256"))
    .action(async (server: Address, _: unknown, command: Command) => {
      const { transferInfo } = command.optsWithGlobals<CommonOptions>();
      const known = new KnownServers(clientFolder(transferInfo));
      const where = formatAddress(server);
      if (!(await known.forget(server))) {
        const message = `${where} is not in ${printable(known.path)}`;
        const hint = await hintFor(where, transferInfo, await known.list());
        throw new ConfigurationError("server-not-known", message, { hint });
      }
      run.reporter.report({ event: "forgot", server: where });
    });
}

/** The hint for a server that is not in known_servers. */
async function hintFor(
  where: string,
  transferInfo: string,
  known: readonly unknown[],
): Promise<string> {
  const info = await readTransferInfo(transferInfo).catch(() => undefined);
  if (info?.fingerprint !== undefined && formatAddress(info.server) === where) {
    return "To accept another key of this server, write the line that it prints into line 1 of transfer.info.";
  }
  return known.length > 0
    ? "Run 'xfer client status' to see the known servers."
    : "Run the command in the folder where you used that server, or add " +
      "--transfer-info PATH.";
}

function parseServer(text: string): Address {
  const address = parseAddress(text.replace(/^xfer:\/\//, "").replace(/#.*$/, ""));
  if (address !== undefined) return address;
  throw new InvalidArgumentError("Expected HOST:PORT, such as files.example.org:1256.");
}
