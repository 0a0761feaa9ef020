/**
 * Processes marked by a variable of their environment, which their children inherit. Only Linux shows the environment
 * of other processes. Elsewhere none is found.
 */

/** A run of the tests marks all its processes with this variable. */
export const RUN_VARIABLE = "XFER_TEST_RUN";

/** The pause between two checks, in milliseconds. */
const LOOK_MS = 20;

export interface Variable {
  readonly name: string;
  readonly value: string;
}

export interface MarkedProcess {
  readonly pid: number;
  readonly command: string;
}

/** The processes whose variable has this value. */
export function marked({ name, value }: Variable): MarkedProcess[] {
  if (Deno.build.os !== "linux") return [];
  return [...Deno.readDirSync("/proc")].flatMap((entry) => {
    if (!/^\d+$/.test(entry.name)) return [];
    try {
      const [environment, command] = ["environ", "cmdline"].map((file) =>
        Deno.readTextFileSync(`/proc/${entry.name}/${file}`).split("\0")
      );
      if (!environment?.includes(`${name}=${value}`)) return [];
      return [{ pid: Number(entry.name), command: command?.join(" ").trim() ?? "" }];
    } catch {
      return []; // It has ended, or belongs to another user.
    }
  });
}

/** Waits until no such process is left. Returns those that are left after `withinMs`. */
export async function lasting(variable: Variable, withinMs: number): Promise<MarkedProcess[]> {
  const end = performance.now() + withinMs;
  for (;;) {
    const left = marked(variable);
    if (left.length === 0 || performance.now() >= end) return left;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Kills all such processes, and waits until they are gone. */
export async function killMarked(variable: Variable): Promise<void> {
  for (;;) {
    for (const { pid } of marked(variable)) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error; // It has already ended.
      }
    }
    if ((await lasting(variable, LOOK_MS)).length === 0) return;
  }
}
