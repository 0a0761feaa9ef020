/** Processes that end with the one that started them, whatever happens to it. */
import { delimiter, join } from "node:path";
import { RUN_VARIABLE } from "./marked_processes.ts";

/**
 * What stands before a command so that the kernel kills it when its parent ends, even if that was killed itself:
 * setpriv(1) of Linux. Elsewhere a process that nobody ends stays.
 */
const TIE = [programPath("setpriv") ?? "setpriv", "--pdeathsig", "KILL", "--"] as const;
/** Whether processes can be tied to the one that starts them here. */
export const TIES: boolean = Deno.build.os === "linux" && canTie();

/** A command line that ends with its parent. The process itself stays the same: its id, signals and exit code. */
export function tied(commandLine: readonly string[]): [executable: string, ...args: string[]] {
  const [executable = "", ...args] = TIES ? [...TIE, ...commandLine] : commandLine;
  return [executable, ...args];
}

/** A command that ends when this process ends, and is marked as part of this test run. */
export function tiedCommand(
  executable: string,
  { args = [], env = {}, ...options }: Deno.CommandOptions = {},
): Deno.Command {
  const [first, ...rest] = tied([executable, ...args]);
  const run = Deno.env.get(RUN_VARIABLE);
  const mark = run === undefined ? {} : { [RUN_VARIABLE]: run };
  return new Deno.Command(first, { ...options, args: rest, env: { ...mark, ...env } });
}

/** Where a program is that is on the PATH. */
export function programPath(name: string): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

function canTie(): boolean {
  try {
    const [executable, ...args] = TIE;
    const quiet = { stdout: "null", stderr: "null" } as const;
    return new Deno.Command(executable, { args: [...args, "true"], ...quiet }).outputSync().success;
  } catch {
    return false; // there is no such program
  }
}
