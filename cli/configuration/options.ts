/**
 * The settings as options of a command.
 *
 * @module
 */
import { type Command, Option } from "commander";
import type { ServerLocation } from "../../server/mod.ts";
import { type Configuration, readConfiguration } from "./configuration.ts";
import { locationIn } from "./server_options.ts";
import { LIMITS, PROTOCOL_3, SERVER, SERVING, STORES } from "../help/groups.ts";
import {
  CONFIG,
  join,
  KEYS,
  parseSetting,
  type Setting,
  SETTINGS,
  variableOf,
} from "./settings.ts";

/** `undefined`: the usual heading. */
const HEADINGS: Readonly<Record<Setting["group"], string | undefined>> = {
  "Basics": undefined,
  "Serving": SERVING,
  "Stores": STORES,
  "Limits": LIMITS,
  "Protocol 3": PROTOCOL_3,
};

/** Adds an option for each setting, and the one that names the file. Their values are the given texts. */
export function addSettings(server: Command): void {
  server.addOption(
    new Option(
      `--${CONFIG} <file>`,
      `settings file (default: $${variableOf(CONFIG)})`,
    ).helpGroup(SERVER),
  );
  for (const key of KEYS) {
    const { group, placeholder, what, default: text, defaultWords, separator, ...setting } =
      SETTINGS[key];
    const option = new Option(
      `--${key} <${placeholder}>`,
      `${what} (default: ${defaultWords ?? text})`,
    );
    // Commander knows the choices for completions; values are checked below, alike for all.
    if (setting.choices !== undefined) option.choices(setting.choices);
    option.argParser((text: string, before: string | undefined) => {
      parseSetting(key, text);
      return separator === undefined || before === undefined ? text : join(key, [before, text]);
    });
    const heading = key === "data" ? SERVER : HEADINGS[group];
    server.addOption(heading === undefined ? option : option.helpGroup(heading));
  }
}

/** The effective settings of `xfer server` or one of its commands. Throws as `readConfiguration` does. */
export function configurationOf(command: Command): Promise<Configuration> {
  const given = command.optsWithGlobals<Record<string, string>>();
  const options = Object.fromEntries(
    ([CONFIG, ...KEYS] as const).map((key) => [key, given[camelCase(key)]])
      .filter(([, text]) => text !== undefined),
  );
  return readConfiguration({ options, variable: (name) => Deno.env.get(name) });
}

/** The place of the data of a command of `xfer server`. Throws as `readConfiguration` does. */
export async function dataOf(command: Command): Promise<ServerLocation> {
  return locationIn((await configurationOf(command)).settings);
}

/** The name that commander gives the value of an option. */
export function camelCase(option: string): string {
  return option.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
