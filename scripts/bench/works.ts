/** The transfers, and their contenders. */
import type { ContenderName } from "./contenders.ts";

export interface Work {
  readonly name: string;
  /**
   * Upload files, download a file that was uploaded before, upload a folder with its contents, upload it again
   * unchanged, or download it.
   */
  readonly way: "put" | "get" | "put folder" | "put folder again" | "get folder";
  readonly files: number;
  /** Bytes of each file. */
  readonly size: number;
  readonly contenders: readonly ContenderName[];
  /** The round trip between the ends, in milliseconds, for which a relay stands. */
  readonly roundTripMs?: number;
  /** Whether each end has a processor of its own. */
  readonly isPinned?: true;
  /** The most rounds, if one takes minutes. */
  readonly maxRuns?: number;
}

const KIB = 1024;
const GIB = 2 ** 30;

const ALL: readonly ContenderName[] = [
  ...["xfer, protocol 4", "xfer before, protocol 4", "xfer, protocol 3", "scp"] as const,
  ...["scp, aes128-gcm", "rsync -a over ssh", "curl to nginx, TLS", "cp"] as const,
];

const SYNCED: readonly ContenderName[] = [
  ...["scp, then sync", "scp, aes128-gcm, then sync", "curl to nginx, TLS, then sync"] as const,
];

export const PUT_GIB: Work = {
  ...{ name: "one file of 1 GiB, uploaded", way: "put", files: 1, size: GIB },
  contenders: [...ALL, ...SYNCED],
};

export const GET_GIB: Work = {
  ...{ name: "one file of 1 GiB, downloaded", way: "get", files: 1, size: GIB },
  // Protocol 3 cannot download, and cp does the same as for the upload. Earlier versions had other options.
  contenders: [...ALL, ...SYNCED].filter((name) =>
    !["xfer, protocol 3", "xfer before, protocol 4", "cp"].includes(name)
  ),
};

export const PUT_FOLDER: Work = {
  ...{ name: "a folder of 10,000 files of 4 KiB", way: "put folder", files: 10_000, size: 4 * KIB },
  contenders: [
    ...["xfer, protocol 4", "xfer before, protocol 4", "rsync -a --fsync over ssh"] as const,
    ...["rsync -a over ssh", "rsync -a over ssh, then sync", "scp"] as const,
    ...["restic backup over sftp", "cp"] as const,
  ],
};

export const GET_FOLDER: Work = {
  ...{ name: "a folder of 10,000 files of 4 KiB, downloaded", way: "get folder" },
  ...{ files: 10_000, size: 4 * KIB },
  contenders: [
    ...["xfer, protocol 4", "xfer before, protocol 4", "rsync -a over ssh"] as const,
    ...["rsync -a over ssh, then sync", "scp"] as const,
  ],
};

const BESIDE_RSYNC: readonly ContenderName[] = [
  ...["xfer, protocol 4", "xfer before, protocol 4"] as const,
  ...["rsync -a over ssh", "rsync -a over ssh, then sync", "restic backup over sftp"] as const,
];

export const PUT_HUGE: Work = {
  ...{ name: "a folder of 100,000 files of 1 KiB", way: "put folder", files: 100_000, size: KIB },
  contenders: BESIDE_RSYNC,
};

export const AGAIN_HUGE: Work = {
  ...{ name: "a folder of 100,000 files of 1 KiB, uploaded again, unchanged" },
  ...{ way: "put folder again", files: 100_000, size: KIB, contenders: BESIDE_RSYNC },
};

export const AGAIN_MILLION: Work = {
  ...{ name: "a folder of 1,000,000 files of 64 bytes, uploaded again, unchanged" },
  ...{ way: "put folder again", files: 1_000_000, size: 64, maxRuns: 1 },
  contenders: ["xfer, protocol 4", "rsync -a over ssh"],
};

export const PUT_MEDIUM: Work = {
  ...{
    name: "a folder of 2,000 files of 256 KiB",
    way: "put folder",
    files: 2000,
    size: 256 * KIB,
  },
  contenders: BESIDE_RSYNC,
};

export const GET_MEDIUM: Work = {
  ...{ name: "a folder of 2,000 files of 256 KiB, downloaded", way: "get folder" },
  ...{ files: 2000, size: 256 * KIB },
  contenders: BESIDE_RSYNC.filter((name) => name !== "restic backup over sftp"),
};

/** The server is known: the client has uploaded another file before. */
export const PUT_ONE: Work = {
  ...{ name: "one file of 4 KiB to a known server", way: "put", files: 1, size: 4 * KIB },
  contenders: ["xfer, protocol 4", "xfer before, protocol 4", "xfer, protocol 3", "scp"],
};

export const PUT_SMALL: Work = {
  ...{ name: "2,000 files of 4 KiB", way: "put", files: 2000, size: 4 * KIB },
  contenders: [
    ...ALL.filter((name) => name !== "xfer before, protocol 4"),
    "xfer before, protocol 3",
  ],
};

