/** What a run of the bench comes to; a part that was not run is missing. */
import type { Alone } from "./alone.ts";
import type { Crowd } from "./crowds.ts";
import type { Resume } from "./resume.ts";
import type { WorkResult } from "./transfers.ts";

export interface Results {
  readonly machine: string;
  readonly runs: number;
  /** How many times less than usual was moved, to try the bench itself. */
  readonly scale: number;
  readonly when: string;
  alone?: Alone;
  works?: WorkResult[];
  resume?: Resume;
  crowds?: Crowd[];
  registrations?: Crowd;
  sizes?: WorkResult[];
  scaled?: Crowd[];
}
