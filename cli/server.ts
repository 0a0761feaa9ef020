/**
 * `xfer server`.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type Address,
  DEFAULT_SERVED,
  type Edition,
  EDITIONS,
  findEdition,
  parseAddress,
  UsageError,
} from "../protocol/mod.ts";
import {
  LIMIT_NAMES,
  LIMITS,
  type Limits,
  type Listen,
  PORT_INFO,
  readPortInfo,
  REGISTRATION_MODES,
  type RegistrationMode,
  Server,
  type TlsFiles,
} from "../server/mod.ts";
import { killedBy } from "./exit_codes.ts";
import { STOPPING } from "./interrupt.ts";
import { configureLogs, LOG_FORMATS, type LogFormat } from "./logs.ts";
import { formatQuantity, parseQuantity, placeholderOf } from "./quantities.ts";
import { addInviteCommand } from "./invite.ts";
import type { Reporter } from "./reporter.ts";
import type { Run } from "./run.ts";
import { addStoreCommands } from "./store.ts";
import { addUsersCommand } from "./users.ts";

const DEFAULT_HOSTNAME = "0.0.0.0";
const DEFAULT_PORT = 1256;
const DEFAULT_DATA = "./xfer-data";

interface DataOptions {
  readonly data: string;
}

interface ServeOptions extends DataOptions {
  readonly listen?: Listen[];
  readonly tlsListen?: Address | "none";
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly edition?: readonly Edition[];
  readonly registration: RegistrationMode;
  readonly logFormat: LogFormat;
  readonly grace?: number;
}

/** How long files on their way may take after the first signal. */
const GRACE_MS = 30_000;

/** Fills in the command. */
export function serverCommand(server: Command, run: Run): void {
  server
    .option("--data <dir>", "the folder that keeps everything", DEFAULT_DATA)
    .optionsGroup("Serving:")
    .option(
      "--listen <host:port[=editions]>",
      "where to listen, and for which editions; may be repeated " +
        `(default: ${DEFAULT_HOSTNAME}, port of ${PORT_INFO} or ${DEFAULT_PORT})`,
      parseListen,
    )
    .option(
      "--tls-listen <host:port>",
      'where to speak protocol 4, or "none" (default: the port behind the first of --listen, or ' +
        "any free one where that is taken)",
      parseTlsListen,
    )
    .option(
      "--tls-cert <file>",
      "the certificate shown there, in PEM, with those up to its authority's (default: a self-made " +
        "one); read again at SIGHUP",
    )
    .option("--tls-key <file>", "its private key, in PEM")
    .option(
      "--edition <names>",
      `the editions served, such as 2023c,2024 (default: ${names(DEFAULT_SERVED)})`,
      parseEditions,
    )
    .addOption(
      new Option("--registration <mode>", "who may register: everybody, who is invited, nobody")
        .choices(REGISTRATION_MODES).default("open"),
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
    .action(async (options: ServeOptions) => await serve(options, run.reporter));
  addLimits(server);
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

With a certificate from an authority, whose name clients verify:
  $ xfer server --tls-cert /etc/ssl/xfer/fullchain.pem --tls-key /etc/ssl/xfer/privkey.pem

It runs until SIGINT (Ctrl-C) or SIGTERM; files on their way are still stored then. A second
signal ends it at once.`;

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

async function serve(options: ServeOptions, reporter: Reporter): Promise<void> {
  const { data, listen, tlsListen = "beside", edition, logFormat, grace = GRACE_MS } = options;
  const tlsFiles = toTlsFiles(options);
  const stopped = stopSignal();
  await configureLogs(logFormat, reporter);
  const addresses = listen ?? [{
    hostname: DEFAULT_HOSTNAME,
    port: await readPortInfo(PORT_INFO) ?? DEFAULT_PORT,
  }];
  const server = await Server.start({
    listen: addresses.map((address) => edition ? { editions: edition, ...address } : address),
    dataFolder: data,
    ...(tlsListen === "none" ? {} : { tlsListen }),
    registration: options.registration,
    ...(tlsFiles === undefined ? {} : { tlsFiles }),
    limits: toLimits({ ...options }),
  });
  reloadAtSignal(server);
  await stopped;
  await server.close(grace);
}

/** Throws `UsageError` `tls-cert-and-key`, `tls-cert-unused`. */
function toTlsFiles({ tlsCert, tlsKey, tlsListen }: ServeOptions): TlsFiles | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    const [given, missing] = tlsKey === undefined
      ? ["--tls-cert", "--tls-key"]
      : ["--tls-key", "--tls-cert"];
    throw new UsageError("tls-cert-and-key", `${given} is given without ${missing}`, {
      hint: "Give both, or neither: the server makes its own then.",
    });
  }
  if (tlsListen === "none") {
    throw new UsageError("tls-cert-unused", "A certificate is of no use with --tls-listen none", {
      hint: "Leave one of them out.",
    });
  }
  return { certificate: tlsCert, key: tlsKey };
}

/** Windows has no such signal. */
function reloadAtSignal(server: Server): void {
  if (Deno.build.os === "windows") return;
  // What comes of it is in the log.
  Deno.addSignalListener("SIGHUP", () => void server.reload().catch(() => undefined));
}

/** Resolves at the first signal to stop; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let stopping = false;
    for (const signal of STOPPING) {
      Deno.addSignalListener(signal, () => {
        if (stopping) Deno.exit(killedBy(signal));
        stopping = true;
        resolve();
      });
    }
  });
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

function parseTlsListen(text: string): Address | "none" {
  if (text === "none") return text;
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new InvalidArgumentError('Expected HOST:PORT, such as 0.0.0.0:1257, or "none".');
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
