/**
 * The free space of a disk.
 *
 * @module
 */
import { statfs } from "node:fs";

/** The bytes that a process without privileges can still write on the disk of a folder. */
export type FreeSpace = (folder: string) => Promise<number>;

export const freeSpaceOf: FreeSpace = (folder) =>
  new Promise((resolve, reject) =>
    statfs(folder, (error, disk) => error ? reject(error) : resolve(disk.bavail * disk.bsize))
  );
