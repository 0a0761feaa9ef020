/** Real shells that complete lines and return their completions. */
import { TemporaryFolder } from "./temporary_folder.ts";
import { tiedCommand } from "./tied_processes.ts";
import { hasTool, runTool } from "./tools.ts";

export interface Shell {
  readonly name: "bash" | "zsh" | "fish";
  /** Whether this machine has the shell, and the tools to drive it. */
  readonly isHere: boolean;
  /** Whether a script is valid in this shell. Returns its errors. */
  check(scriptPath: string): Promise<string>;
  /** The completions at the end of each line, in a folder that holds `script`: once each, sorted, without quotes. */
  complete(scriptPath: string, lines: readonly string[]): Promise<string[][]>;
}

/** The file for the completions of a shell, and the completed line after "## ". */
const NOTES = "NOTES";
/** Tab, and the key that ends a line. */
const KEYS = "\t\x07";
const LOCALE = { LC_ALL: "C.UTF-8", TERM: "xterm" };

/** A shell on a terminal, since shells complete only there. All keys are typed in advance. */
class OnTerminal implements Shell {
  readonly isHere: boolean;

  constructor(
    readonly name: "bash" | "zsh",
    private readonly command: string,
    private readonly setup: string,
  ) {
    this.isHere = Deno.build.os === "linux" && hasTool(name) && hasTool("script");
  }

  async check(scriptPath: string): Promise<string> {
    return (await runTool(this.name, ["-n", scriptPath])).stderr;
  }

  async complete(scriptPath: string, lines: readonly string[]): Promise<string[][]> {
    await using own = await TemporaryFolder.createOnDisk();
    const notes = await own.write("notes", "");
    const setup = await own.write("setup", this.setup);
    const folder = scriptPath.replace(/\/[^/]+$/, "");
    const keys = lines.map((line) => line + KEYS).join("");
    const env = {
      ...LOCALE,
      HOME: own.path,
      HISTFILE: "/dev/null",
      SCRIPT: scriptPath,
      [NOTES]: notes,
    };
    const shell = tiedCommand("script", {
      args: ["-qec", this.command, "/dev/null"],
      ...{ cwd: folder, env, stdin: "piped", stdout: "piped", stderr: "piped" },
    }).spawn();
    const input = new Response(`source ${setup}\n${keys}exit\n`).body;
    await Promise.all([input?.pipeTo(shell.stdin), shell.output()]);
    const printed = (await Deno.readTextFile(notes)).split(/^## (.*)\n/m);
    return lines.map((line, index) =>
      offersIn(line, printed[2 * index] ?? "", printed[2 * index + 1] ?? "")
    );
  }
}

/** Names of files are completed by bash's readline itself. The completed line then ends with the completion. */
function offersIn(line: string, printed: string, became: string): string[] {
  const offers = printed.split("\n").filter((offer) => offer !== "");
  if (offers.length > 0 || became.trimEnd() === line.trimEnd()) return tidy(offers.map(unquote));
  const [last = ""] = /(\\.|[^\s\\=])*$/.exec(became.trimEnd()) ?? [];
  return tidy([unquote(last)]);
}

/** Without the signs that keep a shell from splitting a word. */
function unquote(word: string): string {
  return word.replaceAll(/\\(.)/g, "$1");
}

/** Without the part of the line before it, and the mark of a folder. */
function tidy(offers: readonly string[]): string[] {
  const plain = offers.map((offer) => offer.replace(/^--[\w-]+=/, "").replace(/\/$/, ""));
  return [...new Set(plain)].sort();
}

const BASH = new OnTerminal(
  "bash",
  "bash --norc -i",
  `source "$SCRIPT"
for name in tool xfer; do
  if complete -p $name >/dev/null 2>&1; then
    real=$(complete -p $name | sed -E 's/.*-F ([^ ]+).*/\\1/')
    eval "noting_$name() { $real \\"\\$@\\"; printf '%s\\\\n' \\"\\\${COMPREPLY[@]}\\" >>\\"\\$${NOTES}\\"; }"
    complete -F noting_$name $name
  fi
done
end_of_line() { printf '## %s\\n' "$READLINE_LINE" >>"$${NOTES}"; READLINE_LINE=; READLINE_POINT=0; }
bind -x '"\\C-g": end_of_line'
`,
);

const ZSH = new OnTerminal(
  "zsh",
  "zsh -f -i",
  `LISTMAX=100000
autoload -Uz compinit && compinit -u -D
source "$SCRIPT"
compadd() {
  # With these it only stores, or describes, what others offer.
  if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
    local -a offers
    builtin compadd -A offers "$@"
    (( $#offers )) && print -rl -- $offers >>"$${NOTES}"
  fi
  builtin compadd "$@"
}
end_of_line() { print -r -- "## $BUFFER" >>"$${NOTES}"; BUFFER=; }
zle -N end_of_line
bindkey '^G' end_of_line
`,
);

const FISH: Shell = {
  name: "fish",
  isHere: hasTool("fish"),
  async check(scriptPath) {
    return (await runTool("fish", ["--no-config", "-n", scriptPath])).stderr;
  },
  async complete(scriptPath, lines) {
    const program = `source $SCRIPT
for line in $argv
    complete -C $line
    echo "## $line"
end`;
    await using own = await TemporaryFolder.createOnDisk();
    const folder = scriptPath.replace(/\/[^/]+$/, "");
    const env = { ...LOCALE, HOME: own.path, SCRIPT: scriptPath };
    const { stdout, stderr } = await runTool("fish", ["--no-config", "-c", program, ...lines], {
      ...{ cwd: folder, env },
    });
    if (stderr !== "") throw new Error(stderr);
    const printed = stdout.split(/^## .*\n/m);
    return lines.map((_, index) =>
      tidy(
        (printed[index] ?? "").split("\n").filter((line) => line !== "").map((line) =>
          line.replace(/\t.*/, "")
        ),
      )
    );
  },
};

export const SHELLS: readonly Shell[] = [BASH, ZSH, FISH];
