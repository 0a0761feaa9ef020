/**
 * Every setting of the server, in one table: the source of options, keys of the file, environment variables, help, the
 * example file and checks.
 *
 * @module
 */
import {
  DEFAULT_HOOK_KINDS,
  DEFAULT_SERVED,
  type Edition,
  EDITIONS,
  HOOK_KINDS,
  LIMIT_NAMES,
  type LimitDefinition,
  LIMITS,
  REGISTRATION_MODES,
  type RegistrationMode,
} from "../../server/mod.ts";
import { type Rotation, ROTATIONS } from "../output/log_rotation.ts";
import { LOG_FORMATS, type LogFormat } from "../output/server_log.ts";
import { formatQuantity, parseQuantity, placeholderOf } from "../arguments/quantities.ts";
import {
  oneOf,
  parseAdminListen,
  parseAdvertised,
  parseEditions,
  parseFolder,
  parseHookEvents,
  parseHookUrl,
  parseKeep,
  parseListen,
  parseNetworks,
  parsePath,
  parseServerName,
  parseStore,
  parseTlsListen,
  POSTGRES,
  S3,
} from "./parsers.ts";

export interface Setting<T = unknown> {
  readonly group: "Basics" | "Serving" | "Stores" | "Limits" | "Protocol 3";
  /** The placeholder of the value in a command's help. */
  readonly placeholder: string;
  /** Its meaning, as a phrase. */
  readonly what: string;
  /** As a text. */
  readonly default: string;
  /** The default in help and documentation, if the text would not explain it. */
  readonly defaultWords?: string;
  /** Parses a text from any source. Throws commander's `InvalidArgumentError`, with the expected form. */
  readonly parse: (text: string) => T;
  /** The possible values. */
  readonly choices?: readonly string[];
  /** The separator of several values. */
  readonly separator?: " " | ",";
  /** Whether a file may have the value as a number, without quotes. */
  readonly plainNumber?: boolean;
  /** Whether the value is a URL, in which nobody should write a password. */
  readonly isUrl?: boolean;
  /** Whether the query of that URL can be a secret. */
  readonly hidesQuery?: boolean;
  /** Whether SIGHUP applies a new value. Other settings need a restart. */
  readonly reloadable?: boolean;
}

const HOOK_HTTP = ["loopback", "any"] as const;

const DEFAULT_HOSTNAME = "0.0.0.0";
const DEFAULT_PORT = 1256;

