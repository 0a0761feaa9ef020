/**
 * Converts settings to options of `Server.start`.
 *
 * @module
 */
import {
  LIMIT_NAMES,
  LIMITS,
  type Limits,
  type ServerOptions,
  type SettingChanges,
} from "../../server/mod.ts";
import type { Settings } from "./configuration.ts";

/** The settings that can change while the server runs. */
export function toRules(settings: Settings): Required<SettingChanges> {
  const limits = LIMIT_NAMES.map((name) => [name, settings[LIMITS[name].option].value]);
  return {
    limits: Object.fromEntries(limits) as Limits,
    registration: settings.registration.value,
  };
}

export function toServerOptions(settings: Settings): ServerOptions {
  const [tlsListen, certificate, key] = [
    settings["tls-listen"].value,
    settings["tls-cert"].value,
    settings["tls-key"].value,
  ];
  const advertise = settings.advertise.value;
  const editions = settings.edition.value;
  return {
    ...toRules(settings),
    listen: settings.listen.value.map((address) => ({ editions, ...address })),
    dataFolder: settings.data.value,
    ...(tlsListen === "none" ? {} : { tlsListen }),
    ...(advertise === undefined ? {} : { advertise }),
    ...(certificate === undefined || key === undefined ? {} : { tlsFiles: { certificate, key } }),
  };
}
