/**
 * Every setting of the server, in one table. Its option, its key in the file, its variable in the environment, the help,
 * the example file and the checks all come from here.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { type Address, MAX_PORT, parseAddress } from "../../protocol/address.ts";
import {
  type Advertised,
  DEFAULT_SERVED,
  type Edition,
  EDITIONS,
  findEdition,
  LIMIT_NAMES,
  type LimitDefinition,
  LIMITS,
  type ListenOptions,
  PORT_INFO,
  REGISTRATION_MODES,
  type RegistrationMode,
} from "../../server/mod.ts";
import { LOG_FORMATS, type LogFormat } from "../output/server_log.ts";
import { formatQuantity, parseQuantity, placeholderOf } from "../arguments/quantities.ts";

export interface Setting<T = unknown> {
  readonly group: "Data" | "Serving" | "Limits";
  /** What stands for the value in a command's help. */
  readonly placeholder: string;
  /** What it is, as a phrase. */
  readonly what: string;
  /** As it would be written. */
  readonly default: string;
  /** What help and documentation say in place of that. */
  readonly defaultWords?: string;
  /** Of a text, wherever it stands. Throws commander's `InvalidArgumentError`, which says what was expected. */
  readonly parse: (text: string) => T;
  /** What a value must be one of. */
  readonly choices?: readonly string[];
  /** What is between several values, where there may be several. */
  readonly separator?: " " | ",";
  /** Whether a file may have it as a number, without quotes. */
  readonly plainNumber?: boolean;
  /** Whether SIGHUP puts another value in force; for all else the server must be started again. */
  readonly reloadable?: boolean;
}

const DEFAULT_HOSTNAME = "0.0.0.0";
const DEFAULT_PORT = 1256;

const SERVING = {
  "data": {
    group: "Data",
    placeholder: "dir",
    what: "the folder that keeps everything",
    default: "./xfer-data",
    parse: parseFolder,
  },
  "listen": {
    group: "Serving",
    placeholder: "host:port[=editions]",
    what: "where to listen, and for which editions; may be repeated",
    default: `${DEFAULT_HOSTNAME}:${DEFAULT_PORT}`,
    defaultWords: `${DEFAULT_HOSTNAME}, port of ${PORT_INFO} or ${DEFAULT_PORT}`,
    separator: " ",
    parse: parseListen,
  },
  "tls-listen": {
    group: "Serving",
    placeholder: "host:port",
    what: 'where to speak protocol 4; "beside": at the port behind the first of listen, or any ' +
      'free one where that is taken; "none": nowhere',
    default: "beside",
    parse: parseTlsListen,
  },
  "advertise": {
    group: "Serving",
    placeholder: "host:port[,tls-port]",
    what: "the address that clients connect to, if it is not where the server listens (NAT, " +
      "containers); without a TLS port, protocol 4 is at the next port",
    default: "",
    defaultWords: "the machine's name, and the ports of listen and tls-listen",
    parse: parseAdvertised,
  },
  "tls-cert": {
    group: "Serving",
    placeholder: "file",
    what: "the certificate shown there, in PEM, with those up to its authority's; the file is " +
      "read again at SIGHUP",
    default: "",
    defaultWords: "a self-made one",
    parse: parsePath,
  },
  "tls-key": {
    group: "Serving",
    placeholder: "file",
    what: "its private key, in PEM; the file is read again at SIGHUP",
    default: "",
    defaultWords: "that of the self-made one",
    parse: parsePath,
  },
  "edition": {
    group: "Serving",
    placeholder: "names",
    what: "the editions of protocol 3 that are served, with commas between them",
    choices: EDITIONS.map(({ name }) => name),
    default: names(DEFAULT_SERVED),
    separator: ",",
    parse: parseEditions,
  },
  "registration": {
    group: "Serving",
    placeholder: "mode",
    what: "who may register: everybody, who is invited, nobody",
    choices: REGISTRATION_MODES,
    default: "open",
    reloadable: true,
    parse: (text: string): RegistrationMode => oneOf(REGISTRATION_MODES, text),
  },
  "log-format": {
    group: "Serving",
    placeholder: "format",
    what: "how the log on standard error is written",
    choices: LOG_FORMATS,
    default: "human",
    parse: (text: string): LogFormat => oneOf(LOG_FORMATS, text),
  },
  "grace": {
    group: "Serving",
    placeholder: "time",
    what: "how long uploads and downloads in progress may take to finish when it stops",
    default: "30s",
    reloadable: true,
    parse: (text: string): number => parseQuantity(text, "time"),
  },
} as const satisfies Readonly<Record<string, Setting>>;

