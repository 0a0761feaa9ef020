/**
 * `xfer server config`: the effective settings.
 *
 * @module
 */
import type { Command } from "commander";
import { exampleFile } from "../../configuration/example.ts";
import { configurationOf } from "../../configuration/options.ts";
import { KEYS, shownText } from "../../configuration/settings.ts";
import { toLine } from "../../configuration/toml.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";

/** Adds the command below `server`. */
export function addConfigCommand(server: Command, run: Run): void {
  server.command("config")
    .description("Print the effective settings and where each one comes from.")
    .option("--example", "print a commented file of all settings with their defaults")
    .addHelpText(
      "after",
      example(
        "xfer server config --example > server.toml",
        "xfer server config --config server.toml",
      ),
    )
    .action(async ({ example = false }: { example?: boolean }, command: Command) => {
      if (example) return run.reporter.report({ event: "example-file", text: exampleFile() });
      const { settings } = await configurationOf(command);
      for (const key of KEYS) {
        const { text, source: { kind: source, where } } = settings[key];
        const value = shownText(key, text);
        run.reporter.report({
          ...{ event: "setting", key, value, source, where: where || undefined },
          line: toLine(key, value),
        });
      }
    });
}
