/**
 * Builds the executable for one kind of machine.
 *
 * @module
 */
import { join } from "node:path";
import { RUNTIME_FLAGS } from "./runtime_flags.ts";
import { DenoError, type Stage } from "./stage.ts";
import { hostTarget, type Target } from "./targets.ts";

/** The result of a build. */
export type Outcome =
  | { readonly state: "run" }
  | { readonly state: "built" | "not-built" | "not-asked-for"; readonly why: string };

/** A runtime for this machine, used in place of the one that Deno downloads. */
const RUNTIME = "DENORT_BIN";

/**
 * Builds the executable into a folder and runs it if it is for this machine. Keeps the file only if it works. `variables`:
 * the environment of `deno compile`.
 */
export async function build(
  stage: Stage,
  target: Target,
  folder: string,
  variables: Readonly<Record<string, string>> = Deno.env.toObject(),
): Promise<Outcome> {
  const isHost = target === hostTarget();
  const path = join(folder, target.file);
  const { [RUNTIME]: runtime, ...env } = variables;
  try {
    await stage.compile(
      [...RUNTIME_FLAGS, "--target", target.triple, "--output", path],
      isHost && runtime !== undefined ? { ...env, [RUNTIME]: runtime } : env,
    );
  } catch (error) {
    if (!(error instanceof DenoError)) throw error;
    return { state: "not-built", why: causeIn(error.message) };
  }
  if (!isHost) return { state: "built", why: `not run: this machine is ${Deno.build.target}` };
  const printed = await versionOf(path);
  if (printed === stage.config.version) return { state: "run" };
  await Deno.remove(path);
  return { state: "not-built", why: `does not run: --version printed ${JSON.stringify(printed)}` };
}

/** The first line of the executable's `--version`, run in an empty environment. */
async function versionOf(path: string): Promise<string> {
  const options: Deno.CommandOptions = { args: ["--version"], clearEnv: true, stdin: "null" };
  try {
    const { stdout, stderr } = await new Deno.Command(path, options).output();
    const decoder = new TextDecoder();
    const [printed = ""] = (decoder.decode(stdout) || decoder.decode(stderr)).trim().split("\n");
    return printed;
  } catch (error) {
    return `${error}`; // not a program, or not for this machine
  }
}

/** The most informative of the causes that Deno lists. */
function causeIn(fault: string): string {
  const [words = ""] = fault.split(/^Stack backtrace:/m);
  const causes = [...words.matchAll(/^ +\d+: (.+)$/gm)].map(([, cause = ""]) => cause);
  if (causes.length === 0) return words.trim().replaceAll(/\s+/g, " ");
  return causes.reduce((fullest, cause) => cause.length > fullest.length ? cause : fullest);
}
