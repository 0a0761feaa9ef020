/**
 * Arguments for calls of the C library.
 *
 * @module
 */

/** Relative paths begin at the current folder. */
export const AT_FDCWD = -100;

/** Flags of open(2), the same on each processor that Deno runs on. */
export const OPEN = {
  readOnly: 0,
  writeOnly: 1,
  create: 0o100,
  /** Fail if something has the name. */
  exclusive: 0o200,
  /** Don't wait for the writer of a FIFO. */
  nonBlocking: 0o4000,
  closeOnExec: 0o2000000,
} as const;

/** The longest path of Linux is 4096 bytes with its final NUL; UTF-8 has at most 3 bytes for a UTF-16 unit. */
const MAX_PATH = 4096;

const UTF8 = new TextEncoder();

/** Paths for the library. Each has a buffer, so it is valid until the next one. */
export class PathBuffer {
  readonly #bytes = new Uint8Array(3 * MAX_PATH);
  /** The path in the buffer. */
  #path: string | undefined;

  /** Returns a path as the library reads it, or `undefined` if it is too long, or would end early. */
  of(path: string): Uint8Array<ArrayBuffer> | undefined {
    // Files are inspected, then read.
    if (path === this.#path) return this.#bytes;
    if (path.length >= MAX_PATH || path.includes("\0")) return undefined;
    this.#bytes[UTF8.encodeInto(path, this.#bytes).written] = 0;
    this.#path = path;
    return this.#bytes;
  }
}

const SECOND = 1_000_000_000n;
/** In place of nanoseconds: leave this time as it is. */
const UTIME_OMIT = (1n << 30n) - 2n;

/** The argument of utimensat(2) and futimens(3) for a modification time. It is valid until the next one. */
export class TimesBuffer {
  // The first of both times, of the last access, stays as it is.
  readonly #times = new BigInt64Array([0n, UTIME_OMIT, 0n, 0n]);

  /** `time`: in nanoseconds since 1970 UTC. */
  of(time: bigint): BigInt64Array<ArrayBuffer> {
    const second = floorDivide(time, SECOND);
    this.#times[2] = second;
    this.#times[3] = time - second * SECOND;
    return this.#times;
  }
}

/** Rounds towards −∞. */
export function floorDivide(a: bigint, b: bigint): bigint {
  return a / b - (a % b < 0n ? 1n : 0n);
}
