/**
 * Creates small files through the C library of Linux. Deno resolves a path again for each call, one folder after
 * another, which takes as long as writing a file of a few KiB.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { openCLibrary } from "../../platform/c_library.ts";
import { OPEN, PathBuffer, TimesBuffer } from "./c_arguments.ts";

/** The attributes of a new file. */
export interface FileAttributes {
  readonly mode: number;
  /** Nanoseconds since 1970 UTC; `undefined`: the current time. */
  readonly mtime: bigint | undefined;
}

/** The mode of a file that is not at its final path: private. */
export const NEW_MODE = 0o600;

/**
 * Creates a file with its content and attributes. It is private until all of the content is written. Returns `false`
 * if something fails: then no file is left, and Deno's calls know the reason.
 */
export type CreateFile = (path: string, content: Bytes, attributes: FileAttributes) => boolean;

/** open(2), write(2), fchmod(2), futimens(3), close(2), unlink(2). */
const CALLS = {
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const symbols = openCLibrary(CALLS);

/** The functions of the library. Tests replace them. */
export type NewFileCalls = Deno.StaticForeignLibraryInterface<typeof CALLS>;

/** `undefined` where this system or the permissions of the program allow no such calls. */
export const newFileCalls: NewFileCalls | undefined = symbols && { ...symbols };

export const createFile: CreateFile | undefined = newFileCalls && createBy(newFileCalls);

export function createBy(calls: NewFileCalls): CreateFile {
  const paths = new PathBuffer();
  const times = new TimesBuffer();
  const flags = OPEN.writeOnly | OPEN.create | OPEN.exclusive | OPEN.closeOnExec;
  const fill = (file: number, content: Bytes) => {
    for (let done = 0; done < content.length;) {
      const size = Number(calls.write(file, content.subarray(done), BigInt(content.length - done)));
      if (size <= 0) return false;
      done += size;
    }
    return true;
  };
  return (path, content, { mode, mtime }) => {
    const name = paths.of(path);
    const file = name === undefined ? -1 : calls.open(name, flags, NEW_MODE);
    if (name === undefined || file < 0) return false;
    const isDone = fill(file, content) &&
      (mode === NEW_MODE || calls.fchmod(file, mode) === 0) &&
      (mtime === undefined || calls.futimens(file, times.of(mtime)) === 0);
    // Some file systems report only here that a write has failed.
    if (calls.close(file) === 0 && isDone) return true;
    calls.unlink(name);
    return false;
  };
}
