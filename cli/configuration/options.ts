/**
 * The settings as options of a command.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { type Configuration, readConfiguration } from "./configuration.ts";
import { CONFIG, join, type Key, KEYS, parseSetting, SETTINGS, variableOf } from "./settings.ts";

/** An option for each setting, and the one that names the file. What they hold is the text that was given. */
export function addSettings(server: Command): void {
  server.option(
    `--${CONFIG} <file>`,
    `a file with settings, see xfer server ${CONFIG} (default: what ${variableOf(CONFIG)} names)`,
  );
  for (const key of KEYS) {
    const { group, placeholder, what, default: text, defaultWords, separator, ...setting } =
      SETTINGS[key];
    const option = new Option(
      `--${key} <${placeholder}>`,
      `${what} (default: ${defaultWords ?? text})`,
    );
    // Commander knows the choices for help and completions; whether a value fits is judged here alike for all.
    if (setting.choices !== undefined) option.choices(setting.choices);
    option.argParser((text: string, before: string | undefined) => {
      parseSetting(key, text);
      return separator === undefined || before === undefined ? text : join(key, [before, text]);
    });
    server.addOption(group === "Data" ? option : option.helpGroup(`${group}:`));
  }
}

/** The settings for `xfer server`, or a command below it. Throws as `readConfiguration` does. */
export function configurationOf(command: Command): Promise<Configuration> {
  const given = command.optsWithGlobals<Record<string, string>>();
  const options = Object.fromEntries(
    ([CONFIG, ...KEYS] as const).map((key) => [key, given[camelCase(key)]])
      .filter(([, text]) => text !== undefined),
  );
  return readConfiguration({ options, variable: (name) => Deno.env.get(name) });
}

/** The data folder that a command below `xfer server` is about. Throws as `readConfiguration` does. */
export async function dataOf(command: Command): Promise<string> {
  const { settings } = await configurationOf(command);
  return settings.data.value;
}

/** As commander names the value of an option. */
function camelCase(key: Key | typeof CONFIG): string {
  return key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
