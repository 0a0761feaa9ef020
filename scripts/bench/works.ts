/** The transfers, and their contenders. */
import type { ContenderName } from "./contenders.ts";

export interface Work {
  readonly name: string;
  /** Upload files, download files that were uploaded before, or upload a folder with its contents. */
  readonly way: "put" | "get" | "put folder";
  readonly files: number;
  /** Bytes of each file. */
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
  // Protocol 3 cannot download, and cp does the same as for the upload.
  contenders: ALL.filter((name) => name !== "xfer, protocol 3" && name !== "cp"),
};

export const PUT_FOLDER: Work = {
  ...{ name: "a folder of 10,000 files of 4 KiB", way: "put folder", files: 10_000, size: 4096 },
  contenders: [
    ...["xfer, protocol 4", "rsync -a --fsync over ssh", "rsync -a over ssh"] as const,
    ...["scp", "cp"] as const,
  ],
};

/** The transfers by their names in `--only`. */
export const WORKS: Readonly<Record<string, Work>> = {
  "put": PUT_GIB,
  "get": GET_GIB,
  "folder": PUT_FOLDER,
  "ten": { name: "10 files of 100 MB", way: "put", files: 10, size: 100e6, contenders: ALL },
  "small": { name: "2,000 files of 4 KiB", way: "put", files: 2000, size: 4096, contenders: ALL },
};

/** With more files than this, their number matters more than their size. */
const MANY = 100;

export function isMany({ files }: Work): boolean {
  return files > MANY;
}

/** The same work with a fraction of the amount. */
export function scaled(work: Work, by: number): Work {
  return isMany(work)
    ? { ...work, files: Math.ceil(work.files / by) }
    : { ...work, size: Math.ceil(work.size / by) };
}
