/**
 * The published editions. A further one is a file beside these and a line here.
 *
 * @module
 */
import type { Edition } from "./edition.ts";
import { edition2022 } from "./edition_2022.ts";
import { edition2023a } from "./edition_2023a.ts";
import { edition2023c } from "./edition_2023c.ts";
import { edition2024 } from "./edition_2024.ts";
import { edition2024early } from "./edition_2024early.ts";

export { edition2022, edition2023a, edition2023c, edition2024, edition2024early };

/** Every edition. Where several fit what a client has sent, the one that comes first here is taken. */
export const EDITIONS: readonly Edition[] = [
  edition2023c,
  edition2023a,
  edition2022,
  edition2024,
  edition2024early,
];

/** What a client speaks that is told nothing else. */
export const DEFAULT_EDITION: Edition = edition2023c;

/**
 * What a server serves that is told nothing else: every edition but 2024early, whose clients can't be told from those
 * of 2023c before they have taken a wrong response.
 */
export const DEFAULT_SERVED: readonly Edition[] = EDITIONS.filter((edition) =>
  edition !== edition2024early
);

export function findEdition(name: string): Edition | undefined {
  return EDITIONS.find((edition) => edition.name === name);
}
