/** Commands of the operator that are killed, for the loops over their calls. */
import assert from "node:assert/strict";
import { pathOfProgram } from "../support/programs.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { tiedCommand } from "../support/tied_processes.ts";
import type { KilledWork } from "./killed_operator.ts";
import type { Loop } from "./loop.ts";

const PROGRAM = pathOfProgram("tests/faults/killed_operator.ts");
const SIDE_BY_SIDE = 2;

/** Kills before and after one call after another. `kill` returns whether the call was reached. */
export async function killAtCalls(
  loop: Loop,
  { every }: { readonly every: number },
  kill: (at: Pick<KilledWork, "at" | "when">, folder: TemporaryFolder) => Promise<boolean>,
): Promise<void> {
  for (const when of ["before", "after"] as const) {
    await loop.atCalls({ every, sideBySide: SIDE_BY_SIDE }, async (at) => {
      await using folder = await TemporaryFolder.create();
      try {
        const killed = await kill({ at, when }, folder);
        if (killed) loop.count("killed");
        return killed;
      } catch (error) {
        throw new Error(`killed ${when} call ${at}: ${error}`, { cause: error });
      }
    });
  }
}

/** Returns whether the process reached the call and was killed. */
export function runKilled(options: KilledWork): Promise<boolean> {
  return isKilled(PROGRAM, options);
}

/**
 * Runs a program that ends by itself or kills itself, with its options as JSON. Returns whether it was killed. Fails if
 * it ended in any other way.
 */
export async function isKilled(program: string, options: object): Promise<boolean> {
  const { code, signal, stderr } = await tiedCommand(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-all", program, JSON.stringify(options)],
    ...{ stdin: "null", stdout: "null", stderr: "piped" },
  }).output();
  assert.ok(code === 0 || signal === "SIGKILL", new TextDecoder().decode(stderr));
  return signal === "SIGKILL";
}
