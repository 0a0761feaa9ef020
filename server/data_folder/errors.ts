/**
 * Errors of a folder with a catalog, and their hints.
 *
 * @module
 */
import { ConfigurationError, IntegrityError, reasonOf, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { LOCKED } from "../catalog/sqlite/locked.ts";

/** SQLite's messages for SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGED = /malformed|not a database/;
/** Faults of the program are not translated. */
const OF_THE_LANGUAGE = [TypeError, RangeError, ReferenceError, SyntaxError];

/** A folder with a catalog in it. */
export interface DataFolderPath {
  readonly kind: keyof typeof KINDS;
  readonly path: string;
}

const KINDS = {
  "data folder": {
    unusable: (reason: string, hint: string, path: string, cause: unknown) =>
      new ConfigurationError(
        "data-folder-unusable",
        `cannot use ${path} as the data folder: ${reason}`,
        { hint, cause },
      ),
    hint:
      "Check that you own the folder and that the disk has space, or choose another: --data DIR.",
    ifDamaged:
      "Stop the server and restore the data folder from a backup with 'xfer server restore'.",
  },
  "backup": {
    unusable: (reason: string, hint: string, path: string, cause: unknown) =>
      new ConfigurationError("backup-unusable", `cannot use ${path} as a backup: ${reason}`, {
        ...{ hint, cause },
      }),
    hint: "Choose a readable folder with a completed backup.",
    ifDamaged: "Use another backup, and check the health of the disk that has this one.",
  },
} as const;

/**
 * Translates failures of opening a folder, or of its catalog, into errors with hints. Throws `ConfigurationError`
 * `data-folder-unusable` or `backup-unusable`, and `IntegrityError` `catalog-damaged`. Passes on errors that already
 * are `XferError`.
 */
export async function explainingFailures<T>(
  place: DataFolderPath,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof XferError || OF_THE_LANGUAGE.some((kind) => cause instanceof kind)) {
      throw cause;
    }
    const damage = damageOf(place, cause);
    if (damage !== undefined) throw damage;
    const { unusable, hint } = KINDS[place.kind];
    const isLocked = cause instanceof Error && cause.message.includes(LOCKED);
    throw unusable(
      reasonOf(cause),
      isLocked ? "Another command or the server is using it. Try again." : hint,
      printable(place.path),
      cause,
    );
  }
}

/** The error for a catalog that SQLite reports as damaged; `undefined` for any other failure. */
export function damageOf(
  { kind, path }: DataFolderPath,
  cause: unknown,
): IntegrityError | undefined {
  if (!(cause instanceof Error && DAMAGED.test(cause.message))) return undefined;
  return new IntegrityError(
    "catalog-damaged",
    `the catalog of the ${kind} ${printable(path)} is damaged: ${reasonOf(cause)}`,
    { hint: KINDS[kind].ifDamaged, cause },
  );
}
