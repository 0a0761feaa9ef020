/** The results of a run of the bench. Parts that were not run are missing. */
import type { StageSpeeds } from "./stages.ts";
import type { Crowd } from "./crowds.ts";
import type { Operating } from "./operating.ts";
import type { Resume } from "./resume.ts";
import type { WorkResult } from "./transfers.ts";

export interface Results {
  readonly machine: string;
  readonly runs: number;
  /** The divisor of all amounts, for testing the bench itself. */
  readonly scale: number;
  readonly when: string;
  /** The names of the parts that are here. */
  readonly parts: string[];
  alone?: StageSpeeds;
  works?: WorkResult[];
  resume?: Resume;
  crowds?: Crowd[];
  /** Registrations over protocol 3, and sign-ins over protocol 4. */
  registrations?: Crowd;
  logins?: Crowd;
  operating?: Operating;
  sizes?: WorkResult[];
  scaled?: Crowd[];
}

/**
 * The results in a file, to which a run adds what is missing, or `fresh` if the file does not exist. Throws if they are
 * of another kind of run, since only numbers of one run can be compared.
 */
export async function resumeResults(path: string, fresh: Results): Promise<Results> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return fresh;
    throw error;
  }
  const found = JSON.parse(text) as Results;
  for (const key of ["machine", "runs", "scale"] as const) {
    if (found[key] === fresh[key]) continue;
    throw new Error(`${path} has results with another ${key}: ${found[key]}, now ${fresh[key]}`);
  }
  return found;
}

/** Replaces the results in a file. */
export async function saveResults(path: string, results: Results): Promise<void> {
  await Deno.writeTextFile(`${path}.new`, JSON.stringify(results, undefined, 2));
  await Deno.rename(`${path}.new`, path);
}
