/**
 * Reads an object by ranges. The next one is requested while the previous one is read. A range that is cut off is
 * requested again from there.
 *
 * @module
 */
import type { Bytes } from "../../../protocol/bytes.ts";
import { Backoff, type RetryPolicy, TransientFailure } from "./backoff.ts";
import type { ObjectRange } from "./bucket.ts";

/**
 * The size of a range in bytes: long enough that requests cost little, short enough that a reader that stops wastes
 * little.
 */
const RANGE = 8 * 1024 * 1024;
/** The time to wait for the next bytes of a range, in milliseconds. */
const STALL_MS = 30_000;

export interface RangedReadOptions {
  /** Requests a range; `to` is exclusive. `undefined` if the object is missing. */
  readonly get: (from: number, to: number) => Promise<ObjectRange | undefined>;
  readonly retry: RetryPolicy;
  readonly from: number;
  /** Bytes from there on are probably not needed. */
  readonly to: number;
  readonly pieceSize: number;
  /** The error for an object that is missing. */
  readonly missing: () => Error;
  /** The size of a range in bytes. */
  readonly range?: number | undefined;
}

/** Pieces of one size; only the last may be smaller. A piece changes when the next is requested. */
export async function* readRanges(options: RangedReadOptions): AsyncGenerator<Bytes, void, void> {
  const { pieceSize } = options;
  let piece: Bytes = new Uint8Array(0);
  let filled = 0;
  for await (const { bytes, size } of contentOf(options)) {
    for (let at = 0; at < bytes.length;) {
      // A small object needs no large buffer.
      if (piece.length === 0) {
        piece = new Uint8Array(Math.min(pieceSize, Math.max(size - options.from, 1)));
      }
      const part = bytes.subarray(at, at + piece.length - filled);
      piece.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < piece.length) continue;
      yield piece;
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

interface Arrived {
  readonly bytes: Bytes;
  /** The size of the whole object in bytes. */
  readonly size: number;
}

/** The content from `from` on, as it arrives. */
async function* contentOf(options: RangedReadOptions): AsyncGenerator<Arrived, void, void> {
  const { get, retry, from, missing, range = RANGE } = options;
  /** Where a range ends that begins at an offset. The last one wanted ends with a whole piece. */
  const to = from + Math.ceil((options.to - from) / options.pieceSize) * options.pieceSize;
  const endOf = (at: number) => at < to ? Math.min(at + range, to) : at + range;
  const backoff = new Backoff(retry);
  let ahead: Promise<ObjectRange | undefined> | undefined;
  const request = (at: number) => {
    const requested = get(at, endOf(at));
    requested.catch(() => undefined); // reported when its turn comes
    return requested;
  };
  try {
    for (let at = from, size = Infinity; at < size;) {
      const current = await (ahead ?? request(at));
      ahead = undefined;
      // An object never changes: another size is that of another object.
      if (current === undefined || (size !== Infinity && current.size !== size)) {
        await current?.body.cancel();
        throw missing();
      }
      size = current.size;
      const end = Math.min(endOf(at), size);
      if (end < Math.min(size, to)) ahead = request(end);
      try {
        for await (const bytes of arriving(current.body)) {
          if (at + bytes.length > end) throw new TransientFailure("it sent more than the range");
          at += bytes.length;
          backoff.progress();
          yield { bytes, size };
        }
        if (at < end) throw new TransientFailure("it ended an object too early");
      } catch (error) {
        await cancel(ahead);
        ahead = undefined;
        await backoff.pause(error);
      }
    }
  } finally {
    await cancel(ahead);
  }
}

/** The bytes of an answer. Throws `TransientFailure` if it is cut off or stalls. Closes it if the caller stops. */
async function* arriving(body: ReadableStream<Bytes>): AsyncGenerator<Bytes, void, void> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await withinStall(reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function withinStall<T>(reading: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stalled = () => reject(new TransientFailure("it stopped in the middle of an object"));
  const timer = setTimeout(stalled, STALL_MS);
  try {
    return await Promise.race([reading, promise]);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new TransientFailure("the connection was cut in the middle of an object", {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Closes a range that nobody will read. */
async function cancel(requested: Promise<ObjectRange | undefined> | undefined): Promise<void> {
  const range = await requested?.catch(() => undefined);
  await range?.body.cancel().catch(() => undefined);
}
