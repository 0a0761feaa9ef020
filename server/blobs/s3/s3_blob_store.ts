/**
 * Blobs as objects in a bucket of an S3-compatible store: `<prefix>blobs/<random>`.
 *
 * @module
 */
import { ConfigurationError, reasonOf, UnavailableError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import {
  type BlobCopying,
  type BlobId,
  BlobNotFound,
  type BlobStore,
  type BlobToCopy,
  type BlobWriter,
  type CreateOptions,
  type Quarantine,
  randomPartOf,
  type ReadOptions,
  type ReopenOptions,
  type UploadId,
} from "../blob_store.ts";
import { type BegunUpload, Bucket, type UploadPart } from "./bucket.ts";
import {
  blobIdOf,
  BLOBS,
  isBlobId,
  isQuarantineKey,
  newBlobId,
  newQuarantineKey,
  parseUploadId,
  uploadIdOf,
} from "./ids.ts";
import { PartMemory } from "./part_memory.ts";
import { MIN_PART_SIZE, mostBytes, PART_SIZE, tooLarge } from "./part_sizes.ts";
import { readRanges } from "./ranged_read.ts";
import { S3BlobWriter } from "./s3_blob_writer.ts";
import { S3Client, type S3ClientOptions } from "./s3_client.ts";
import { explained, S3Refusal } from "./s3_failure.ts";

/** The default size of the pieces in which blobs are read, in bytes. */
const READ_SIZE = 256 * 1024;

export interface S3BlobStoreOptions extends S3ClientOptions {
  /** Before all keys: empty, or ends with a slash. */
  readonly prefix: string;
  /** Other sizes than those of S3, for tests; in bytes. */
  readonly sizes?: {
    readonly part?: number;
    readonly minPart?: number;
    readonly memory?: number;
    readonly range?: number;
  };
}

export class S3BlobStore implements BlobStore, BlobCopying, Quarantine, Disposable {
  readonly randomAccess = false;
  readonly #client: S3Client;
  readonly #bucket: Bucket;
  readonly #memory: PartMemory;
  readonly #partSize: number;
  readonly #minPartSize: number;
  readonly #range: number | undefined;

  /**
   * Opens a store, and tries whether its bucket can be used. Throws `ConfigurationError` `bucket-unusable`,
   * `object-store-certificate`; `UnavailableError` `unavailable`.
   */
  static async open(options: S3BlobStoreOptions): Promise<S3BlobStore> {
    const store = new S3BlobStore(options);
    try {
      await store.#bucket.check();
      return store;
    } catch (error) {
      store[Symbol.dispose]();
      if (error instanceof ConfigurationError || error instanceof UnavailableError) throw error;
      const reason = explained(error, "read");
      const hint = reason instanceof Error && "hint" in reason ? reason.hint : undefined;
      throw new ConfigurationError(
        "bucket-unusable",
        `cannot use ${printable(options.bucketUrl)}: ${
          error instanceof S3Refusal
            ? `the object store answered ${error.message}`
            : reasonOf(error)
        }`,
        { ...(typeof hint === "string" ? { hint } : {}), cause: error },
      );
    }
  }

  private constructor(options: S3BlobStoreOptions) {
    const { prefix, sizes = {}, ...client } = options;
    this.#client = new S3Client(client);
    this.#bucket = new Bucket(this.#client, prefix);
    this.#memory = new PartMemory(sizes.memory);
    this.#partSize = sizes.part ?? PART_SIZE;
    this.#minPartSize = sizes.minPart ?? MIN_PART_SIZE;
    this.#range = sizes.range;
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }

  /** The bytes of parts in memory. */
  get bytesInMemory(): number {
    return this.#memory.taken;
  }

  create({ size }: CreateOptions): Promise<BlobWriter> {
    return this.#create(newBlobId(), size);
  }

  copyId({ id }: BlobToCopy): BlobId | undefined {
    const random = randomPartOf(id);
    return random === undefined ? undefined : blobIdOf(random);
  }

  createCopy(id: BlobId, size: number): Promise<BlobWriter> {
    return this.#create(id, size);
  }

  async #create(blobId: BlobId, size: number | undefined): Promise<BlobWriter> {
    if (size !== undefined && size > mostBytes(this.#partSize)) throw tooLarge();
    const isSmall = size !== undefined && size <= this.#partSize;
    const storeId = isSmall
      ? undefined
      : await explaining("write to", this.#bucket.beginUpload(blobId));
    return this.#writer(blobId, storeId, [], size);
  }

  async reopen(id: UploadId, { offset }: ReopenOptions): Promise<BlobWriter> {
    const upload = begunUpload(id);
    const parts = await this.#partsOf(upload);
    const kept: UploadPart[] = [];
    let end = 0;
    for (const part of parts ?? []) {
      if (end + part.size > offset) break;
      kept.push(part);
      end += part.size;
    }
    if (upload === undefined || parts === undefined || end !== offset) {
      throw new BlobNotFound(`cannot continue ${printable(id)} at ${offset}: no part ends there`);
    }
    return this.#writer(upload.key, upload.storeId, kept);
  }

  #writer(
    blobId: BlobId,
    storeId: string | undefined,
    parts: readonly UploadPart[],
    size?: number,
  ): S3BlobWriter {
    return new S3BlobWriter({
      ...{ bucket: this.#bucket, memory: this.#memory, blobId, storeId, parts, size },
      ...{ partSize: this.#partSize, minPartSize: this.#minPartSize },
      uploadId: uploadIdOf({ blobId, storeId }),
    });
  }

  /**
   * Reads a blob by ranges. A blob that is deleted in the meantime is read to the end of the ranges that were
   * requested. Then the reading throws `BlobNotFound`.
   */
  async *read(id: BlobId, options: ReadOptions = {}): AsyncGenerator<Bytes, void, void> {
    if (!isBlobId(id)) throw noObject(id);
    yield* this.#pieces(id, options);
  }

  /** Pieces of any object below the prefix. */
  async *#pieces(
    key: string,
    { from = 0, to = Infinity, pieceSize = READ_SIZE }: ReadOptions,
  ): AsyncGenerator<Bytes, void, void> {
    const missing = () => noObject(key);
    try {
      yield* readRanges({
        get: (begin, end) => this.#bucket.get(key, begin, end),
        ...{ retry: this.#client.retry, range: this.#range, from, to, pieceSize, missing },
      });
    } catch (error) {
      throw explained(error, "read");
    }
  }

  async stat(id: BlobId | UploadId): Promise<{ readonly size: number } | undefined> {
    if (!isBlobId(id)) {
      const parts = await this.#partsOf(begunUpload(id));
      return parts && { size: parts.reduce((sum, { size }) => sum + size, 0) };
    }
    const size = await explaining("read", this.#bucket.size(id));
    return size === undefined ? undefined : { size };
  }

  /** The parts of an upload without a gap, from the first one on. */
  async #partsOf(upload: BegunUpload | undefined): Promise<UploadPart[] | undefined> {
    const parts = upload && await explaining("read", this.#bucket.parts(upload));
    return parts?.filter(({ number }, index) => number === index + 1);
  }

  async delete(id: BlobId | UploadId): Promise<void> {
    const upload = begunUpload(id);
    if (isBlobId(id)) await explaining("write to", this.#bucket.delete(id));
    else if (upload !== undefined) await explaining("write to", this.#bucket.abortUpload(upload));
  }

  async isOccupied(id: BlobId): Promise<boolean> {
    return await explaining("read", this.#bucket.size(id)) !== undefined;
  }

  newQuarantinePlace(): string {
    return newQuarantineKey();
  }

  /** Copies the object through this process: stores copy no large objects in one request, and not all offer more. */
  async quarantine(id: BlobId, place: string): Promise<void> {
    // Foreign objects among the blobs, too.
    if (!id.startsWith(BLOBS)) throw noObject(id);
    const size = await explaining("read", this.#bucket.size(id));
    if (size === undefined) return;
    const writer = await this.#quarantineWriter(place, size);
    try {
      let at = 0;
      for await (const piece of this.#pieces(id, {})) {
        await writer.write(at, piece);
        at += piece.length;
      }
      await writer.finish();
    } catch (error) {
      await writer.abort();
      // Another process has moved it in the meantime.
      if (error instanceof BlobNotFound) return;
      throw error;
    }
    await explaining("write to", this.#bucket.delete(id));
  }

  async quarantineContent(content: Bytes, place: string): Promise<void> {
    await explaining("write to", this.#bucket.put(quarantineKey(place), content));
  }

  async recordQuarantined(entry: string, place = newQuarantineKey()): Promise<void> {
    const content = new TextEncoder().encode(`${entry}\n`);
    await explaining("write to", this.#bucket.put(`${quarantineKey(place)}.json`, content));
  }

  async #quarantineWriter(place: string, size: number): Promise<BlobWriter> {
    const key = quarantineKey(place);
    for await (const upload of this.#bucket.uploads(key)) await this.#bucket.abortUpload(upload);
    return await this.#create(key as BlobId, size);
  }

  async *list(): AsyncGenerator<BlobId, void, void> {
    try {
      for await (const key of this.#bucket.list(BLOBS)) yield key as BlobId;
    } catch (error) {
      throw explained(error, "read");
    }
  }

  async sweepUploads(
    keep: (id: UploadId, other?: UploadId) => Promise<boolean>,
  ): Promise<number> {
    let count = 0;
    try {
      for await (const upload of this.#bucket.uploads(BLOBS)) {
        const { key: blobId, storeId } = upload;
        if (!isBlobId(blobId)) continue;
        // A writer that expected a small file began the upload later.
        const small = uploadIdOf({ blobId, storeId: undefined });
        if (await keep(uploadIdOf({ blobId, storeId }), small)) continue;
        await this.#bucket.abortUpload(upload);
        count++;
      }
    } catch (error) {
      throw explained(error, "write to");
    }
    return count;
  }
}

function noObject(id: string): BlobNotFound {
  return new BlobNotFound(`cannot read ${printable(id)}: no such object`);
}

/** Throws `BlobNotFound` for a place that is not one of the quarantine: it comes from a catalog. */
function quarantineKey(place: string): string {
  if (isQuarantineKey(place)) return place;
  throw new BlobNotFound(`cannot write ${printable(place)}: not a place of the quarantine`);
}

/** The upload in the store; `undefined` for an id of another store, and for a small file, which the store has not. */
function begunUpload(id: string): BegunUpload & { readonly key: BlobId } | undefined {
  const upload = parseUploadId(id);
  if (upload?.storeId === undefined) return undefined;
  return { key: upload.blobId, storeId: upload.storeId };
}

async function explaining<T>(doing: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw explained(error, doing);
  }
}
