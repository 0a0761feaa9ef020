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
  if (
    settings["admin-listen"].value.length === 0 && settings["admin-token-file"].value !== undefined
  ) {
    throw misfit(
      "admin-token-file",
      "admin-token-unused",
      "has no effect without admin-listen",
      "Set admin-listen, or remove the setting.",
    );
  }
  if (
    settings["hook-secret-file"].value !== undefined && settings["hook-url"].value === undefined
  ) {
    throw misfit(
      "hook-secret-file",
      "hook-secret-unused",
      "has no effect without hook-url",
      "Set hook-url, or remove the setting.",
    );
  }
  for (const named of ["s3-endpoint", "s3-region"] as const) {
    if (settings.blobs.value !== undefined || settings[named].value === undefined) continue;
    throw misfit(
      named,
      "object-store-unused",
      "has no effect without an object store: blobs is disk",
      "Set blobs to s3://BUCKET/PREFIX, or remove the setting.",
    );
  }
  if (settings["tls-listen"].value !== "none") return;
  const ofProtocol4 = [["tls-cert", "tls-cert-unused"], ["advertise", "advertise-unused"]] as const;
  for (const [named, code] of ofProtocol4) {
    if (settings[named].value === undefined) continue;
    throw misfit(
      named,
      code,
      "has no effect without protocol 4: tls-listen is none",
      "Remove one of the two settings.",
    );
  }
}
