/**
 * A blob store in memory like an object store: an upload consists of parts, all but the last of one size; a part is
 * durable when it is whole; nothing is appended, renamed or written out of order.
 */
import { type Bytes, concatBytes, toHex } from "../../../protocol/bytes.ts";
import {
  type BlobId,
  BlobNotFound,
  type BlobStore,
  type BlobWriter,
  type CreateOptions,
  type ReadOptions,
  type ReopenOptions,
  type UploadId,
} from "../../../server/blobs/blob_store.ts";

export interface ObjectBlobStoreOptions {
  /** The size of a part in bytes. */
  readonly partSize: number;
}

/** The durable data: parts of uploads, and objects. A writer's buffer is not durable. */
export class ObjectBlobStore implements BlobStore {
  readonly randomAccess = false;
  readonly #partSize: number;
  readonly #objects = new Map<BlobId, Bytes>();
  readonly #uploads = new Map<UploadId, Bytes[]>();

  constructor({ partSize }: ObjectBlobStoreOptions) {
    this.#partSize = partSize;
  }

  /** The numbers of blobs and uploads. */
  get counts(): { readonly blobs: number; readonly uploads: number } {
    return { blobs: this.#objects.size, uploads: this.#uploads.size };
  }

  async create(_: CreateOptions): Promise<BlobWriter> {
    await aTurn();
    return this.#writer(newId("upload") as UploadId);
  }

  async reopen(id: UploadId, { offset }: ReopenOptions): Promise<BlobWriter> {
    await aTurn();
    const parts = this.#uploads.get(id);
    if (parts === undefined) throw new BlobNotFound(`no upload ${id}`);
    const kept = partsUpTo(parts, offset);
    if (sizeOf(kept) !== offset) {
      throw new BlobNotFound(`upload ${id} cannot be continued at ${offset}`);
    }
    this.#uploads.set(id, kept);
    return this.#writer(id);
  }

  #writer(uploadId: UploadId): BlobWriter {
    return new ObjectWriter(uploadId, this.#uploads, this.#objects, this.#partSize);
  }

  async *read(id: BlobId, { from = 0, pieceSize = 1000 }: ReadOptions = {}) {
    const object = this.#objects.get(id);
    if (object === undefined) throw new BlobNotFound(`no object ${id}`);
    for (let at = from; at < object.length; at += pieceSize) {
      await aTurn();
      yield object.slice(at, at + pieceSize);
    }
  }

  async stat(id: BlobId | UploadId): Promise<{ readonly size: number } | undefined> {
    await aTurn();
    const object = this.#objects.get(id as BlobId);
    if (object !== undefined) return { size: object.length };
    const parts = this.#uploads.get(id as UploadId);
    return parts && { size: sizeOf(parts) };
  }

  async delete(id: BlobId | UploadId): Promise<void> {
    await aTurn();
    this.#objects.delete(id as BlobId);
    this.#uploads.delete(id as UploadId);
  }

  async *list(): AsyncGenerator<BlobId, void, void> {
    for (const id of [...this.#objects.keys()]) {
      await aTurn();
      yield id;
    }
  }

  async sweepUploads(keep: (id: UploadId) => Promise<boolean>): Promise<number> {
    let count = 0;
    for (const id of [...this.#uploads.keys()]) {
      if (await keep(id)) continue;
      this.#uploads.delete(id);
      count++;
    }
    return count;
  }
}

class ObjectWriter implements BlobWriter {
  readonly blobId = newId("object") as BlobId;
  #state: "open" | "closed" | "gone" = "open";
  /** The bytes after the last whole part. */
  #buffer: Bytes = new Uint8Array(0);
  #size: number;
  #busy: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;
  #finished: Promise<void> | undefined;
  /** Whether a part smaller than the others exists. None may follow it. */
  #hasLast: boolean;

  constructor(
    readonly uploadId: UploadId,
    readonly uploads: Map<UploadId, Bytes[]>,
    readonly objects: Map<BlobId, Bytes>,
    readonly partSize: number,
  ) {
    const parts = uploads.get(uploadId) ?? [];
    uploads.set(uploadId, parts);
    this.#size = sizeOf(parts);
    this.#hasLast = (parts.at(-1)?.length ?? partSize) < partSize;
  }

  write(offset: number, bytes: Bytes): Promise<void> {
    if (offset !== this.#size) {
      return Promise.reject(new Error(`Cannot write at ${offset}: ${this.#size} bytes are there`));
    }
    this.#size += bytes.length;
    return this.#enqueue(() => {
      if (this.#hasLast && bytes.length > 0) throw new Error("a part before the last is too small");
      this.#buffer = concatBytes(this.#buffer, bytes);
      while (this.#buffer.length >= this.partSize) {
        this.#parts.push(this.#buffer.slice(0, this.partSize));
        this.#buffer = this.#buffer.slice(this.partSize);
      }
    });
  }

  async checkpoint(upTo: number): Promise<number> {
    await this.#busy;
    return sizeOf(partsUpTo(this.#parts, upTo));
  }

  close(): Promise<void> {
    this.#closed ??= this.#end(() => {
      if (this.#buffer.length > 0) this.#parts.push(this.#buffer);
    });
    return this.#closed;
  }

  async suspend(upTo: number): Promise<number> {
    this.#closed ??= this.#end(() => undefined);
    await this.#closed;
    const kept = partsUpTo(this.#parts, upTo);
    this.uploads.set(this.uploadId, kept);
    return sizeOf(kept);
  }

  async finish(): Promise<void> {
    await this.close();
    if (this.#state === "gone") throw new Error("the upload is gone");
    this.#finished = aTurn().then(() => {
      this.objects.set(this.blobId, concatBytes(...this.#parts));
      this.uploads.delete(this.uploadId);
    });
    await this.#finished;
    this.#state = "gone";
  }

  async abort(): Promise<void> {
    if (this.#state === "gone") return;
    this.#state = "gone";
    await Promise.allSettled([this.#busy, this.#finished]);
    this.uploads.delete(this.uploadId);
  }

  get #parts(): Bytes[] {
    const parts = this.uploads.get(this.uploadId);
    if (parts === undefined) throw new Error("the upload is gone");
    return parts;
  }

  #end(work: () => void): Promise<void> {
    const ended = this.#enqueue(work);
    if (this.#state === "open") this.#state = "closed";
    return ended;
  }

  #enqueue(work: () => void): Promise<void> {
    if (this.#state !== "open") return Promise.reject(new Error(`the upload is ${this.#state}`));
    const done = this.#busy.then(async () => {
      await aTurn();
      if (this.#state === "gone") throw new Error("the upload is gone");
      work();
    });
    this.#busy = done;
    done.catch(() => undefined);
    return done;
  }
}

/** The first parts that end at or before an offset. */
function partsUpTo(parts: readonly Bytes[], offset: number): Bytes[] {
  const kept: Bytes[] = [];
  for (const part of parts) {
    if (sizeOf(kept) + part.length > offset) break;
    kept.push(part);
  }
  return kept;
}

function sizeOf(parts: readonly Bytes[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/** A new id. It is not a path, so that a test fails if one uses it as a path. */
function newId(kind: string): string {
  return `${kind}:${toHex(crypto.getRandomValues(new Uint8Array(16)))}`;
}

function aTurn(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(resolve));
}
