/**
 * Files on their way to the server over one connection: several at once, each confirmed when both ends agree on its
 * sums.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import {
  fileChanged,
  IntegrityError,
  InterruptedError,
  NetworkError,
  ProtocolError,
} from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { UploadItem, UploadItems } from "./upload_item.ts";
import { findStored, resume } from "./resume_put.ts";
import { type ConfirmedChecksum, PutRequest, RESUMABLE } from "./put_request.ts";
import type { V4Event } from "../events.ts";
import type { ClientSession } from "./session.ts";

/** How often a file is sent in all where the sums differ. */
const ATTEMPTS = 3;

/** Takes what came of a file: its checksum, or why it is not stored. */
export type OnResult = (job: UploadItem, outcome: number | Error) => void;

export class PutPipeline {
  readonly #session: ClientSession;
  readonly #onEvent: (event: V4Event) => void;
  readonly #settle: OnResult;
  readonly #buffers: [Bytes, Bytes] = [new Uint8Array(CHUNK_SIZE), new Uint8Array(CHUNK_SIZE)];
  /** Those that are sent and not answered. */
  readonly #pending = new Set<UploadItem>();
  #wake: () => void = () => undefined;
  #end: unknown;

  constructor(session: ClientSession, onEvent: (event: V4Event) => void, settle: OnResult) {
    this.#session = session;
    this.#onEvent = onEvent;
    this.#settle = settle;
  }

  /**
   * Sends files one behind the other, the next before the one before is confirmed, until there are no more. Throws what
   * ends the connection; what is not settled then is given back. Where it is to stop, what was sent whole is waited for.
   */
  async run(jobs: UploadItems): Promise<void> {
    const { mux } = this.#session;
    const { gracefulAbort } = mux;
    const ahead = new ReadAhead(jobs);
    try {
      while (this.#end === undefined) {
        gracefulAbort.check();
        const turn = this.#pending.size < this.#session.window ? ahead.next() : undefined;
        if (turn === undefined) {
          if (this.#pending.size === 0) return;
          await this.#progress();
          continue;
        }
        const { job, content } = turn;
        job.isBegun = true;
        this.#pending.add(job);
        try {
          this.#await(await this.#send(job, content), job, jobs);
        } catch (error) {
          this.#fail(job, error, jobs);
        }
      }
    } finally {
      // Where one request has broken the protocol, the others are not waited for.
      if (this.#end !== undefined && !gracefulAbort.isAborted) mux[Symbol.dispose]();
      await ahead.end();
      while (this.#pending.size > 0) await this.#progress();
    }
    throw this.#end;
  }

  /** Resolves when one more is answered. */
  #progress(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  #await({ verdict }: SentPut, job: UploadItem, jobs: UploadItems): void {
    verdict.then((cksum) => {
      this.#pending.delete(job);
      if (judge(job, cksum, this.#settle)) jobs.requeue([job]);
    }).catch((error) => this.#fail(job, error, jobs))
      .catch((error) => this.#end ??= error)
      .finally(() => this.#wake());
  }

  #fail(job: UploadItem, error: unknown, jobs: UploadItems): void {
    this.#pending.delete(job);
    if (!ENDS.some((end) => error instanceof end)) {
      return this.#settle(job, error instanceof Error ? error : new Error(String(error)));
    }
    this.#end ??= error;
    jobs.requeue([job]);
  }

  /** Sends one file; resolves when it is on its way. */
  async #send(job: UploadItem, content: Promise<Bytes> | undefined): Promise<SentPut> {
    const { mux } = this.#session;
    const { file, attempt } = job;
    if (content !== undefined) {
      const bytes = await content;
      this.#onEvent({ type: "sending", file, attempt });
      const request = await PutRequest.whole(mux, job, bytes);
      this.#onEvent({ type: "progress", file, sent: bytes.length, attempt });
      return request;
    }
    const stored = await findStored(mux, job);
    if (stored !== undefined) return { verdict: Promise.resolve(stored) };
    this.#onEvent({ type: "sending", file, attempt });
    return await this.#stream(job);
  }

  async #stream(job: UploadItem): Promise<SentPut> {
    const { mux } = this.#session;
    const { file, attempt } = job;
    using source = await file.open();
    const { request, sums, offset } = file.size < RESUMABLE
      ? {
        request: await PutRequest.begin(mux, job),
        sums: new ChunkDigests(file.size),
        offset: 0,
      }
      : await resume(mux, job, source, this.#buffers, this.#onEvent);
    await request.complete(source, sums, async () => {
      let at = offset;
      for await (const chunk of source.read(this.#buffers, offset)) {
        if (request.refusal !== undefined) break;
        mux.gracefulAbort.check();
        if (!sums.has(at)) sums.add(at, chunk);
        await request.sendChunk(at, chunk);
        at += chunk.length;
        this.#onEvent({ type: "progress", file, sent: at, attempt });
      }
    });
    return request;
  }
}

type SentPut = Pick<PutRequest, "verdict">;

/** Errors after which nothing more is sent on the connection. */
const ENDS = [NetworkError, ProtocolError, InterruptedError];

/** Tells what came of a file, unless it is to be sent again: `true` then. */
export function judge(job: UploadItem, verdict: ConfirmedChecksum, settle: OnResult): boolean {
  if (verdict !== undefined) {
    settle(job, verdict);
  } else if (job.attempt < ATTEMPTS) {
    job.beginAnew();
    return true;
  } else {
    const path = printable(job.file.path);
    const what = `The checksums of ${path} differ after ${ATTEMPTS} attempts; it is not stored`;
    settle(job, new IntegrityError("checksum-mismatch", what));
  }
  return false;
}

/** A file with more bytes is read as it is sent. */
const SMALL = 64 * 1024;
/** So many are being read, or read and not sent yet. */
const AHEAD = 16;

/** A file's turn has come. */
interface Turn {
  readonly job: UploadItem;
  /** What is in it, where it is small. */
  readonly content: Promise<Bytes> | undefined;
}

class ReadAhead {
  readonly #jobs: UploadItems;
  readonly #turns: Turn[] = [];

  constructor(jobs: UploadItems) {
    this.#jobs = jobs;
  }

  /** The next file, or `undefined` while there is none. */
  next(): Turn | undefined {
    while (this.#turns.length < AHEAD) {
      const job = this.#jobs.take();
      if (job === undefined) break;
      const content = job.file.size <= SMALL ? readWhole(job) : undefined;
      // It is awaited in its turn; until then its failure is not to count as unhandled.
      content?.catch(() => undefined);
      this.#turns.push({ job, content });
      if (content === undefined) break;
    }
    return this.#turns.shift();
  }

  /** Gives back what was not asked for, when nothing of it is being read any more. */
  async end(): Promise<void> {
    const turns = this.#turns.splice(0);
    this.#jobs.requeue(turns.map(({ job }) => job));
    await Promise.allSettled(turns.map(({ content }) => content));
  }
}

/** Throws `StorageError`, and `IntegrityError` for a file that is not what was inspected. */
async function readWhole({ file }: UploadItem): Promise<Bytes> {
  using source = await file.open();
  const content = await source.readWhole();
  if (await source.hasChanged()) throw fileChanged(printable(file.path));
  return content;
}