/** The same work, with distance between the ends. */
export function far(work: Work, roundTripMs: number, contenders: readonly ContenderName[]): Work {
  return { ...work, name: `${roundTripMs} ms away: ${work.name}`, roundTripMs, contenders };
}

/** The same work, with a processor for each end: both take as long as on two machines. */
function pinned(work: Work, contenders: readonly ContenderName[]): Work {
  return {
    ...work,
    name: `each end on its own processor: ${work.name}`,
    isPinned: true,
    contenders,
  };
}

const PUT_100: Work = {
  ...{ name: "one file of 100 MB, uploaded", way: "put", files: 1, size: 100e6, contenders: [] },
};
const GET_100: Work = { ...PUT_100, name: "one file of 100 MB, downloaded", way: "get" };

const WITH_SCP = ["xfer, protocol 4", "scp", "rsync -a over ssh"] as const;
const WITH_RSYNC = ["xfer, protocol 4", "rsync -a over ssh"] as const;

/** The transfers at a distance, by their names in `--only`. */
export function farWorks(roundTripMs: number): Readonly<Record<FarPart, Work>> {
  return {
    one: far(PUT_ONE, roundTripMs, WITH_SCP),
    put: far(PUT_100, roundTripMs, WITH_SCP),
    get: far(GET_100, roundTripMs, WITH_SCP),
    folder: far(PUT_FOLDER, roundTripMs, WITH_RSYNC),
    "get-folder": far(GET_FOLDER, roundTripMs, WITH_RSYNC),
  };
}

export type FarPart = "one" | "put" | "get" | "folder" | "get-folder";

export const NEAR_MS = 20;
export const FAR_MS = 100;

function prefixed(prefix: string, works: Readonly<Record<string, Work>>): Record<string, Work> {
  return Object.fromEntries(
    Object.entries(works).map(([name, work]) => [`${prefix}-${name}`, work]),
  );
}

const OVER_NETWORK: readonly ContenderName[] = [
  ...["xfer, protocol 4", "scp", "scp, aes128-gcm", "rsync -a over ssh"] as const,
  "curl to nginx, TLS",
];

const PINNED: Readonly<Record<string, Work>> = {
  put: pinned(PUT_GIB, OVER_NETWORK),
  get: pinned(GET_GIB, OVER_NETWORK),
  folder: pinned(PUT_FOLDER, BESIDE_RSYNC.filter((name) => name !== "restic backup over sftp")),
  "get-folder": pinned(GET_FOLDER, WITH_RSYNC),
};

const IN_CLUSTER: readonly ContenderName[] = [
  ...["xfer, protocol 4", "xfer on PostgreSQL and S3"] as const,
  "three xfer servers on PostgreSQL and S3",
];

/** The same work, with the files on one disk, and in a database and an object store. */
function inCluster(work: Work): Work {
  return { ...work, name: `a cluster: ${work.name}`, contenders: IN_CLUSTER };
}

const CLUSTER: Readonly<Record<string, Work>> = {
  put: inCluster(PUT_100),
  get: inCluster(GET_100),
  folder: inCluster(PUT_FOLDER),
  medium: inCluster({
    ...{ name: "a folder of 200 files of 256 KiB", way: "put folder", contenders: [] },
    ...{ files: 200, size: 256 * KIB },
  }),
};

/** The transfers by their names in `--only`, in groups. */
export const WORK_GROUPS: Readonly<Record<string, Readonly<Record<string, Work>>>> = {
  transfers: {
    "put": PUT_GIB,
    "get": GET_GIB,
    "folder": PUT_FOLDER,
    "get-folder": GET_FOLDER,
    "ten": {
      ...{ name: "10 files of 100 MB", way: "put", files: 10, size: 100e6 },
      contenders: ALL.filter((name) => name !== "xfer before, protocol 4"),
    },
    "small": PUT_SMALL,
    "one": PUT_ONE,
    "medium": PUT_MEDIUM,
    "get-medium": GET_MEDIUM,
  },
  huge: { "100k": PUT_HUGE, "100k-again": AGAIN_HUGE, "million-again": AGAIN_MILLION },
  pinned: prefixed("pinned", PINNED),
  near: prefixed("near", farWorks(NEAR_MS)),
  far: prefixed("far", farWorks(FAR_MS)),
  cluster: prefixed("cluster", CLUSTER),
};

/** All transfers by their names in `--only`. */
export const WORKS: Readonly<Record<string, Work>> = Object.assign(
  {},
  ...Object.values(WORK_GROUPS),
);

/** With more files than this, their number matters more than their size. */
const MANY = 100;

export function isMany({ files }: Work): boolean {
  return files > MANY;
}

/** After removing as many files as this, some file systems create files slowly for a minute. */
const MANY_TO_REMOVE = 10_000;

/** Whether copies stay until the end of the bench, so that removing them does not slow down the next contender. */
export function isKept({ files }: Work): boolean {
  return files >= MANY_TO_REMOVE;
}

/** The same work with a fraction of the amount. */
export function scaled(work: Work, by: number): Work {
  return isMany(work)
    ? { ...work, files: Math.ceil(work.files / by) }
    : { ...work, size: Math.ceil(work.size / by) };
}
