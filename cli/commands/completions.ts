/**
 * `xfer completions`: completion scripts for shells.
 *
 * @module
 */
import { Argument, type Command } from "commander";
import { describeProgram } from "../command_tree.ts";
import { toBash } from "../completions/bash.ts";
import { toFish } from "../completions/fish.ts";
import { toPowerShell } from "../completions/powershell.ts";
import type { ScriptMaker } from "../completions/words.ts";
import { toZsh } from "../completions/zsh.ts";
import { TOPICS } from "../help/topics.ts";
import type { Run } from "../run.ts";
import { example } from "../text/format.ts";

const SHELLS = {
  bash: toBash,
  zsh: toZsh,
  fish: toFish,
  powershell: toPowerShell,
} as const satisfies Record<string, ScriptMaker>;

/** Adds options and arguments to the command. */
export function completionsCommand(command: Command, run: Run): void {
  command
    .addArgument(
      new Argument("<shell>", "bash, zsh, fish or powershell").choices(Object.keys(SHELLS)),
    )
    .addHelpText("after", HELP)
    .action((shell: keyof typeof SHELLS) => {
      const script = SHELLS[shell](describeProgram(command.parent ?? command, TOPICS)).trimEnd();
      run.reporter.report({ event: "completions", shell, script });
    });
}

const HELP = `
Bash, in ~/.bashrc:
  eval "$(xfer completions bash)"

Zsh, in ~/.zshrc, after the line with compinit:
  eval "$(xfer completions zsh)"

Fish:
  xfer completions fish > ~/.config/fish/completions/xfer.fish

PowerShell, in the file of $PROFILE:
  xfer completions powershell | Out-String | Invoke-Expression

Instead, to install them for all users of a machine:
  xfer completions bash > /usr/local/share/bash-completion/completions/xfer
  xfer completions zsh > /usr/local/share/zsh/site-functions/_xfer
  xfer completions fish > /usr/local/share/fish/vendor_completions.d/xfer.fish
${example("xfer completions bash")}`;
