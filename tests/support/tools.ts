/** Programs that a test may need and that are not on every machine. */
import { programPath, tiedCommand } from "./tied_processes.ts";

/** Whether a program is on the PATH. A test that needs it is otherwise ignored. */
export function hasTool(name: string): boolean {
  return programPath(name) !== undefined;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function runTool(
  name: string,
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Promise<Ran> {
  const { code, stdout, stderr } = await tiedCommand(name, {
    stdin: "null",
    ...options,
    args: [...args],
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
