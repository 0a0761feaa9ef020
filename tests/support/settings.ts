/** The server's settings from texts. */
import { readConfiguration, type Settings } from "../../cli/configuration/configuration.ts";
import type { CONFIG, Key } from "../../cli/configuration/settings.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

/** The texts of options, by key. */
export type Texts = Readonly<Partial<Record<Key | typeof CONFIG, string>>>;

/** The effective settings from these options, variables and lines of a file. */
export async function settle(
  { options = {}, variables = {}, file }: {
    options?: Texts;
    variables?: Readonly<Record<string, string>>;
    file?: string;
  },
): Promise<Settings> {
  await using folder = await TemporaryFolder.create();
  const named = file === undefined ? {} : { config: await folder.write("server.toml", file) };
  const { settings } = await readConfiguration({
    options: { ...named, ...options },
    variable: (name) => variables[name],
  });
  return settings;
}
