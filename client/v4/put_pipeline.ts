/**
 * Uploads over one connection. The next file is sent before the server has confirmed the previous one.
 *
 * @module
 */
import {
  fileChanged,
  InterruptedError,
  NetworkError,
  ProtocolError,
} from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { V4Event } from "../events.ts";
import type { SourceEntry } from "../local/source_entry.ts";
import { createChunkBuffers } from "./digested_chunks.ts";
import type { PutResult, StoredVersion } from "./put_request.ts";
import type { ClientSession } from "./session.ts";
import type { Upload, WholeContent } from "./upload.ts";
import type { WorkQueue } from "./work_queue.ts";

/** Called with the result of an upload: what is stored, or why it is not. */
export type OnResult = (upload: Upload, result: StoredVersion | Error) => void;

/** Errors after which nothing more is sent on the connection. */
const ENDS = [NetworkError, ProtocolError, InterruptedError];

export class PutPipeline {
  readonly #session: ClientSession;
  readonly #onEvent: (event: V4Event) => void;
  readonly #onResult: OnResult;
  readonly #buffers = createChunkBuffers();
  /** Uploads without a result. */
  readonly #pending = new Set<Upload>();
  #wake: () => void = () => undefined;
  /** The error that ended the connection. */
  #end: unknown;

  constructor(session: ClientSession, onEvent: (event: V4Event) => void, onResult: OnResult) {
    this.#session = session;
    this.#onEvent = onEvent;
    this.#onResult = onResult;
  }

  /**
   * Sends uploads from a queue until it is empty and each has its result. Throws the error that ends the connection and
   * requeues uploads without a result. After an abort, waits for the results of files that were sent in full.
   */
  run(queue: WorkQueue<Upload>): Promise<void> {
    return this.#session.mux.gracefulAbort.critical(() => this.#run(queue));
  }

  async #run(queue: WorkQueue<Upload>): Promise<void> {
    const { mux, window } = this.#session;
    const { gracefulAbort } = mux;
    const ahead = new ReadAhead(queue);
    try {
      while (this.#end === undefined) {
        gracefulAbort.check();
        const next = this.#pending.size < window ? ahead.next() : undefined;
        if (next === undefined) {
          if (this.#pending.size === 0) return;
          await this.#nextResult();
          continue;
        }
        const { upload, content } = next;
        this.#pending.add(upload);
        try {
          const io = { onEvent: this.#onEvent, buffers: this.#buffers };
          const { result } = content === undefined
            ? await upload.send([mux], io)
            : await upload.sendWhole(mux, content, io);
          this.#await(result, upload, queue);
        } catch (error) {
          this.#fail(upload, error, queue);
        }
      }
    } finally {
      // After a protocol error, the answers to other requests don't matter.
      if (this.#end !== undefined && !gracefulAbort.isAborted) mux[Symbol.dispose]();
      await ahead.end();
      while (this.#pending.size > 0) await this.#nextResult();
    }
    throw this.#end;
  }

  #nextResult(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  #await(result: Promise<PutResult>, upload: Upload, queue: WorkQueue<Upload>): void {
    result.then((stored) => {
      this.#pending.delete(upload);
      if (stored !== undefined) return this.#onResult(upload, stored);
      upload.restart();
      queue.requeue([upload]);
    }).catch((error) => this.#fail(upload, error, queue))
      .catch((error) => this.#end ??= error)
      .finally(() => this.#wake());
  }

  #fail(upload: Upload, error: unknown, queue: WorkQueue<Upload>): void {
    this.#pending.delete(upload);
    if (!ENDS.some((end) => error instanceof end)) {
      return this.#onResult(upload, error instanceof Error ? error : new Error(String(error)));
    }
    this.#end ??= error;
    queue.requeue([upload]);
  }
}

/** The most files that are read ahead, and the most bytes of them together. */
const AHEAD = 16;
const AHEAD_BYTES = 4 * 1024 * 1024;

interface NextUpload {
  readonly upload: Upload;
  /** The content of a file of one chunk. */
  readonly content: Promise<WholeContent> | undefined;
}

class ReadAhead {
  readonly #queue: WorkQueue<Upload>;
  readonly #next: NextUpload[] = [];
  /** Bytes that are read ahead. */
  #bytes = 0;

  constructor(queue: WorkQueue<Upload>) {
    this.#queue = queue;
  }

  /** The next upload, or `undefined` if none is queued. */
  next(): NextUpload | undefined {
    while (this.#next.length < AHEAD && this.#bytes < AHEAD_BYTES) {
      const upload = this.#queue.take();
      if (upload === undefined) break;
      const content = upload.file.size <= CHUNK_SIZE ? readWhole(upload.file) : undefined;
      // The promise is awaited in its turn. Until then, a rejection must not count as unhandled.
      content?.catch(() => undefined);
      this.#next.push({ upload, content });
      if (content === undefined) break;
      this.#bytes += upload.file.size;
    }
    const next = this.#next.shift();
    if (next?.content !== undefined) this.#bytes -= next.upload.file.size;
    return next;
  }

  /** Requeues uploads that were not started. Resolves when all reads have ended. */
  async end(): Promise<void> {
    const left = this.#next.splice(0);
    this.#queue.requeue(left.map(({ upload }) => upload));
    await Promise.allSettled(left.map(({ content }) => content));
  }
}

/** Throws `StorageError`, and `IntegrityError` `file-changed` if the file differs from the inspected one. */
async function readWhole(file: SourceEntry): Promise<WholeContent> {
  using source = await file.open();
  const bytes = await source.readWhole();
  const digests = new ChunkDigests(bytes.length);
  if (bytes.length > 0) await digests.addBeside(0, bytes);
  if (await source.hasChanged()) throw fileChanged(printable(file.path));
  return { bytes, digests };
}
