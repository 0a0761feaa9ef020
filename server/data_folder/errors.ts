/**
 * What a person is told where a folder that holds a catalog can't be used.
 *
 * @module
 */
import { ConfigurationError, IntegrityError, reasonOf, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";

/** SQLite's words for SQLITE_BUSY: the error that Deno makes of it has no code of its own. */
export const LOCKED = "database is locked";
/** Its words for SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGED = /malformed|not a database/;
/** Faults of the program are told as what they are. */
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
        `Cannot use ${path} as the data folder: ${reason}`,
        { hint, cause },
      ),
    hint: "Check that it is a folder of yours, on a disk with room, or name another: --data DIR.",
    ifDamaged: "Stop the server and put the data folder back from a backup: xfer server restore.",
  },
  "backup": {
    unusable: (reason: string, hint: string, path: string, cause: unknown) =>
      new ConfigurationError("backup-unusable", `Cannot use ${path} as a backup: ${reason}`, {
        ...{ hint, cause },
      }),
    hint: "Name a folder that xfer server backup has finished, and that you may read.",
    ifDamaged: "Take another backup, and look at the health of the disk that has this one.",
  },
} as const;

/**
 * Says of whatever goes wrong in opening a folder, or with its catalog, what a person can do about it. Throws
 * `ConfigurationError` `data-folder-unusable` or `backup-unusable`, `IntegrityError` `catalog-damaged`; an error of ours
 * stays what it is.
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
      isLocked ? "Another command or the server is at work on it: try again." : hint,
      printable(place.path),
      cause,
    );
  }
}

/** The error for a catalog that SQLite can't make sense of; of any other failure `undefined`. */
export function damageOf(
  { kind, path }: DataFolderPath,
  cause: unknown,
): IntegrityError | undefined {
  if (!(cause instanceof Error && DAMAGED.test(cause.message))) return undefined;
  return new IntegrityError(
    "catalog-damaged",
    `The catalog of the ${kind} ${printable(path)} is damaged: ${reasonOf(cause)}`,
    { hint: KINDS[kind].ifDamaged, cause },
  );
}
