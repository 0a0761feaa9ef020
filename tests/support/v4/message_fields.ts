/** Fields of messages that most tests don't care about. */

/** Of a `put` of a file: unknown permissions, modified one millisecond after 1970. */
export const FILE_PUT = { entry: "file", mode: undefined, mtime: 1_000_000n } as const;

/** Of a current `file`: unknown permissions, modified one second after 1970. */
export const FILE = {
  ...FILE_PUT,
  ...{ mtime: 1_000_000_000n, version: 1, storedAt: 1000, endedAt: 0, confirmedAt: 0 },
} as const;

/** Of a `stored` for a name that had none before. */
export const STORED = { version: 1, replaced: 0, byOther: 0 } as const;

/** Of a `remove` of a file. */
export const REMOVE = { kind: "remove", recursive: 0, forever: 0 } as const;

/** The time of a number of milliseconds since 1970. */
export const ms = (milliseconds: number): bigint => BigInt(milliseconds) * 1_000_000n;
