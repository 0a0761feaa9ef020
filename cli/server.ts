/**
 * `xfer server`.
 *
 * @module
 */
import { Command, InvalidArgumentError, Option } from "commander";
import {
  type Address,
  type ClientWithFiles,
  exportFile,
  listStored,
  parseAddress,
  PORT_INFO,
  printable,
  readPortInfo,
  Server,
  toHex,
} from "../mod.ts";
import { SUCCESS } from "./exit_codes.ts";
import { configureLogs, LOG_FORMATS, type LogFormat } from "./logs.ts";
import { printResult } from "./output.ts";

const DEFAULT_HOSTNAME = "0.0.0.0";
const DEFAULT_PORT = 1256;
const DEFAULT_DATA = "./xfer-data";

interface DataOptions {
  readonly data: string;
}

interface ServeOptions extends DataOptions {
  readonly listen?: Address;
  readonly logFormat: LogFormat;
}

/** The command; `finish` takes the exit code. */
export function serverCommand(finish: (exitCode: number) => void): Command {
  const server = new Command("server")
    .description("Run the server: take files from clients and keep them.")
    .option("--data <dir>", "the folder that keeps everything", DEFAULT_DATA)
    .option(
      "--listen <host:port>",
      `where to listen (default: ${DEFAULT_HOSTNAME}, port of ${PORT_INFO} or ${DEFAULT_PORT})`,
      parseListen,
    )
    .addOption(
      new Option("--log-format <format>", "how the log on standard error is written")
        .choices(LOG_FORMATS).default("human"),
    )
    .addHelpText("after", SERVER_HELP)
    .action(async (options: ServeOptions) => finish(await serve(options)));
  server.command("list")
    .description("Print the clients and their files.")
    .addHelpText("after", LIST_HELP)
    .action(async (_options: unknown, command: Command) => {
      const { data } = command.optsWithGlobals<DataOptions>();
      for (const client of await listStored(data)) showClient(client);
      finish(SUCCESS);
    });
  server.command("export")
    .description("Write a stored file out, after a check that it is as it was stored.")
    .argument("<user>", "the name of the client")
    .argument("<name>", "the name of the file")
    .argument("<file>", "where to write it; must not exist")
    .addHelpText("after", EXPORT_HELP)
    .action(async (userName: string, fileName: string, target: string, _: unknown, c: Command) => {
      const { data } = c.optsWithGlobals<DataOptions>();
      const file = await exportFile({ dataFolder: data, userName, fileName, target });
      printResult(
        `Wrote ${printable(target)} (${file.size} bytes, cksum ${file.crc}): ` +
          `${printable(file.name)} of ${userName}`,
      );
      finish(SUCCESS);
    });
  return server;
}

const SERVER_HELP = `
Examples:
  $ xfer server
  $ xfer server --listen 127.0.0.1:4000 --data /srv/xfer --log-format json

It runs until SIGINT (Ctrl-C) or SIGTERM.`;

const LIST_HELP = `
Example:
  $ xfer server list --data /srv/xfer`;

const EXPORT_HELP = `
Example:
  $ xfer server export Alice report.pdf ./report-of-alice.pdf --data /srv/xfer`;

async function serve({ data, listen, logFormat }: ServeOptions): Promise<number> {
  const stopped = stopSignal();
  await configureLogs(logFormat);
  const port = async () => await readPortInfo(PORT_INFO) ?? DEFAULT_PORT;
  const server = await Server.start({
    listen: listen ?? { hostname: DEFAULT_HOSTNAME, port: await port() },
    dataFolder: data,
  });
  await stopped;
  await server.close();
  return SUCCESS;
}

function stopSignal(): Promise<void> {
  const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  return new Promise((resolve) => {
    for (const signal of signals) Deno.addSignalListener(signal, () => resolve());
  });
}

function showClient({ id, name, publicKey, firstSeen, lastSeen, files }: ClientWithFiles): void {
  const key = publicKey === undefined ? ", no key yet" : "";
  printResult(
    `${printable(name)}  id ${toHex(id)}  first seen ${time(firstSeen)}  last seen ${
      time(lastSeen)
    }${key}`,
  );
  const widths = { name: 0, size: 0, crc: 0 };
  const rows = files.map((file) => ({
    name: printable(file.name),
    size: `${file.size} bytes`,
    crc: `cksum ${file.crc}`,
    rest: `${time(file.storedAt)}  ${file.verified ? "verified" : "not verified"}  ${file.path}`,
  }));
  for (const row of rows) {
    for (const column of ["name", "size", "crc"] as const) {
      widths[column] = Math.max(widths[column], row[column].length);
    }
  }
  for (const { name, size, crc, rest } of rows) {
    const columns = [
      name.padEnd(widths.name),
      size.padStart(widths.size),
      crc.padEnd(widths.crc),
      rest,
    ];
    printResult(`  ${columns.join("  ")}`);
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

function parseListen(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) {
    throw new InvalidArgumentError("Expected HOST:PORT, such as 0.0.0.0:1256 or [::]:1256.");
  }
  return address;
}