const SERVER = {
  "data": {
    group: "Basics",
    placeholder: "dir",
    what: "data folder",
    default: "./xfer-data",
    parse: parseFolder,
  },
  "listen": {
    group: "Basics",
    placeholder: "host:port",
    what: "address; may be repeated",
    default: `${DEFAULT_HOSTNAME}:${DEFAULT_PORT}`,
    defaultWords: `${DEFAULT_HOSTNAME}:${DEFAULT_PORT}`,
    separator: " ",
    parse: parseListen,
  },
  "registration": {
    group: "Basics",
    placeholder: "mode",
    what: "new accounts: open, invite or closed",
    choices: REGISTRATION_MODES,
    default: "open",
    reloadable: true,
    parse: (text: string): RegistrationMode => oneOf(REGISTRATION_MODES, text),
  },
  "tls-listen": {
    group: "Serving",
    placeholder: "host:port",
    what: 'address for protocol 4; "beside": the next port, or any free one; "none": off',
    default: "beside",
    parse: parseTlsListen,
  },
  "advertise": {
    group: "Serving",
    placeholder: "host:port",
    what:
      "address for clients, if it differs (NAT, containers); host:port,tls-port if the TLS port is " +
      "not the next one",
    default: "",
    defaultWords: "the host name, with the ports of --listen and --tls-listen",
    parse: parseAdvertised,
  },
  "proxy-protocol": {
    group: "Serving",
    placeholder: "cidr",
    what: "networks of load balancers that send the PROXY protocol; may be repeated",
    default: "",
    defaultWords: "none",
    separator: " ",
    parse: parseNetworks,
  },
  "tls-cert": {
    group: "Serving",
    placeholder: "file",
    what: "PEM file of the TLS certificate and its intermediates",
    default: "",
    defaultWords: "a self-signed certificate",
    parse: parsePath,
  },
  "tls-key": {
    group: "Serving",
    placeholder: "file",
    what: "PEM file of the private key of --tls-cert",
    default: "",
    defaultWords: "the key of the self-signed certificate",
    parse: parsePath,
  },
  "log-format": {
    group: "Serving",
    placeholder: "format",
    what: "format of the log: human or json",
    choices: LOG_FORMATS,
    default: "human",
    parse: (text: string): LogFormat => oneOf(LOG_FORMATS, text),
  },
  "admin-listen": {
    group: "Serving",
    placeholder: "address",
    what: "address of the operator's HTTP port: host:port or unix:path; may be repeated",
    default: "",
    defaultWords: "none",
    separator: " ",
    parse: parseAdminListen,
  },
  "admin-token-file": {
    group: "Serving",
    placeholder: "file",
    what: "file with the token that other machines need to read metrics at --admin-listen",
    default: "",
    defaultWords: "none",
    parse: parsePath,
  },
  "server-name": {
    group: "Serving",
    placeholder: "name",
    what: "name of this server in metrics and among servers that share a catalog",
    default: "",
    defaultWords: "the host name",
    parse: parseServerName,
  },
  "hook-url": {
    group: "Serving",
    placeholder: "url",
    what: "URL to which the server posts events about files and accounts",
    default: "",
    defaultWords: "none",
    isUrl: true,
    hidesQuery: true,
    parse: parseHookUrl,
  },
  "hook-secret-file": {
    group: "Serving",
    placeholder: "file",
    what: "file with the secret that signs events for --hook-url",
    default: "",
    defaultWords: "$XFER_HOOK_SECRET",
    parse: parsePath,
  },
  "hook-events": {
    group: "Serving",
    placeholder: "names",
    what: `events for --hook-url, separated by commas: ${HOOK_KINDS.join(", ")}`,
    choices: HOOK_KINDS,
    default: DEFAULT_HOOK_KINDS.join(","),
    separator: ",",
    parse: parseHookEvents,
  },
  "hook-http": {
    group: "Serving",
    placeholder: "where",
    what: "receivers that --hook-url may reach without TLS: loopback or any",
    choices: HOOK_HTTP,
    default: "loopback",
    parse: (text: string) => oneOf(HOOK_HTTP, text),
  },
  "log-file": {
    group: "Serving",
    placeholder: "file",
    what: "file for the log; reopened on SIGHUP",
    default: "",
    defaultWords: "standard error",
    parse: parsePath,
  },
  "access-log": {
    group: "Serving",
    placeholder: "file",
    what:
      "file for a line about each uploaded, downloaded, renamed or removed file, in Common Log " +
      "Format; reopened on SIGHUP",
    default: "",
    defaultWords: "none",
    parse: parsePath,
  },
  "log-rotate-size": {
    group: "Serving",
    placeholder: "size",
    what: "size at which log files are rotated",
    default: "64MiB",
    plainNumber: true,
    parse: (text: string): number => parseQuantity(text, "size", 1024),
  },
  "log-rotate": {
    group: "Serving",
    placeholder: "interval",
    what: "rotation of log files by time: none, hourly, or daily at midnight",
    choices: ROTATIONS,
    default: "daily",
    parse: (text: string): Rotation => oneOf(ROTATIONS, text),
  },
  "log-keep": {
    group: "Serving",
    placeholder: "count",
    what: "number of rotated log files to keep",
    default: "14",
    plainNumber: true,
    parse: parseKeep,
  },
  "grace": {
    group: "Serving",
    placeholder: "time",
    what: "time for transfers in progress to finish when the server stops",
    default: "30s",
    reloadable: true,
    parse: (text: string): number => parseQuantity(text, "time"),
  },
  "catalog": {
    group: "Stores",
    placeholder: "url",
    what: "accounts and names of files: postgres://USER@HOST/DB, or sqlite, in the data folder",
    default: "sqlite",
    isUrl: true,
    parse: (text: string) => parseStore(text, "sqlite", POSTGRES, "postgres://USER@HOST/DB"),
  },
  "blobs": {
    group: "Stores",
    placeholder: "url",
    what: "contents of files: s3://BUCKET/PREFIX, or disk, in the data folder",
    default: "disk",
    isUrl: true,
    parse: (text: string) => parseStore(text, "disk", S3, "s3://BUCKET/PREFIX"),
  },
  "s3-endpoint": {
    group: "Stores",
    placeholder: "url",
    what: "URL of the object store, if it is not Amazon's",
    default: "",
    defaultWords: "$AWS_ENDPOINT_URL",
    isUrl: true,
    parse: parsePath,
  },
  "s3-region": {
    group: "Stores",
    placeholder: "name",
    what: "region of the bucket",
    default: "",
    defaultWords: "$AWS_REGION",
    parse: parsePath,
  },
} as const satisfies Readonly<Record<string, Setting>>;

