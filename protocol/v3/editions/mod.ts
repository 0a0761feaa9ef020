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

/** Every edition. If several fit what a client has sent, the first of them counts. */
export const EDITIONS: readonly Edition[] = [
  edition2023c,
  edition2023a,
  edition2022,
  edition2024,
  edition2024early,
];

/** The edition of a client by default. */
export const DEFAULT_EDITION: Edition = edition2023c;

/**
 * The editions of a server by default: all but 2024early, whose clients cannot be distinguished from those of 2023c
 * before they have received a wrong response.
 */
export const DEFAULT_SERVED: readonly Edition[] = EDITIONS.filter((edition) =>
  edition !== edition2024early
);

/** The edition of a name such as `2023c`; `undefined` if there is none. */
export function findEdition(name: string): Edition | undefined {
  return EDITIONS.find((edition) => edition.name === name);
}
