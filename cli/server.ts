/**
 * `xfer server`.
 *
 * @module
 */
import { Command, InvalidArgumentError, Option } from "commander";
import {
  type ClientWithFiles,
  DEFAULT_SERVED,
  type Edition,
  EDITIONS,
  exportFile,
  findEdition,
  type Listen,
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
  readonly listen?: Listen[];
  readonly edition?: readonly Edition[];
  readonly logFormat: LogFormat;
}

/** The command; `finish` takes the exit code. */
export function serverCommand(finish: (exitCode: number) => void): Command {
  const server = new Command("server")
    .description("Run the server: take files from clients and keep them.")
    .option("--data <dir>", "the folder that keeps everything", DEFAULT_DATA)
    .option(
      "--listen <host:port[=editions]>",
      "where to listen, and for which editions; may be repeated " +
        `(default: ${DEFAULT_HOSTNAME}, port of ${PORT_INFO} or ${DEFAULT_PORT})`,
      parseListen,
    )
    .option(
      "--edition <names>",
      `the editions served, such as 2023c,2024 (default: ${names(DEFAULT_SERVED)})`,
      parseEditions,
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
  $ xfer server --listen 0.0.0.0:1256 --listen 0.0.0.0:1257=2024early

It runs until SIGINT (Ctrl-C) or SIGTERM.`;

const LIST_HELP = `
Example:
  $ xfer server list --data /srv/xfer`;

const EXPORT_HELP = `
Example:
  $ xfer server export Alice report.pdf ./report-of-alice.pdf --data /srv/xfer`;

async function serve({ data, listen, edition, logFormat }: ServeOptions): Promise<number> {
  const stopped = stopSignal();
  await configureLogs(logFormat);
  const addresses = listen ?? [{
    hostname: DEFAULT_HOSTNAME,
    port: await readPortInfo(PORT_INFO) ?? DEFAULT_PORT,
  }];
  const server = await Server.start({
    listen: addresses.map((address) => edition ? { editions: edition, ...address } : address),
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

function showClient(
  { id, name, publicKey, firstSeen, lastSeen, speech, files }: ClientWithFiles,
): void {
  const key = publicKey === undefined ? ", no key yet" : "";
  printResult(
    `${printable(name)}  id ${toHex(id)}  edition ${speech.edition}  first seen ${
      time(firstSeen)
    }  last seen ${time(lastSeen)}${key}`,
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

function parseListen(text: string, before: readonly Listen[] = []): Listen[] {
  const [where = "", editions] = text.split(/=(.*)/s);
  const address = parseAddress(where);
  if (address === undefined) {
    throw new InvalidArgumentError("Expected HOST:PORT, such as 0.0.0.0:1256 or [::]:1256.");
  }
  const listen = editions === undefined
    ? address
    : { ...address, editions: parseEditions(editions) };
  return [...before, listen];
}

function parseEditions(text: string): Edition[] {
  return text.split(",").map((name) => {
    const edition = findEdition(name);
    if (edition !== undefined) return edition;
    throw new InvalidArgumentError(`Expected editions out of ${names(EDITIONS)}.`);
  });
}

function names(editions: readonly Edition[]): string {
  return editions.map(({ name }) => name).join(",");
}
