/**
 * The example file: all settings with their defaults, from their table.
 *
 * @module
 */
import { wrap } from "../text/format.ts";
import { CONFIG, type Key, KEYS, SETTINGS, variableOf } from "./settings.ts";
import { toLine } from "./toml.ts";

const WIDTH = 100;

const HEAD = `\
Settings of xfer server. To use this file, run xfer server --${CONFIG} FILE, or set \
${variableOf(CONFIG)}=FILE.

Every setting is shown with its default. To change one, remove the # and edit the value. Options \
(--quota) override environment variables (${variableOf("quota")}), and those override this file. \
To see the effective settings, run xfer server ${CONFIG}. On SIGHUP, the server rereads this file: \
settings marked (SIGHUP) take effect at once, all others at the next start. It rereads the files of \
tls-cert, tls-key, admin-token-file and hook-secret-file, too.

Times: 500ms, 30s, 10m, 2h; of history and check-interval: 12h, 30d. Sizes and rates: 4096, 64KiB, \
10MB, 2GiB. "none" removes a limit. \
Relative paths start at the folder in which the server is started.`;

/** The file, without a final newline. Settings with a value of their own are not commented out. */
export function exampleFile(values: ReadonlyMap<Key, string> = new Map()): string {
  const lines = HEAD.split("\n").flatMap(comment);
  let group = "";
  for (const key of KEYS) {
    const setting = SETTINGS[key];
    if (setting.group !== group) {
      group = setting.group;
      lines.push("", `# ${group} `.padEnd(WIDTH, "-"));
    }
    const { choices = [], what } = setting;
    const isListed = choices.every((choice) => what.includes(choice));
    const listed = isListed ? "" : ` (${choices.join(", ")})`;
    const reloaded = setting.reloadable ? " (SIGHUP)" : "";
    lines.push("", ...comment(capital(what) + listed + reloaded));
    const value = values.get(key);
    lines.push(value === undefined ? `#${toLine(key, setting.default)}` : toLine(key, value));
  }
  return lines.join("\n");
}

/** A text as lines of a comment. */
function comment(text: string): string[] {
  return wrap(text, WIDTH - 2, "").split("\n").map((line) => `# ${line}`.trimEnd());
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