type LimitKey = (typeof LIMITS)[keyof typeof LIMITS]["option"];

type LimitRow = LimitDefinition & { readonly option: LimitKey };

const LIMIT_SETTINGS = Object.fromEntries(LIMIT_NAMES.map((name) => {
  const { option, unit, what, default: value, least }: LimitRow = LIMITS[name];
  const setting: Setting<number> = {
    group: "Limits",
    placeholder: placeholderOf(unit),
    what,
    default: formatQuantity(value, unit),
    plainNumber: unit !== "time",
    reloadable: true,
    parse: (text) => parseQuantity(text, unit, least),
  };
  return [option, setting];
})) as Readonly<Record<LimitKey, Setting<number>>>;

const TABLE = { ...SERVING, ...LIMIT_SETTINGS };

/** A setting's name: its option without the dashes, its key in the file. */
export type Key = keyof typeof TABLE;
export type SettingValue<K extends Key> = ReturnType<(typeof TABLE)[K]["parse"]>;

export const SETTINGS: Readonly<Record<Key, Setting>> = TABLE;
export const KEYS = Object.keys(TABLE) as readonly Key[];

/** The option that names the file with the settings; it can't stand in there itself. */
export const CONFIG = "config";

/** The variable of the environment: `XFER_MAX_FILE_SIZE` for `max-file-size`. */
export function variableOf(key: Key | typeof CONFIG): string {
  return `XFER_${key.toUpperCase().replaceAll("-", "_")}`;
}

export function isKey(text: string): text is Key {
  return Object.hasOwn(TABLE, text);
}

/** The value of a setting that has this text. Throws commander's `InvalidArgumentError`. */
export function parseSetting<K extends Key>(key: K, text: string): SettingValue<K> {
  return TABLE[key].parse(text) as SettingValue<K>;
}

/** The text of several values. */
export function join(key: Key, texts: readonly string[]): string {
  return texts.join(SETTINGS[key].separator ?? "");
}

/** What `listen` is where a port is all that is known. */
export function listenAt(port: number): string {
  return `${DEFAULT_HOSTNAME}:${port}`;
}

function parseFolder(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("Expected the path of a folder.");
}

/** No text is no path. */
function parsePath(text: string): string | undefined {
  return text === "" ? undefined : text;
}

function parseListen(text: string): ListenOptions[] {
  return text.trim().split(/\s+/).map((one) => {
    const [where = "", editions] = one.split(/=(.*)/s);
    const address = parseAddress(where);
    if (address === undefined) {
      throw new InvalidArgumentError("Expected HOST:PORT, such as 0.0.0.0:1256 or [::]:1256.");
    }
    return editions === undefined ? address : { ...address, editions: parseEditions(editions) };
  });
}

function parseTlsListen(text: string): Address | "beside" | "none" {
  if (text === "none" || text === "beside") return text;
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new InvalidArgumentError('Expected HOST:PORT, such as 0.0.0.0:1257, "beside" or "none".');
}

/** No text advertises nothing. */
function parseAdvertised(text: string): Advertised | undefined {
  if (text === "") return undefined;
  const [where = "", tls] = text.split(/,(.*)/s);
  const address = parseAddress(where);
  const tlsPort = tls === undefined ? "next" : parseAddress(`host:${tls}`)?.port;
  const hasNext = address !== undefined && address.port < MAX_PORT;
  if (address?.port && tlsPort && (tlsPort !== "next" || hasNext)) return { address, tlsPort };
  throw new InvalidArgumentError(
    "Expected HOST:PORT or HOST:PORT,TLS-PORT, such as files.example.org:2256,2257.",
  );
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

function oneOf<T extends string>(choices: readonly T[], text: string): T {
  const choice = choices.find((choice) => choice === text);
  if (choice !== undefined) return choice;
  throw new InvalidArgumentError(`Expected one of ${choices.join(", ")}.`);
}
