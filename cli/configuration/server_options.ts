/**
 * Converts settings to options of `Server.start`.
 *
 * @module
 */
import {
  LIMIT_NAMES,
  LIMITS,
  type Limits,
  type ServerLocation,
  type ServerOptions,
  type SettingChanges,
  type ShownSetting,
  type StoreSettings,
} from "../../server/mod.ts";
import type { LogSettings } from "../output/server_logs.ts";
import type { Settings } from "./configuration.ts";
import { KEYS, shownText } from "./settings.ts";

/** The settings that can change while the server runs. */
export function toRules(settings: Settings): Required<SettingChanges> {
  const limits = LIMIT_NAMES.map((name) => [name, settings[LIMITS[name].option].value]);
  return {
    limits: Object.fromEntries(limits) as Limits,
    registration: settings.registration.value,
  };
}

/** The place of the data: the path of the data folder, if everything is there. */
export function locationIn(settings: Settings): ServerLocation {
  const stores = storesIn(settings);
  return stores.catalog === undefined && stores.blobs === undefined ? settings.data.value : stores;
}

function storesIn(settings: Settings): StoreSettings {
  const [endpoint, region] = [settings["s3-endpoint"].value, settings["s3-region"].value];
  return {
    dataFolder: settings.data.value,
    catalog: settings.catalog.value,
    blobs: settings.blobs.value,
    objectStore: { endpoint, region },
  };
}

export function logsIn(settings: Settings): LogSettings {
  return {
    format: settings["log-format"].value,
    file: settings["log-file"].value,
    access: settings["access-log"].value,
    rotation: {
      size: settings["log-rotate-size"].value,
      every: settings["log-rotate"].value,
      keep: settings["log-keep"].value,
    },
  };
}

/** The settings as people may see them. */
export function shownSettings(settings: Settings): ShownSetting[] {
  return KEYS.map((name) => {
    const { text, source: { kind, where } } = settings[name];
    return { name, value: shownText(name, text), origin: kind === "default" ? kind : where };
  });
}

function hookIn(settings: Settings): Pick<ServerOptions, "hook"> {
  const url = settings["hook-url"].value;
  if (url === undefined) return {};
  const [kinds, secretFile] = [settings["hook-events"].value, settings["hook-secret-file"].value];
  return {
    hook: { url, kinds, secretFile, isPlainAllowed: settings["hook-http"].value === "any" },
  };
}

/** `shown`: the effective settings, for the operator's page. */
export function toServerOptions(
  settings: Settings,
  shown: () => readonly ShownSetting[] = () => shownSettings(settings),
): ServerOptions {
  const [tlsListen, certificate, key] = [
    settings["tls-listen"].value,
    settings["tls-cert"].value,
    settings["tls-key"].value,
  ];
  const advertise = settings.advertise.value;
  const editions = settings.edition.value;
  const [admin, tokenFile] = [settings["admin-listen"].value, settings["admin-token-file"].value];
  return {
    ...toRules(settings),
    listen: settings.listen.value.map((address) => ({ editions, ...address })),
    proxyProtocol: settings["proxy-protocol"].value,
    ...storesIn(settings),
    name: settings["server-name"].value,
    ...(admin.length === 0 ? {} : { admin: { listen: admin, tokenFile, settings: shown } }),
    ...hookIn(settings),
    ...(tlsListen === "none" ? {} : { tlsListen }),
    ...(advertise === undefined ? {} : { advertise }),
    ...(certificate === undefined || key === undefined ? {} : { tlsFiles: { certificate, key } }),
  };
}
