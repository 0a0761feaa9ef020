/**
 * The published editions. To add one, add a file here and a line to {@link EDITIONS}.
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

/** All editions. If several fit a client's request, the first one applies. */
export const EDITIONS: readonly Edition[] = [
  edition2023c,
  edition2023a,
  edition2022,
  edition2024,
  edition2024early,
];

/** The default edition of a client. */
export const DEFAULT_EDITION: Edition = edition2023c;

/**
 * The default editions of a server: all but 2024early, whose clients cannot be distinguished from those of 2023c before
 * they have received a wrong response.
 */
export const DEFAULT_SERVED: readonly Edition[] = EDITIONS.filter((edition) =>
  edition !== edition2024early
);

/** Returns the edition with a name such as `2023c`; `undefined` if none has it. */
export function findEdition(name: string): Edition | undefined {
  return EDITIONS.find((edition) => edition.name === name);
}
