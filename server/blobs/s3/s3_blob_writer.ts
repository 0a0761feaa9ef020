/**
 * An upload to a bucket. Small files are one PUT when they are finished. All others are multipart uploads, whose parts
 * are sent while the next one is being filled.
 *
 * @module
 */
import type { Bytes } from "../../../protocol/bytes.ts";
import type { BlobId, BlobWriter, UploadId } from "../blob_store.ts";
import type { BegunUpload, Bucket, UploadPart } from "./bucket.ts";
import type { PartMemory } from "./part_memory.ts";
import { MAX_PARTS, partSize, tooLarge } from "./part_sizes.ts";
import { explained } from "./s3_failure.ts";

/** The number of parts of an upload that are sent at a time. */
const SENDING = 2;

export interface S3BlobWriterOptions {
  readonly bucket: Bucket;
  readonly memory: PartMemory;
  readonly uploadId: UploadId;
  readonly blobId: BlobId;
  /** The upload in the store; `undefined` for a small file. */
  readonly storeId: string | undefined;
  /** The parts that the store has, from the first one on. */
  readonly parts: readonly UploadPart[];
  /** The expected size of the file in bytes. */
  readonly size: number | undefined;
  /** The size of a part, and the smallest of one that is not the last, in bytes. */
  readonly partSize: number;
  readonly minPartSize: number;
}

export class S3BlobWriter implements BlobWriter {
  readonly uploadId: UploadId;
  readonly blobId: BlobId;
  readonly #options: S3BlobWriterOptions;
  /** Changes before anything is awaited. Writes are accepted while it is open. No work begins once it is gone. */
  #state: "open" | "closed" | "gone" = "open";
  /** Ends waiting when the upload is aborted. */
  readonly #aborting = new AbortController();
  /** The last operation: they are done in order. */
  #busy: Promise<unknown> = Promise.resolve();
  /** The accepted bytes. */
  #size: number;
  #upload: BegunUpload | undefined;
  /** By number, from 1 on. A part that is being sent is a gap. */
  readonly #parts: (UploadPart | undefined)[];
  /** The bytes after the last part: the first `#filled` of the buffer. */
  #buffer: Bytes = new Uint8Array(0);
  #filled = 0;
  /** Where the buffer begins in the file. */
  #bufferOffset: number;
  /** The memory that the buffer has taken. */
  #taken = 0;
  /** Whether the buffer of a small, closed file waits for `finish`. */
  #isWaiting = false;
  readonly #sending = new Set<Promise<void>>();
  /** The first failure of a part. All later work fails with it. */
  #failure: { readonly error: unknown } | undefined;
  #closed: Promise<void> | undefined;
  #finished: Promise<void> | undefined;
  #aborted: Promise<void> | undefined;

  constructor(options: S3BlobWriterOptions) {
    this.#options = options;
    this.uploadId = options.uploadId;
    this.blobId = options.blobId;
    const { storeId, blobId: key } = options;
    this.#upload = storeId === undefined ? undefined : { key, storeId };
    this.#parts = [...options.parts];
    this.#size = this.#bufferOffset = this.#durable(Infinity);
  }

