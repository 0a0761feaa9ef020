/**
 * The file with the settings, complete, each as its default: made from their table.
 *
 * @module
 */
import { wrap } from "../text/format.ts";
import { CONFIG, KEYS, SETTINGS, variableOf } from "./settings.ts";
import { toLine } from "./toml.ts";

const WIDTH = 100;

const HEAD = `\
The settings of xfer server: xfer server --${CONFIG} FILE, or ${variableOf(CONFIG)}=FILE.

Each is shown as it is where nothing is said of it: take the # away and write what it shall be. \
An option (--quota) goes before a variable of the environment (${variableOf("quota")}), and that \
before what stands here. "xfer server ${CONFIG}" prints what is in force, and whence. What is \
marked (SIGHUP) is read again at that signal, all else when the server is started.

Times are 500ms, 30s, 10m, 2h; sizes and rates are 4096, 64KiB, 10MB, 2GiB; "none" lifts a limit. \
Relative paths begin at the folder that the server is started in.`;

/** The file, without the end of its last line. */
export function exampleFile(): string {
  const lines = HEAD.split("\n").flatMap(comment);
  let group = "";
  for (const key of KEYS) {
    const setting = SETTINGS[key];
    if (setting.group !== group) {
      group = setting.group;
      lines.push("", `# ${group} `.padEnd(WIDTH, "-"));
    }
    const choices = setting.choices === undefined ? "" : ` (${setting.choices.join(", ")})`;
    const reloaded = setting.reloadable ? " (SIGHUP)" : "";
    lines.push("", ...comment(capital(setting.what) + choices + reloaded));
    lines.push(`#${toLine(key, setting.default)}`);
  }
  return lines.join("\n");
}

/** Lines of a comment, broken between words. */
function comment(text: string): string[] {
  return wrap(text, WIDTH - 2, "").split("\n").map((line) => `# ${line}`.trimEnd());
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
