/**
 * System calls of Linux that Deno does not offer, through the C library, with the permission to load one.
 *
 * @module
 */
import { openCLibrary } from "../../platform/c_library.ts";
import { AT_FDCWD, OPEN, PathBuffer } from "./c_arguments.ts";

/** Calls that fail are repeated through Deno, which knows the reason. */
export interface SystemCalls {
  /**
   * Opens the file system of a folder, before anything is written to it. Returns a handle, or `undefined` if the folder
   * cannot be opened.
   */
  readonly openFileSystem: (folder: string) => number | undefined;
  /**
   * Makes everything durable that was written to a file system. Returns `false` if something written since the file
   * system was opened cannot be.
   */
  readonly syncFileSystem: (handle: number) => Promise<boolean>;
  readonly closeFileSystem: (handle: number) => void;
  /** Renames a file if nothing has the new name. Returns whether it was renamed. */
  readonly renameToFree: (path: string, target: string) => boolean;
  /** The type of the file system of a path, as statfs(2) numbers it; `undefined` if it cannot be read. */
  readonly typeOfFileSystem: (path: string) => number | undefined;
}

/** open(2), close(2), syncfs(2), renameat2(2), statfs(2). */
const CALLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  // Writing everything can take long.
  syncfs: { parameters: ["i32"], result: "i32", nonblocking: true },
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
  statfs: { parameters: ["buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const RENAME_NOREPLACE = 1;
/** More than the bytes of `struct statfs`, which begins with the type. */
const STATFS_SIZE = 256;

/** `undefined` where this system or the permissions of the program allow none. */
export const SYSTEM_CALLS: SystemCalls | undefined = openCalls();

function openCalls(): SystemCalls | undefined {
  const symbols = openCLibrary(CALLS);
  return symbols && callsOf(symbols);
}

function callsOf(
  { open, close, syncfs, renameat2, statfs }: Deno.StaticForeignLibraryInterface<typeof CALLS>,
): SystemCalls {
  const [paths, targets] = [new PathBuffer(), new PathBuffer()];
  return {
    openFileSystem(folder) {
      const name = paths.of(folder);
      const handle = name === undefined ? -1 : open(name, OPEN.readOnly | OPEN.closeOnExec);
      return handle < 0 ? undefined : handle;
    },
    syncFileSystem: async (handle) => await syncfs(handle) === 0,
    closeFileSystem: (handle) => void close(handle),
    renameToFree(path, target) {
      const [from, to] = [paths.of(path), targets.of(target)];
      if (from === undefined || to === undefined) return false;
      return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) === 0;
    },
    typeOfFileSystem(path) {
      const name = paths.of(path);
      const found = new Uint32Array(STATFS_SIZE / 4);
      return name !== undefined && statfs(name, found) === 0 ? found[0] : undefined;
    },
  };
}
