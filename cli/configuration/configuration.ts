/**
 * The effective settings and their sources: an option, otherwise the environment, otherwise a file, otherwise the default.
 *
 * @module
 */
import { ConfigurationError, UsageError } from "../../protocol/errors.ts";
import { PORT_INFO, readPortInfo } from "../../server/mod.ts";
import { readConfigFile } from "./file.ts";
import { type Layer, place, settle, type Settled } from "./layer.ts";
import { CONFIG, type Key, KEYS, listenAt, SETTINGS, variableOf } from "./settings.ts";

export type Settings = { readonly [K in Key]: Settled<K> };

export interface Configuration {
  /** The path of the file, if one is used. */
  readonly file: string | undefined;
  readonly settings: Settings;
}

/** The sources of settings, except the file. */
export interface SettingSources {
  /** The texts of the given options, by name. */
  readonly options: Readonly<Partial<Record<Key | typeof CONFIG, string>>>;
  /** Reads a variable of the environment. */
  readonly variable: (name: string) => string | undefined;
}

/**
 * Reads all sources. Throws `ConfigurationError` for a file that cannot be read (`bad-config`), an unknown setting
 * (`unknown-setting`) or an invalid value (`bad-setting`), even if another source overrides it; `UsageError` or
 * `ConfigurationError` for settings that conflict.
 */
export async function readConfiguration(
  { options, variable }: SettingSources,
): Promise<Configuration> {
  // An empty variable counts as unset, as many tools for setting them have it.
  const set = (key: Key | typeof CONFIG) => variable(variableOf(key)) || undefined;
  const file = options[CONFIG] ?? set(CONFIG);
  const layers = [
    layerOf((key) => options[key], (key) => ({ kind: "option", where: `--${key}` })),
    layerOf(set, (key) => ({ kind: "environment", where: variableOf(key) })),
    file === undefined ? new Map() : await readConfigFile(file),
  ];
  if (!layers.some((layer) => layer.has("listen"))) layers.push(await readPort());
  layers.push(layerOf((key) => SETTINGS[key].default, () => ({ kind: "default", where: "" })));
  const settings = Object.fromEntries(
    KEYS.map((key) => [key, layers.find((layer) => layer.has(key))?.get(key)]),
  ) as unknown as Settings;
  refuseMisfits(settings);
  return { file, settings };
}

function layerOf(
  textOf: (key: Key) => string | undefined,
  sourceOf: (key: Key) => Settled["source"],
): Layer {
  const layer = new Map<Key, Settled>();
  for (const key of KEYS) {
    const text = textOf(key);
    if (text !== undefined) layer.set(key, settle(key, text, sourceOf(key)));
  }
  return layer;
}

/** Reads `port.info`, the file of the published servers. Throws `ConfigurationError` `bad-port-info`. */
async function readPort(): Promise<Layer> {
  const port = await readPortInfo(PORT_INFO);
  if (port === undefined) return new Map();
  const source = { kind: "file", where: PORT_INFO } as const;
  return new Map([["listen", settle("listen", listenAt(port), source)]]);
}

/** A setting that has no effect unless another one is set. */
interface Dependent {
  readonly named: Key;
  readonly code: string;
  readonly isUsed: (settings: Settings) => boolean;
  /** The missing setting, for people. */
  readonly without: string;
  readonly hint: string;
}

const OF_STORE: Omit<Dependent, "named"> = {
  code: "object-store-unused",
  isUsed: ({ blobs }) => blobs.value !== undefined,
  without: "an object store: blobs is disk",
  hint: "Set blobs to s3://BUCKET/PREFIX, or remove the setting.",
};
const OF_PROTOCOL_4: Omit<Dependent, "named" | "code"> = {
  isUsed: (settings) => settings["tls-listen"].value !== "none",
  without: "protocol 4: tls-listen is none",
  hint: "Remove one of the two settings.",
};

const DEPENDENT: readonly Dependent[] = [
  {
    ...{ named: "admin-token-file", code: "admin-token-unused", without: "admin-listen" },
    isUsed: (settings) => settings["admin-listen"].value.length > 0,
    hint: "Set admin-listen, or remove the setting.",
  },
  {
    ...{ named: "hook-secret-file", code: "hook-secret-unused", without: "hook-url" },
    isUsed: (settings) => settings["hook-url"].value !== undefined,
    hint: "Set hook-url, or remove the setting.",
  },
  { named: "s3-endpoint", ...OF_STORE },
  { named: "s3-region", ...OF_STORE },
  { named: "tls-cert", code: "tls-cert-unused", ...OF_PROTOCOL_4 },
  { named: "advertise", code: "advertise-unused", ...OF_PROTOCOL_4 },
];

/**
 * Throws `UsageError` or `ConfigurationError`: `tls-cert-and-key`, `tls-cert-unused`, `advertise-unused`,
 * `object-store-unused`, `admin-token-unused`, `hook-secret-unused`.
 */
function refuseMisfits(settings: Settings): void {
  const [certificate, key] = [settings["tls-cert"], settings["tls-key"]];
  const misfit = (named: Key, code: string, what: string, hint: string) => {
    const { source } = settings[named];
    const message = `${place(named, source)} ${what}`;
    return source.kind === "option"
      ? new UsageError(code, message, { hint })
      : new ConfigurationError(code, message, { hint });
  };
  if ((certificate.value === undefined) !== (key.value === undefined)) {
    const [given, missing] = certificate.value === undefined
      ? ["tls-key", "tls-cert"] as const
      : ["tls-cert", "tls-key"] as const;
    throw misfit(
      given,
      "tls-cert-and-key",
      `requires ${settings[given].source.kind === "option" ? "--" : ""}${missing}`,
      "Set both, or neither to use a self-signed certificate.",
    );
  }
  for (const { named, code, isUsed, without, hint } of DEPENDENT) {
    if (settings[named].value === undefined || isUsed(settings)) continue;
    throw misfit(named, code, `has no effect without ${without}`, hint);
  }
}
