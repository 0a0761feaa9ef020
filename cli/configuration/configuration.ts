/**
 * The settings that are in force, and whence each comes: from an option, else from the environment, else from a file, else
 * it is the default.
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
  /** The path of the file, if there is one. */
  readonly file: string | undefined;
  readonly settings: Settings;
}

/** Where settings come from, but for the file. */
export interface SettingSources {
  /** The texts of the options that were given, by their names. */
  readonly options: Readonly<Partial<Record<Key | typeof CONFIG, string>>>;
  /** A variable of the environment. */
  readonly variable: (name: string) => string | undefined;
}

/**
 * Reads all there is. Throws `ConfigurationError` for a file that can't be read (`bad-config`), and for a setting that is
 * not known (`unknown-setting`) or has no such value (`bad-setting`), wherever it stands and whether another goes before
 * it; `UsageError` or `ConfigurationError` for settings that don't go together.
 */
export async function readConfiguration(
  { options, variable }: SettingSources,
): Promise<Configuration> {
  // An empty variable is how many ways of setting them say that there is none.
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

/** `port.info`, as the published servers have it. Throws `ConfigurationError` `bad-port-info`. */
async function readPort(): Promise<Layer> {
  const port = await readPortInfo(PORT_INFO);
  if (port === undefined) return new Map();
  const source = { kind: "file", where: PORT_INFO } as const;
  return new Map([["listen", settle("listen", listenAt(port), source)]]);
}

/** Throws `UsageError` or `ConfigurationError`: `tls-cert-and-key`, `tls-cert-unused`, `advertise-unused`. */
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
      `is given without ${settings[given].source.kind === "option" ? "--" : ""}${missing}`,
      "Give both, or neither: the server makes its own then.",
    );
  }
  if (settings["tls-listen"].value !== "none") return;
  const ofProtocol4 = [["tls-cert", "tls-cert-unused"], ["advertise", "advertise-unused"]] as const;
  for (const [named, code] of ofProtocol4) {
    if (settings[named].value === undefined) continue;
    throw misfit(
      named,
      code,
      "is of no use where protocol 4 is not spoken: tls-listen is none",
      "Leave one of them out.",
    );
  }
}
