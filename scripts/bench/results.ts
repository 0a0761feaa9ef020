/** The results of a run of the bench. Parts that were not run are missing. */
import type { StageSpeeds } from "./stages.ts";
import type { Crowd } from "./crowds.ts";
import type { Resume } from "./resume.ts";
import type { WorkResult } from "./transfers.ts";

export interface Results {
  readonly machine: string;
  readonly runs: number;
  /** The divisor of all amounts, for testing the bench itself. */
  readonly scale: number;
  readonly when: string;
  alone?: StageSpeeds;
  works?: WorkResult[];
  resume?: Resume;
  crowds?: Crowd[];
  /** Registrations over protocol 3, and sign-ins over protocol 4. */
  registrations?: Crowd;
  logins?: Crowd;
  sizes?: WorkResult[];
  scaled?: Crowd[];
}
