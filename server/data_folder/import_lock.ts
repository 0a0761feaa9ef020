/**
 * The lock of an import. A starting server removes leftovers of a killed one, and would take files that are being imported
 * for leftovers. The one of the two that comes second does not begin.
 *
 * @module
 */
import { ConfigurationError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { IMPORT_LOCK } from "../../protocol/server_files.ts";
import { lockFolder } from "./folder_lock.ts";

/** Locks a data folder for an import. Throws `ConfigurationError` `import-in-progress`. */
export function lockForImport(path: string): Promise<Disposable> {
  const inUse = (_by: string, cause?: unknown) =>
    new ConfigurationError(
      "import-in-progress",
      `another import into ${printable(path)} is in progress, or its server is starting`,
      { hint: "Try again when it has ended.", cause },
    );
  return lockFolder(path, inUse, IMPORT_LOCK);
}

/** Does work that an import must not see. Returns whether it was done: it is not while an import is in progress. */
export async function unlessImporting(path: string, work: () => Promise<void>): Promise<boolean> {
  let lock: Disposable;
  try {
    lock = await lockForImport(path);
  } catch (error) {
    if (error instanceof ConfigurationError && error.code === "import-in-progress") return false;
    throw error;
  }
  using _lock = lock;
  await work();
  return true;
}
