/**
 * Properties of local files, folders and links, read with one call each. On Linux, and with the permission to load a
 * library, this is statx(2), with times to the nanosecond. Elsewhere Deno reads them, less exactly.
 *
 * @module
 */
import { AT_FDCWD, openCLibrary, PathBuffer } from "./c_library.ts";

/** The kind of something in a folder. `other`: it has no content to upload. */
export type StatKind = "file" | "folder" | "link" | "pipe" | "socket" | "other";

/** An entry as it was at one moment. It differs after any write. */
export interface EntryStat {
  readonly kind: StatKind;
  /** Permission bits, setuid, setgid and sticky bit; `undefined` if the system has none. */
  readonly mode: number | undefined;
  /** In bytes. */
  readonly size: number;
  /** The modification time: seconds since 1970 UTC, rounded down, and the nanoseconds after it. */
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  /** The time of the last change of content or properties, likewise; `NaN` if the system has none. */
  readonly ctimeSeconds: number;
  readonly ctimeNanoseconds: number;
  /** The number of the entry in its file system; 0 if the system has none. */
  readonly inode: number;
  /** The number of the file system, in two parts. */
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

const CALLS = {
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
const AT_SYMLINK_NOFOLLOW = 0x100;
/** Everything that stat(2) returns too. */
const STATX_BASIC_STATS = 0x7ff;
/** The bytes of `struct statx`. */
const STATX_SIZE = 256;
/** The index of each field in 32-bit numbers. Of 64-bit fields, the lower half comes first. */
const FIELD = { mode: 7, inode: 8, size: 10, ctime: 24, mtime: 28, device: 34 } as const;

const S_IFMT = 0o170000;
const KINDS: Readonly<Record<number, StatKind>> = {
  0o100000: "file",
  0o040000: "folder",
  0o120000: "link",
  0o010000: "pipe",
  0o140000: "socket",
};
const TWO_32 = 2 ** 32;

/** Reads the properties of what is at a path. Does not follow a link. Throws what `Deno.lstatSync` throws. */
export const statEntry: (path: string) => EntryStat = openStat() ?? statByDeno;

/** The modification time in nanoseconds since 1970 UTC. */
export function mtimeOf({ mtimeSeconds, mtimeNanoseconds }: EntryStat): bigint {
  return BigInt(mtimeSeconds) * 1_000_000_000n + BigInt(mtimeNanoseconds);
}

/** Whether an entry was not changed between two moments. */
export function isSameStat(a: EntryStat, b: EntryStat): boolean {
  return a.kind === b.kind && a.size === b.size && a.inode === b.inode &&
    a.mtimeSeconds === b.mtimeSeconds && a.mtimeNanoseconds === b.mtimeNanoseconds &&
    a.ctimeSeconds === b.ctimeSeconds && a.ctimeNanoseconds === b.ctimeNanoseconds &&
    a.deviceMajor === b.deviceMajor && a.deviceMinor === b.deviceMinor;
}

function openStat(): ((path: string) => EntryStat) | undefined {
  const symbols = openCLibrary(CALLS);
  return symbols && statBy(symbols);
}

/** Calls that fail are repeated through Deno, which knows the reason. */
function statBy(
  { statx }: Deno.StaticForeignLibraryInterface<typeof CALLS>,
): (path: string) => EntryStat {
  const paths = new PathBuffer();
  const found = new Uint8Array(STATX_SIZE);
  const words = new Uint32Array(found.buffer);
  const signed = new Int32Array(found.buffer);
  const word = (index: number) => words[index] as number;
  const seconds = (index: number) => (signed[index + 1] as number) * TWO_32 + word(index);
  return (path) => {
    const name = paths.of(path);
    const isFound = name !== undefined &&
      statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, found) === 0;
    if (!isFound) return statByDeno(path);
    const mode = word(FIELD.mode) & 0xffff;
    return {
      kind: KINDS[mode & S_IFMT] ?? "other",
      mode: mode & 0o7777,
      size: word(FIELD.size + 1) * TWO_32 + word(FIELD.size),
      mtimeSeconds: seconds(FIELD.mtime),
      mtimeNanoseconds: word(FIELD.mtime + 2),
      ctimeSeconds: seconds(FIELD.ctime),
      ctimeNanoseconds: word(FIELD.ctime + 2),
      inode: word(FIELD.inode + 1) * TWO_32 + word(FIELD.inode),
      deviceMajor: word(FIELD.device),
      deviceMinor: word(FIELD.device + 1),
    };
  };
}

function statByDeno(path: string): EntryStat {
  return statOf(Deno.lstatSync(path));
}

/** The properties as far as Deno reports them: `mtime` to the millisecond, `ctime` to the second. */
export function statOf(info: Deno.FileInfo): EntryStat {
  const [mtimeSeconds, mtimeNanoseconds] = split(info.mtime?.getTime() ?? 0);
  const [ctimeSeconds, ctimeNanoseconds] = split(info.ctime?.getTime() ?? NaN);
  const hasMode = info.mode !== null && Deno.build.os !== "windows";
  return {
    kind: kindOf(info),
    mode: hasMode ? (info.mode as number) & 0o7777 : undefined,
    size: info.size,
    ...{ mtimeSeconds, mtimeNanoseconds, ctimeSeconds, ctimeNanoseconds },
    inode: info.ino ?? 0,
    deviceMajor: Math.floor(info.dev / TWO_32),
    deviceMinor: info.dev >>> 0,
  };
}

function split(ms: number): [seconds: number, nanoseconds: number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, (ms - seconds * 1000) * 1_000_000];
}

function kindOf(info: Deno.FileInfo): StatKind {
  if (info.isFile) return "file";
  if (info.isDirectory) return "folder";
  if (info.isSymlink) return "link";
  if (info.isFifo === true) return "pipe";
  return info.isSocket === true ? "socket" : "other";
}
