/**
 * Modification times and permission bits of local files. Deno reads and sets times to the millisecond, and sets none of
 * a symbolic link. On Linux, and with the permission to load a library, the system's own calls do both to the
 * nanosecond.
 *
 * @module
 */
import { lutimesSync } from "node:fs";
import { openCLibrary } from "../../platform/c_library.ts";
import { AT_FDCWD, floorDivide, PathBuffer, TimesBuffer } from "./c_arguments.ts";

/** Properties of an entry that are stored with its content. */
export interface StoredAttributes {
  /** Permission bits; `undefined` if they are unknown. */
  readonly mode: number | undefined;
  /** The modification time, in nanoseconds since 1970 UTC. */
  readonly mtime: bigint;
}

/** Reads and sets modification times, in nanoseconds since 1970 UTC. Neither function follows symbolic links. */
export interface FileTimes {
  /** Throws what `Deno.lstatSync` throws. Returns 0 if the system does not know the time. */
  readonly read: (path: string) => bigint;
  /** Throws what `Deno.utimeSync` throws. The time of the last access may change too. */
  readonly set: (path: string, time: bigint) => void;
}

const MILLISECOND = 1_000_000n;
const SECOND = 1_000_000_000n;

/** Times to the millisecond, on every system. */
export const MILLISECOND_TIMES: FileTimes = {
  read: (path) => BigInt(Deno.lstatSync(path).mtime?.getTime() ?? 0) * MILLISECOND,
  set(path, time) {
    const date = new Date(Number(floorDivide(time, MILLISECOND)));
    if (Deno.lstatSync(path).isSymlink) lutimesSync(path, date, date);
    else Deno.utimeSync(path, date, date);
  },
};

/** statx(2) and utimensat(2). */
const CALLS = {
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_MTIME = 0x40;
/** The bytes of `struct statx`, and where seconds (i64) and nanoseconds (u32) of its `stx_mtime` are. */
const STATX_SIZE = 256;
const STATX_SECONDS = 112;
const STATX_NANOSECONDS = 120;

/** Times to the nanosecond; `undefined` where this system or the permissions of the program allow none. */
export const NANOSECOND_TIMES: FileTimes | undefined = openTimes();

function openTimes(): FileTimes | undefined {
  const symbols = openCLibrary(CALLS);
  return symbols && timesBy(symbols);
}

/** Calls that fail are repeated through Deno, which knows the reason. */
function timesBy(
  { statx, utimensat }: Deno.StaticForeignLibraryInterface<typeof CALLS>,
): FileTimes {
  const paths = new PathBuffer();
  const found = new Uint8Array(STATX_SIZE);
  const seconds = new BigInt64Array(found.buffer, STATX_SECONDS, 1);
  const nanoseconds = new Uint32Array(found.buffer, STATX_NANOSECONDS, 1);
  const times = new TimesBuffer();
  return {
    read(path) {
      const name = paths.of(path);
      const isRead = name !== undefined &&
        statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_MTIME, found) === 0;
      if (!isRead) return MILLISECOND_TIMES.read(path);
      return (seconds[0] as bigint) * SECOND + BigInt(nanoseconds[0] as number);
    },
    set(path, time) {
      const name = paths.of(path);
      const isSet = name !== undefined &&
        utimensat(AT_FDCWD, name, times.of(time), AT_SYMLINK_NOFOLLOW) === 0;
      if (!isSet) MILLISECOND_TIMES.set(path, time);
    },
  };
}

const TIMES: FileTimes = NANOSECOND_TIMES ?? MILLISECOND_TIMES;

/** The modification time of a file, folder or link, in nanoseconds since 1970 UTC: see {@link FileTimes.read}. */
export function readTime(path: string): bigint {
  return TIMES.read(path);
}

/** Sets the modification time of a file, folder or link, in nanoseconds since 1970 UTC: see {@link FileTimes.set}. */
export function setTime(path: string, time: bigint): void {
  TIMES.set(path, time);
}

/** The permission bits, setuid, setgid and sticky bit; `undefined` if the system has none (Windows). */
export function modeOf({ mode }: Pick<Deno.FileInfo, "mode">): number | undefined {
  return mode === null || Deno.build.os === "windows" ? undefined : mode & 0o7777;
}
