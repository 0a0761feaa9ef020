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
  LIMIT_NAMES,
  LIMITS,
  type Limits,
  type Listen,
  listStored,
  parseAddress,
  PORT_INFO,
  printable,
  readPortInfo,
  Server,
  toHex,
} from "../mod.ts";
import { killedBy, SUCCESS } from "./exit_codes.ts";
import { configureLogs, LOG_FORMATS, type LogFormat } from "./logs.ts";
import { printResult } from "./output.ts";
import { formatQuantity, parseQuantity, placeholderOf } from "./quantities.ts";

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
  readonly grace?: number;
}

/** How long files on their way may take after the first signal. */
const GRACE_MS = 30_000;

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
    .option(
      "--grace <time>",
      `how long files on their way may take to be stored when it stops (default: ${
        formatQuantity(GRACE_MS, "time")
      })`,
      (text) => parseQuantity(text, "time"),
    )
    .addHelpText("after", SERVER_HELP)
    .action(async (options: ServeOptions) => finish(await serve(options)));
  addLimits(server);
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
  $ xfer server --quota 10GB --max-file-size 1GiB --idle-timeout 5m

It runs until SIGINT (Ctrl-C) or SIGTERM; files on their way are still stored then. A second
signal ends it at once.`;

const LIST_HELP = `
Example:
  $ xfer server list --data /srv/xfer`;

const EXPORT_HELP = `
Example:
  $ xfer server export Alice report.pdf ./report-of-alice.pdf --data /srv/xfer`;

/** An option for each limit. */
function addLimits(server: Command): void {
  for (const name of LIMIT_NAMES) {
    const { option, unit, what, default: value } = LIMITS[name];
    const shown = formatQuantity(value, unit);
    server.addOption(
      new Option(`--${option} <${placeholderOf(unit)}>`, `${what} (default: ${shown})`)
        .argParser((text) => parseQuantity(text, unit)).helpGroup("Limits:"),
    );
  }
}

/** The limits that were named. */
function toLimits(options: Readonly<Record<string, unknown>>): Partial<Limits> {
  const named = LIMIT_NAMES.map((name) => [name, options[camelCase(LIMITS[name].option)]] as const);
  return Object.fromEntries(named.filter(([, value]) => value !== undefined));
}

/** As commander names the value of an option. */
function camelCase(option: string): string {
  return option.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

async function serve(options: ServeOptions): Promise<number> {
  const { data, listen, edition, logFormat, grace = GRACE_MS } = options;
  const stopped = stopSignal();
  await configureLogs(logFormat);
  const addresses = listen ?? [{
    hostname: DEFAULT_HOSTNAME,
    port: await readPortInfo(PORT_INFO) ?? DEFAULT_PORT,
  }];
  const server = await Server.start({
    listen: addresses.map((address) => edition ? { editions: edition, ...address } : address),
    dataFolder: data,
    limits: toLimits({ ...options }),
  });
  await stopped;
  await server.close(grace);
  return SUCCESS;
}

/** Resolves at the first signal to stop; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  return new Promise((resolve) => {
    let stopping = false;
    for (const signal of signals) {
      Deno.addSignalListener(signal, () => {
        if (stopping) Deno.exit(killedBy(signal));
        stopping = true;
        resolve();
      });
    }
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
