/**
 * Properties of local files, folders and links, read with one call each, and the content of small files. On Linux, and
 * with the permission to load a library, this is statx(2), with times to the nanosecond, and read(2), which takes half of
 * the time of Deno's calls. Elsewhere Deno reads them, less exactly.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { openCLibrary } from "../../platform/c_library.ts";
import { AT_FDCWD, OPEN, PathBuffer } from "./c_arguments.ts";

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
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // Of a small file, all bytes of the result fit into 32 bits.
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
const AT_SYMLINK_NOFOLLOW = 0x100;
/** An empty path stands for the open file itself. */
const AT_EMPTY_PATH = 0x1000;
const EMPTY_PATH = new Uint8Array(1);
/** A FIFO is not the inspected file. */
const FOR_READING = OPEN.readOnly | OPEN.nonBlocking | OPEN.closeOnExec;
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

interface EntryCalls {
  /** Reads the properties of what is at a path. Does not follow a link. Throws what `Deno.lstatSync` throws. */
  readonly statEntry: (path: string) => EntryStat;
  /**
   * Reads all of a small file that was inspected. `buffer` has room for one byte more, which shows that it has grown.
   * Returns whether it is still the same file and has not changed. Throws what Deno throws.
   */
  readonly readUnchanged: (path: string, stat: EntryStat, buffer: Bytes) => boolean;
}

const BY_DENO: EntryCalls = { statEntry: statByDeno, readUnchanged: readByDeno };

export const { statEntry, readUnchanged }: EntryCalls = openCalls() ?? BY_DENO;

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

function openCalls(): EntryCalls | undefined {
  const symbols = openCLibrary(CALLS);
  return symbols && callsOf(symbols);
}

/** Calls that fail are repeated through Deno, which knows the reason. */
function callsOf(
  { statx, open, read, close }: Deno.StaticForeignLibraryInterface<typeof CALLS>,
): EntryCalls {
  const paths = new PathBuffer();
  const found = new Uint8Array(STATX_SIZE);
  const words = new Uint32Array(found.buffer);
  const signed = new Int32Array(found.buffer);
  const word = (index: number) => words[index] as number;
  const seconds = (index: number) => (signed[index + 1] as number) * TWO_32 + word(index);
  const statAt = (file: number, path: Bytes, flags: number): EntryStat | undefined => {
    if (statx(file, path, flags, STATX_BASIC_STATS, found) !== 0) return undefined;
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
  return {
    statEntry(path) {
      const name = paths.of(path);
      return (name && statAt(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW)) ?? statByDeno(path);
    },
    readUnchanged(path, stat, buffer) {
      const name = paths.of(path);
      const file = name === undefined ? -1 : open(name, FOR_READING);
      if (file < 0) return readByDeno(path, stat, buffer);
      let done = 0;
      while (done < buffer.length) {
        const room = done === 0 ? buffer : buffer.subarray(done);
        const size = read(file, room, BigInt(room.length));
        if (size <= 0) break;
        done += size;
        // Its size shows whether more follows.
        if (done === stat.size) break;
      }
      const now = statAt(file, EMPTY_PATH, AT_EMPTY_PATH);
      close(file);
      if (now !== undefined && !isSameStat(stat, now)) return false;
      const isRead = now !== undefined && done === stat.size;
      return isRead || readByDeno(path, stat, buffer);
    },
  };
}

function readByDeno(path: string, stat: EntryStat, buffer: Bytes): boolean {
  using file = Deno.openSync(path, { read: true });
  let done = 0;
  while (done < buffer.length) {
    const size = file.readSync(done === 0 ? buffer : buffer.subarray(done));
    if (size === null) break;
    done += size;
  }
  return done === stat.size && isSameStat(stat, statEntry(path));
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