  write(offset: number, bytes: Bytes): Promise<void> {
    if (this.#state === "open" && offset !== this.#size) {
      return Promise.reject(
        new Error(`cannot write ${this.uploadId} at ${offset}: its size is ${this.#size}`),
      );
    }
    const written = this.#enqueue(() => this.#fill(bytes));
    if (this.#state === "open") this.#size += bytes.length;
    return written;
  }

  async checkpoint(upTo: number): Promise<number> {
    if (this.#state === "open") await this.#busy;
    else await this.close();
    await this.#settle();
    return this.#durable(upTo);
  }

  close(): Promise<void> {
    this.#closed ??= this.#end(async () => {
      const { memory } = this.#options;
      this.#isWaiting = this.#upload === undefined && memory.mayWait(this.#filled);
      if (this.#isWaiting) return;
      if (this.#filled > 0) await this.#send();
      await this.#settle();
    });
    return this.#closed;
  }

  async suspend(upTo: number): Promise<number> {
    this.#closed ??= this.#end(() => this.#settle());
    await this.#closed;
    this.#release();
    return this.#durable(upTo);
  }

  async finish(): Promise<void> {
    await this.close();
    if (this.#state === "gone") throw this.#over();
    this.#finished = this.#complete();
    await this.#finished;
    this.#state = "gone";
  }

  abort(): Promise<void> {
    if (this.#state !== "gone") {
      this.#state = "gone";
      this.#aborting.abort(this.#over());
      this.#aborted = this.#delete();
    }
    return this.#aborted ?? Promise.resolve();
  }

  /** The bytes at the beginning, at most `upTo`, that the store has as whole parts. */
  #durable(upTo: number): number {
    let end = 0;
    for (const part of this.#parts) {
      if (part === undefined || end + part.size > upTo) break;
      end += part.size;
    }
    return end;
  }

  /** Copies bytes to the buffer. Sends it when it is full and more bytes follow, or another part will. */
  async #fill(bytes: Bytes): Promise<void> {
    const last = this.#parts.at(-1);
    if (bytes.length > 0 && last !== undefined && last.size < this.#options.minPartSize) {
      throw new Error(`cannot write ${this.uploadId}: its last part is too small to be followed`);
    }
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === this.#buffer.length) await this.#makeRoom();
      const piece = bytes.subarray(at, at + this.#buffer.length - this.#filled);
      this.#buffer.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled === this.#nextPartSize && this.#upload !== undefined) await this.#send();
    }
  }

  /** Makes the buffer larger, or sends it if it is a whole part. */
  async #makeRoom(): Promise<void> {
    if (this.#filled > 0 && this.#filled === this.#nextPartSize) return await this.#send();
    const { memory, size } = this.#options;
    const isExpected = size !== undefined && this.#filled === 0 && size > this.#bufferOffset;
    // A small file takes no more memory than it needs. If it is larger than expected, it gets a whole part.
    const wanted = isExpected
      ? Math.min(size - this.#bufferOffset, this.#nextPartSize)
      : this.#nextPartSize;
    await memory.take(wanted - this.#taken, this.#aborting.signal);
    this.#taken = wanted;
    const larger = new Uint8Array(wanted);
    larger.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = larger;
  }

  get #nextPartSize(): number {
    const { partSize: base, size: expected, parts } = this.#options;
    // The expected size is not known when an upload is reopened, but its parts have the size that it led to.
    const least = parts.length > 1 ? parts[0]?.size : undefined;
    return partSize(this.#parts.length + 1, { base, expected, least });
  }

  /** Begins to send the buffer as the next part, when few enough others are being sent. */
  async #send(): Promise<void> {
    const { bucket, memory, blobId: key } = this.#options;
    const upload = this.#upload ??= { key, storeId: await bucket.beginUpload(key) };
    while (this.#sending.size >= SENDING) await Promise.race(this.#sending);
    this.#throwFailure();
    const number = this.#parts.length + 1;
    if (number > MAX_PARTS) throw tooLarge();
    const [body, taken] = [this.#buffer.subarray(0, this.#filled), this.#taken];
    this.#bufferOffset += this.#filled;
    this.#buffer = new Uint8Array(0);
    this.#filled = this.#taken = 0;
    this.#parts.push(undefined);
    const send = async () => {
      try {
        const etag = await bucket.putPart(upload, number, body, this.#aborting.signal);
        this.#parts[number - 1] = { number, size: body.length, etag };
      } catch (error) {
        this.#failure ??= { error: explained(error, "write to") };
      } finally {
        memory.give(taken);
        this.#sending.delete(sent);
      }
    };
    const sent: Promise<void> = send();
    this.#sending.add(sent);
  }

  /** Resolves when all parts that were begun have been sent. Throws the failure of one. */
  async #settle(): Promise<void> {
    await Promise.all(this.#sending);
    this.#throwFailure();
  }

  async #complete(): Promise<void> {
    const { bucket, blobId: key } = this.#options;
    const { signal } = this.#aborting;
    try {
      const parts = this.#parts.filter((part) => part !== undefined);
      if (this.#upload !== undefined && parts.length > 0) {
        await bucket.completeUpload(this.#upload, parts, signal);
      } else {
        await bucket.put(key, this.#buffer.subarray(0, this.#filled), signal);
        // An upload without parts cannot be completed.
        if (this.#upload !== undefined) await bucket.abortUpload(this.#upload);
      }
    } catch (error) {
      throw explained(error, "write to");
    }
    this.#release();
  }

  /** If the store does not answer, a sweep deletes what is left. */
  async #delete(): Promise<void> {
    await Promise.allSettled([this.#busy, ...this.#sending]);
    const hasFinished = await this.#finished?.then(() => true, () => false);
    this.#release();
    if (this.#upload === undefined || hasFinished) return;
    await this.#options.bucket.abortUpload(this.#upload).catch(() => undefined);
  }

  /** Gives back the memory of the buffer. */
  #release(): void {
    const { memory } = this.#options;
    if (this.#isWaiting) memory.endWaiting(this.#filled);
    memory.give(this.#taken);
    this.#isWaiting = false;
    this.#buffer = new Uint8Array(0);
    this.#filled = this.#taken = 0;
  }

  /** Does the last work. Writes are refused from now on. */
  #end(lastWork: () => Promise<void>): Promise<void> {
    const ended = this.#enqueue(lastWork);
    if (this.#state === "open") this.#state = "closed";
    return ended;
  }

  /** Runs work after all earlier work. After a failure, all later work fails too. */
  #enqueue(work: () => Promise<void>): Promise<void> {
    if (this.#state !== "open") return Promise.reject(this.#over());
    const done = this.#busy.then(async () => {
      if (this.#state === "gone") throw this.#over();
      this.#throwFailure();
      try {
        await work();
      } catch (error) {
        throw explained(error, "write to");
      }
    });
    this.#busy = done;
    // The caller handles the failure. Later work only repeats it.
    done.catch(() => undefined);
    return done;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #over(): Error {
    return new Error(`cannot write ${this.uploadId}: it is ${this.#state}`);
  }
}
