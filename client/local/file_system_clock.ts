/**
 * Whether the times of a file system come from the clock of this machine. Those of a network file system come from its
 * server, whose clock may show another time.
 *
 * @module
 */
import { type EntryStat, statEntry } from "./entry_stat.ts";
import { SYSTEM_CALLS } from "./system_calls.ts";

/** The types of statfs(2) of file systems on disks and in memory of this machine. */
const LOCAL: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x2fc12fc1, // ZFS
  0xca451a4e, // bcachefs
  0xf2f52010, // F2FS
  0x3153464a, // JFS
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlayfs
  0x4d44, // FAT
  0x2011bab0, // exFAT
  0x7366746e, // NTFS
]);

/**
 * The coarsest clock of a file system, in milliseconds. A file that changed no longer ago than this may change again
 * without a difference that shows.
 */
export const CLOCK_GRAIN_MS = 2000;

/** The number of a file system, in two parts. */
export type Device = Pick<EntryStat, "deviceMajor" | "deviceMinor">;

/**
 * The file system of a folder, if it has the clock of this machine. `undefined` if it has not or that cannot be known:
 * elsewhere than on Linux, and without the permission to load a library. Never throws.
 */
export function deviceWithOwnClock(folder: string): Device | undefined {
  const type = SYSTEM_CALLS?.typeOfFileSystem(folder);
  if (type === undefined || !LOCAL.has(type)) return undefined;
  try {
    return statEntry(folder);
  } catch {
    return undefined;
  }
}

/**
 * Whether a file's times, of this machine's clock, would show a change after it was inspected at `at`, in milliseconds
 * since 1970, even if only their seconds are known.
 */
export function isOld(
  { mtimeSeconds, ctimeSeconds }: Pick<EntryStat, "mtimeSeconds" | "ctimeSeconds">,
  at: number,
): boolean {
  return at - 1000 * (Math.max(mtimeSeconds, ctimeSeconds) + 1) > CLOCK_GRAIN_MS;
}
