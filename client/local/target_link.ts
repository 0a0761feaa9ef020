/**
 * Symbolic links of this machine, which downloads create and compare. They are never followed.
 *
 * @module
 */
import { overwritable } from "./atomic_file.ts";
import { exists, writing } from "./partial_file.ts";
import { temporaryPath } from "./temporary_files.ts";

/**
 * Creates a symbolic link. Without `force`, it overwrites nothing; with it, a file or another link. `prepare` gets its
 * path before it is at its final one. Throws `UsageError` `target-exists`, `StorageError` `cannot-write`.
 */
export async function createLink(
  path: string,
  target: string,
  { force, prepare }: {
    readonly force: boolean;
    readonly prepare: (path: string) => Promise<void>;
  },
): Promise<void> {
  await writing(path, async () => {
    if (!force) {
      try {
        Deno.symlinkSync(target, path);
      } catch (error) {
        throw error instanceof Deno.errors.AlreadyExists ? exists(path) : error;
      }
      return await prepare(path);
    }
    const temporary = temporaryPath(path);
    Deno.symlinkSync(target, temporary);
    try {
      await prepare(temporary);
      overwritable(path);
      Deno.renameSync(temporary, path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => undefined);
      throw error;
    }
  });
}

/** The target of a link; `undefined` if the path is none. */
export async function readLink(path: string): Promise<string | undefined> {
  return await Deno.readLink(path).catch(() => undefined);
}
