/**
 * One large file sent over several connections: one puts it, the others join and leave.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { NetworkError, RefusedError } from "../../protocol/errors.ts";
import type { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { OpenSource } from "../local/source_file.ts";
import type { RequestMux } from "./request_mux.ts";
import type { UploadItem } from "./upload_item.ts";
import { findStored, resume } from "./resume_put.ts";
import type { ConfirmedChecksum } from "./put_request.ts";
import type { V4Event } from "../events.ts";
import type { ClientSession } from "./session.ts";

/** A file of so many bytes or more is spread. */
export const SPREAD = 32 * CHUNK_SIZE;

/**
 * So many chunks are sent before all others are confirmed: what is sent is never further ahead of one that is on its
 * way still than the protocol allows.
 */
const SEGMENT_CHUNKS = 480;
/**
 * So many of a further segment go over the first connection, which can't confirm: by then whatever it was given before
 * has left the system's buffers.
 */
const SHARE = 32;

/**
 * Sends a file, or what of it the server does not hold. Throws `NetworkError` where any of the connections fails: the
 * next attempt goes on from there.
 */
export function spreadUpload(
  job: UploadItem,
  sessions: readonly ClientSession[],
  onEvent: (event: V4Event) => void,
): Promise<ConfirmedChecksum> {
  const stoppers = sessions.map(({ mux }) => mux.gracefulAbort);
  const spread = stoppers.reduce(
    (work, gracefulAbort) => () => gracefulAbort.critical(work),
    () => spreadOver(job, sessions, onEvent),
  );
  return spread();
}

async function spreadOver(
  job: UploadItem,
  sessions: readonly ClientSession[],
  onEvent: (event: V4Event) => void,
): Promise<ConfirmedChecksum> {
  const [first, ...others] = sessions as [ClientSession, ...ClientSession[]];
  const { file, attempt } = job;
  job.isBegun = true;
  const stored = await findStored(first.mux, job);
  if (stored !== undefined) return stored;
  onEvent({ type: "sending", file, attempt });
  using source = await file.open();
  const buffers = [new Uint8Array(CHUNK_SIZE), new Uint8Array(CHUNK_SIZE)] as const;
  const resumed = await resume(first.mux, job, source, buffers, onEvent);
  const { request, sums, offset, transfer } = resumed;
  let sent = offset;
  const take = (bytes: number) => onEvent({ type: "progress", file, sent: sent += bytes, attempt });
  const { gracefulAbort } = first.mux;
  const isOver = () => request.refusal !== undefined || gracefulAbort.isAborted;
  await request.complete(source, sums, async () => {
    for (let from = offset; from < file.size; from += SEGMENT_CHUNKS * CHUNK_SIZE) {
      const to = Math.min(file.size, from + SEGMENT_CHUNKS * CHUNK_SIZE);
      const segment = new Segment(from, to, sums, isOver, take);
      const reserved = from === offset ? 0 : SHARE;
      const main = new Sender(source, buffers[0], (at, chunk) => request.sendChunk(at, chunk));
      const joined = transfer === undefined ? [] : others;
      await together(segment, [
        segment.run(main, reserved),
        ...joined.map(({ mux }) =>
          takePart(mux, transfer as Bytes, segment, job).catch((error) => {
            throw isGone(error) ? request.refusal ?? firstLost(error) : error;
          })
        ),
      ], sessions);
      if (!segment.isStopped) continue;
      // Not where a chunk is sent: those who have joined confirm first what they sent.
      gracefulAbort.check();
      break;
    }
  });
  return await request.verdict;
}

/** Waits for all, and has them stop when one fails. */
async function together(
  segment: Segment,
  senders: readonly Promise<void>[],
  sessions: readonly ClientSession[],
): Promise<void> {
  const guarded = senders.map((sender) =>
    sender.catch((error) => {
      segment.stop();
      // What one connection has lost can be sent again when the server has let go of the others.
      if (error instanceof NetworkError) {
        for (const { mux } of sessions) mux[Symbol.dispose]();
      }
      throw error;
    })
  );
  await Promise.allSettled(guarded);
  await Promise.all(guarded);
}

/** Joins, sends what there is to be sent, and leaves, which confirms it. */
async function takePart(
  mux: RequestMux,
  transfer: Bytes,
  segment: Segment,
  { file }: UploadItem,
): Promise<void> {
  const tag = mux.nextTag();
  await mux.askFor({ kind: "join", tag, transfer }, "done");
  using source = await file.open();
  const buffer = new Uint8Array(CHUNK_SIZE);
  await segment.run(new Sender(source, buffer, (at, chunk) => mux.sendChunk(tag, at, chunk)));
  await mux.askFor({ kind: "leave", tag }, "done");
}

/** Whether the upload has ended that a connection has joined. */
function isGone(error: unknown): boolean {
  return error instanceof RefusedError && error.code === "no-such-transfer";
}

/** The server has seen that the first connection is lost before the client has. */
function firstLost(cause: unknown): NetworkError {
  return new NetworkError("connection-lost", "The connection that began the upload is lost", {
    cause,
  });
}

class Sender {
  readonly #source: OpenSource;
  readonly #buffer: Bytes;
  readonly #send: (offset: number, chunk: Bytes) => Promise<void>;

  constructor(
    source: OpenSource,
    buffer: Bytes,
    send: (offset: number, chunk: Bytes) => Promise<void>,
  ) {
    this.#source = source;
    this.#buffer = buffer;
    this.#send = send;
  }

  /** Reads, sums up and sends a chunk; returns how many bytes it has. */
  async send(offset: number, sums: ChunkDigests): Promise<number> {
    const chunk = await this.#source.readAt(offset, this.#buffer);
    if (!sums.has(offset)) sums.add(offset, chunk);
    await this.#send(offset, chunk);
    return chunk.length;
  }
}

/** A part of a file, whose chunks are handed out to who sends the next one. */
class Segment {
  #next: number;
  #to: number;
  readonly #sums: ChunkDigests;
  readonly #isOver: () => boolean;
  readonly #take: (bytes: number) => void;

  constructor(
    from: number,
    to: number,
    sums: ChunkDigests,
    isOver: () => boolean,
    take: (bytes: number) => void,
  ) {
    this.#next = from;
    this.#to = to;
    this.#sums = sums;
    this.#isOver = isOver;
    this.#take = take;
  }

  /** Whether not all of it was handed out. */
  get isStopped(): boolean {
    return this.#to === 0;
  }

  /** No chunk is handed out any more. */
  stop(): void {
    this.#to = 0;
  }

  /** Sends until none are left; the next so many, with which it begins, are for this sender alone. */
  async run(sender: Sender, reserved = 0): Promise<void> {
    let own = this.#next;
    const shared = Math.min(this.#to, own + reserved * CHUNK_SIZE);
    this.#next = shared;
    for (; own < shared; own += CHUNK_SIZE) await this.#send(sender, own);
    while (this.#next < this.#to) {
      const at = this.#next;
      this.#next += CHUNK_SIZE;
      await this.#send(sender, at);
    }
  }

  async #send(sender: Sender, offset: number): Promise<void> {
    if (this.#isOver()) return this.stop();
    this.#take(await sender.send(offset, this.#sums));
  }
}
