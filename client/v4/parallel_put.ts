/**
 * Sends the chunks of one large file over several connections: the first, which began the upload, and others that join
 * it and leave.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { NetworkError, RefusedError } from "../../protocol/errors.ts";
import type { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE, createChunkBuffer } from "../../protocol/v4/merkle_tree.ts";
import type { OpenEntry, SourceEntry } from "../local/source_entry.ts";
import type { PutRequest } from "./put_request.ts";
import type { RequestMux } from "./request_mux.ts";

/** The size of the smallest file that is sent over several connections, in bytes. */
export const PARALLEL_SIZE = 32 * CHUNK_SIZE;

/**
 * The chunks that are sent before all others are confirmed, so that no chunk is further ahead of an unconfirmed one
 * than the protocol allows.
 */
const SEGMENT_CHUNKS = 480;
/**
 * The number of chunks of each further segment that only the first connection sends. It cannot confirm chunks. Once it
 * sends these, its earlier ones have left the system's buffers.
 */
const RESERVED_CHUNKS = 32;

/** An upload in progress on the first connection. */
export interface ParallelUpload {
  readonly file: SourceEntry;
  readonly source: OpenEntry;
  /** A buffer for one chunk, with room for `ChunkDigests.addBeside`. */
  readonly buffer: Bytes;
  readonly digests: ChunkDigests;
  /** Bytes that the server has. */
  readonly offset: number;
  /** The id with which others join, 16 bytes. */
  readonly transfer: Bytes;
  /** The first connection, and the request on it. */
  readonly mux: RequestMux;
  readonly request: Pick<PutRequest, "refusal" | "isOver">;
  /** Sends a chunk on the first connection. */
  readonly sendChunk: (offset: number, chunk: Bytes) => Promise<void>;
  /** Called with the size of each chunk sent, on any connection. */
  readonly onSent: (bytes: number) => void;
}

/**
 * Sends all chunks that the server does not have, or as many as it accepts, and waits until those of the other
 * connections are confirmed. If a connection fails, closes all and throws `NetworkError`; the next attempt resumes.
 */
export async function sendInParallel(
  upload: ParallelUpload,
  others: readonly RequestMux[],
): Promise<void> {
  const { file, offset, mux: { gracefulAbort }, request } = upload;
  const isOver = () => request.isOver || gracefulAbort.isAborted;
  const helpers = new Set(others);
  for (let from = offset; from < file.size; from += SEGMENT_CHUNKS * CHUNK_SIZE) {
    const to = Math.min(file.size, from + SEGMENT_CHUNKS * CHUNK_SIZE);
    const segment = new Segment(from, to, isOver);
    const reserved = from === offset ? 0 : RESERVED_CHUNKS;
    await untilFirstFailure(segment, [
      segment.run(chunkSender(upload, upload, upload.sendChunk), reserved),
      ...[...helpers].map(async (helper) => {
        try {
          const hasHelped = await help(helper, upload, segment, from === offset);
          if (!hasHelped) helpers.delete(helper);
        } catch (error) {
          if (!isGone(error)) throw error;
          if (request.refusal !== undefined) throw request.refusal;
          // Otherwise a chunk was changed on the way, and the result of the request says so.
          if (!request.isOver) throw firstLost(error);
        }
      }),
    ], [upload.mux, ...others]);
    if (!segment.isStopped) continue;
    // Joined connections confirm their chunks first.
    gracefulAbort.check();
    return;
  }
}

/**
 * Joins the upload, sends chunks while any are left, and leaves, which confirms them. Returns whether it could join. A
 * server that allows no joining refuses the first time.
 */
async function help(
  mux: RequestMux,
  upload: ParallelUpload,
  segment: Segment,
  isFirstTime: boolean,
): Promise<boolean> {
  const tag = mux.nextTag();
  try {
    await mux.askFor({ kind: "join", tag, transfer: upload.transfer }, "done");
  } catch (error) {
    if (isFirstTime && isGone(error)) return false;
    throw error;
  }
  using source = await upload.file.open();
  const reader = { source, buffer: createChunkBuffer() };
  await segment.run(
    chunkSender(
      upload,
      reader,
      (at, chunk) => mux.sendChunk(tag, at, chunk, upload.digests.ofChunk(at)),
    ),
  );
  await mux.askFor({ kind: "leave", tag }, "done");
  return true;
}

/** Reads, hashes and sends the chunk at an offset. */
type ChunkSender = (offset: number) => Promise<void>;

function chunkSender(
  { digests, onSent }: ParallelUpload,
  { source, buffer }: Pick<ParallelUpload, "source" | "buffer">,
  send: (offset: number, chunk: Bytes) => Promise<void>,
): ChunkSender {
  return async (offset) => {
    const chunk = await source.readAt(offset, buffer);
    if (!digests.has(offset)) await digests.addBeside(offset, chunk);
    await send(offset, chunk);
    onSent(chunk.length);
  };
}

/** Waits for all senders. If one fails, the others stop. */
async function untilFirstFailure(
  segment: Segment,
  senders: readonly Promise<void>[],
  muxes: readonly RequestMux[],
): Promise<void> {
  const guarded = senders.map((sender) =>
    sender.catch((error) => {
      segment.stop();
      // Chunks that one connection has lost can be sent again only after the server has released the other connections.
      if (error instanceof NetworkError) { for (const mux of muxes) mux[Symbol.dispose](); }
      throw error;
    })
  );
  await Promise.allSettled(guarded);
  await Promise.all(guarded);
}

/** Whether the error says that the joined upload has ended. */
function isGone(error: unknown): boolean {
  return error instanceof RefusedError && error.code === "no-such-transfer";
}

/** The error if the server notices before the client that the first connection was lost. */
function firstLost(cause: unknown): NetworkError {
  return new NetworkError(
    "connection-lost",
    "disconnected: the connection that began the upload was lost",
    {
      cause,
    },
  );
}

/** A part of a file. Free connections take its chunks. */
class Segment {
  #next: number;
  #to: number;
  readonly #isOver: () => boolean;

  constructor(from: number, to: number, isOver: () => boolean) {
    this.#next = from;
    this.#to = to;
    this.#isOver = isOver;
  }

  /** Whether chunks were skipped after `stop`. */
  get isStopped(): boolean {
    return this.#to === 0;
  }

  /** Ends the distribution of chunks. */
  stop(): void {
    this.#to = 0;
  }

  /** Sends until no chunks are left. `reserved`: the number of next chunks that only this sender sends. */
  async run(send: ChunkSender, reserved = 0): Promise<void> {
    let own = this.#next;
    const shared = Math.min(this.#to, own + reserved * CHUNK_SIZE);
    this.#next = shared;
    for (; own < shared; own += CHUNK_SIZE) await this.#send(send, own);
    while (this.#next < this.#to) {
      const at = this.#next;
      this.#next += CHUNK_SIZE;
      await this.#send(send, at);
    }
  }

  async #send(send: ChunkSender, offset: number): Promise<void> {
    if (this.#isOver()) this.stop();
    else await send(offset);
  }
}