type LimitKey = (typeof LIMITS)[keyof typeof LIMITS]["option"];

type LimitRow = LimitDefinition & { readonly option: LimitKey };

const EDITION = {
  "edition": {
    group: "Protocol 3",
    placeholder: "names",
    what: "editions of protocol 3 to serve, separated by commas",
    choices: EDITIONS.map(({ name }) => name),
    default: names(DEFAULT_SERVED),
    separator: ",",
    parse: parseEditions,
  },
} as const satisfies Readonly<Record<string, Setting>>;

const LIMIT_SETTINGS = Object.fromEntries(LIMIT_NAMES.map((name) => {
  const { option, unit, what, default: value, least, isOfProtocol3 = false }: LimitRow =
    LIMITS[name];
  const setting: Setting<number> = {
    group: isOfProtocol3 ? "Protocol 3" : "Limits",
    placeholder: placeholderOf(unit),
    what,
    default: formatQuantity(value, unit),
    plainNumber: unit !== "time",
    reloadable: true,
    parse: (text) => parseQuantity(text, unit, least),
  };
  return [option, setting];
})) as Readonly<Record<LimitKey, Setting<number>>>;

const TABLE = { ...SERVER, ...EDITION, ...LIMIT_SETTINGS };

/** A setting's name: its option without the dashes, its key in the file. */
export type Key = keyof typeof TABLE;
export type SettingValue<K extends Key> = ReturnType<(typeof TABLE)[K]["parse"]>;

export const SETTINGS: Readonly<Record<Key, Setting>> = TABLE;
const ALL = Object.keys(TABLE) as readonly Key[];
const isOfProtocol3 = (key: Key) => SETTINGS[key].group === "Protocol 3";

/** By group. */
export const KEYS: readonly Key[] = [
  ...ALL.filter((key) => !isOfProtocol3(key)),
  ...ALL.filter(isOfProtocol3),
];

/** The option that names the file with the settings. The file itself cannot contain it. */
export const CONFIG = "config";

/** The variable of the environment: `XFER_MAX_FILE_SIZE` for `max-file-size`. */
export function variableOf(key: Key | typeof CONFIG): string {
  return `XFER_${key.toUpperCase().replaceAll("-", "_")}`;
}

export function isKey(text: string): text is Key {
  return Object.hasOwn(TABLE, text);
}

/** The value of a setting with this text. Throws commander's `InvalidArgumentError`. */
export function parseSetting<K extends Key>(key: K, text: string): SettingValue<K> {
  return TABLE[key].parse(text) as SettingValue<K>;
}

/** The text of a value as it may be shown: without secrets in a URL. */
export function shownText(key: Key, text: string): string {
  const { isUrl = false, hidesQuery = false } = SETTINGS[key];
  if (!isUrl) return text;
  const shown = text.replace(/^([^/]*\/\/[^/?#@:]*):[^/?#@]*@/, "$1:…@");
  if (hidesQuery) return shown.replace(/([?#]).*$/s, "$1…");
  return shown.replace(/([?&][a-z]*password=)[^&#]*/gi, "$1…");
}

/** The text of several values. */
export function join(key: Key, texts: readonly string[]): string {
  return texts.join(SETTINGS[key].separator ?? "");
}

/** The value of `listen` for a port. */
export function listenAt(port: number): string {
  return `${DEFAULT_HOSTNAME}:${port}`;
}

function names(editions: readonly Edition[]): string {
  return editions.map(({ name }) => name).join(",");
}
