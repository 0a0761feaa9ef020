/**
 * `xfer completions`: what makes a shell complete commands, options and their values.
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
import { TOPICS } from "./help.ts";
import type { Run } from "../run.ts";
import { example } from "../text/format.ts";

const SHELLS = {
  bash: toBash,
  zsh: toZsh,
  fish: toFish,
  powershell: toPowerShell,
} as const satisfies Record<string, ScriptMaker>;

/** Fills in the command. */
export function completionsCommand(command: Command, run: Run): void {
  command
    .addArgument(new Argument("<shell>", "whose completions").choices(Object.keys(SHELLS)))
    .addHelpText("after", HELP)
    .action((shell: keyof typeof SHELLS) => {
      const script = SHELLS[shell](describeProgram(command.parent ?? command, TOPICS)).trimEnd();
      run.reporter.report({ event: "completions", shell, script });
    });
}

const HELP = example("xfer completions bash") + `

Bash, in ~/.bashrc:
  eval "$(xfer completions bash)"

Zsh, in ~/.zshrc, behind the line with compinit:
  eval "$(xfer completions zsh)"

Fish:
  xfer completions fish > ~/.config/fish/completions/xfer.fish

PowerShell, in the file that $PROFILE names:
  xfer completions powershell | Out-String | Invoke-Expression

In place of the lines above, for all users of a machine, where the shells look:
  xfer completions bash > /usr/local/share/bash-completion/completions/xfer
  xfer completions zsh > /usr/local/share/zsh/site-functions/_xfer
  xfer completions fish > /usr/local/share/fish/vendor_completions.d/xfer.fish`;
