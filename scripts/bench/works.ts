/** What is moved, and by whom. */
import type { ContenderName } from "./contenders.ts";

export interface Work {
  readonly name: string;
  /** Whether files are stored, or got back after they were; or a folder is stored with all that is in it. */
  readonly way: "put" | "get" | "put folder";
  readonly files: number;
  /** Bytes of each. */
  readonly size: number;
  readonly contenders: readonly ContenderName[];
}

const ALL: readonly ContenderName[] = [
  ...["xfer, protocol 4", "xfer, protocol 3", "scp", "scp, aes128-gcm"] as const,
  ...["rsync -a over ssh", "curl to nginx, TLS", "cp"] as const,
];

export const PUT_GIB: Work = {
  ...{ name: "one file of 1 GiB, uploaded", way: "put", files: 1, size: 2 ** 30, contenders: ALL },
};

export const GET_GIB: Work = {
  ...{ name: "one file of 1 GiB, downloaded", way: "get", files: 1, size: 2 ** 30 },
  // Protocol 3 only sends, and cp does the same as before.
  contenders: ALL.filter((name) => name !== "xfer, protocol 3" && name !== "cp"),
};

export const PUT_FOLDER: Work = {
  ...{ name: "a folder of 10,000 files of 4 KiB", way: "put folder", files: 10_000, size: 4096 },
  contenders: [
    ...["xfer, protocol 4", "rsync -a --fsync over ssh", "rsync -a over ssh"] as const,
    ...["scp", "cp"] as const,
  ],
};

/** By the names that `--only` knows them by. */
export const WORKS: Readonly<Record<string, Work>> = {
  "put": PUT_GIB,
  "get": GET_GIB,
  "folder": PUT_FOLDER,
  "ten": { name: "10 files of 100 MB", way: "put", files: 10, size: 100e6, contenders: ALL },
  "small": { name: "2,000 files of 4 KiB", way: "put", files: 2000, size: 4096, contenders: ALL },
};

/** More files than these are not worth their size, but their number. */
const MANY = 100;

export function isMany({ files }: Work): boolean {
  return files > MANY;
}

/** The same with so many times less to move. */
export function scaled(work: Work, by: number): Work {
  return isMany(work)
    ? { ...work, files: Math.ceil(work.files / by) }
    : { ...work, size: Math.ceil(work.size / by) };
}
