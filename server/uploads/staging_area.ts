/**
 * Uploads until they are committed: counted for each account, with reserved space on the disk.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import type { BlobStore, BlobWriter, UploadId } from "../blobs/blob_store.ts";
import { MAX_INLINE } from "../catalog/bounds.ts";
import { newInlineId } from "../catalog/inline_ids.ts";
import { LimitError, type Limits } from "../limits/limits.ts";
import { InlineWriter } from "./inline_writer.ts";

/** The number of uploads per measurement of the free space, which takes as long as writing a small file. */
const MEASURE_EVERY = 64;
/** If free space exceeds `minFree` by less than this number of bytes, it is measured before each upload. */
const AMPLE_BYTES = 1024 * 1024 * 1024;

/** The most bytes of small files in memory, of all accounts. Further ones go to the blob store. */
export const MOST_IN_MEMORY = 32 * 1024 * 1024;

/** The share of an upload in the limits of a staging area. */
interface StagedShare {
  readonly written: (bytes: number) => void;
  readonly grow: (bytes: number) => Promise<void>;
  readonly release: () => void;
}

/** An upload from its creation until it is committed, suspended or aborted. It must then be released. */
export class StagedUpload {
  readonly writer: BlobWriter;
  readonly #written: (bytes: number) => void;
  readonly #grow: (bytes: number) => Promise<void>;
  #release: (() => void) | undefined;

  constructor(writer: BlobWriter, { written, grow, release }: StagedShare) {
    this.writer = writer;
    this.#written = written;
    this.#grow = grow;
    this.#release = release;
  }

  /** All bytes of a small file that goes into the catalog. */
  get inline(): Bytes | undefined {
    return this.writer instanceof InlineWriter ? this.writer.bytes : undefined;
  }

  /** Writes as `BlobWriter.write` does, and ends the reservation of the written bytes. */
  async write(offset: number, bytes: Bytes): Promise<void> {
    const { length } = bytes;
    await this.writer.write(offset, bytes);
    this.#written(length);
  }

  /** Reserves space on the disk for more bytes than `create` has. Throws `LimitError` `minFree`. */
  async grow(bytes: number): Promise<void> {
    await this.#grow(bytes);
  }

  /** Ends the upload's share of all limits. Can be called more than once. */
  release(): void {
    this.#release?.();
    this.#release = undefined;
  }
}

/** History that makes room on the disk. */
export interface OldHistory {
  /** The bytes of all history; also of history in the catalog, which makes no room. */
  bytes(): Promise<number>;
  /** Drops the oldest history of all accounts until `bytes` are free, or a page of it. Returns whether history was left. */
  dropOldest(bytes: number): Promise<boolean>;
}

const NO_HISTORY: OldHistory = {
  bytes: () => Promise.resolve(0),
  dropOldest: () => Promise.resolve(false),
};

/** Tells servers that share a catalog what this one is writing. */
export interface UploadOwner {
  own(id: UploadId): Promise<void>;
  disown(id: UploadId): void;
}

/**
 * The largest upload that ends before a sweep of another server could find it twice, in bytes: that of a pack. Only larger
 * ones are worth a row in the catalog.
 */
const MAX_SHORT = 1024 * 1024;

export class StagingArea {
  readonly #blobs: Pick<BlobStore, "create" | "reopen">;
  readonly #limits: Limits;
  readonly #freeSpace: () => Promise<number>;
  readonly #history: OldHistory;
  readonly #owner: UploadOwner | undefined;
  readonly #countByClient = new Map<string, number>();
  #count = 0;
  /** Bytes that are reserved and not written yet. */
  #promised = 0;
  #inMemory = 0;
  /** The free bytes at the last measurement, minus later reservations. */
  #room = 0;
  /** Uploads since the last measurement. */
  #unmeasured = 0;
  /** Bytes reserved since the last measurement began. */
  #admitted = 0;
  #measuring: Promise<void> | undefined;
  #dropping: Promise<boolean> | undefined;

  constructor(
    blobs: Pick<BlobStore, "create" | "reopen">,
    limits: Limits,
    freeSpace: () => Promise<number>,
    history: OldHistory = NO_HISTORY,
    owner?: UploadOwner,
  ) {
    this.#history = history;
    this.#owner = owner;
    this.#blobs = blobs;
    this.#limits = limits;
    this.#freeSpace = freeSpace;
  }

  /** The number of uploads that are not released. */
  get count(): number {
    return this.#count;
  }

  /** The bytes on the disk that are reserved for uploads and not written yet. */
  get reservedBytes(): number {
    return this.#promised;
  }

  /** Begins an upload of `size` bytes. Throws `LimitError` `maxStagedPerClient` or `minFree`. */
  create(owner: Bytes, size: number): Promise<StagedUpload> {
    const isLong = size > MAX_SHORT;
    return this.#open(owner, size, () => this.#blobs.create({ owner, size }), { isLong });
  }

  /** Begins an upload of unknown size, whose space is reserved as it grows. Throws `LimitError` `maxStagedPerClient`. */
  createGrowing(owner: Bytes): Promise<StagedUpload> {
    return this.#open(owner, 0, () => this.#blobs.create({ owner }), { isLong: true });
  }

  /** Like `create` for at most `size` bytes, but in memory if the catalog can keep the file and memory is left. */
  createInline(owner: Bytes, size: number): Promise<StagedUpload> {
    const isSmall = size <= Math.min(this.#limits.inlineSize, MAX_INLINE);
    if (!isSmall || this.#inMemory + size > MOST_IN_MEMORY) return this.create(owner, size);
    const writer = new InlineWriter(newInlineId(), size);
    return this.#open(owner, size, () => Promise.resolve(writer), { inMemory: size });
  }

  /**
   * Reserves space on the disk for bytes that the catalog will store, until the result is disposed of. Throws `LimitError`
   * `minFree`.
   */
  async reserve(size: number): Promise<Disposable> {
    await this.#admit(size);
    return { [Symbol.dispose]: () => void (this.#promised -= size) };
  }

  /** Reopens an upload of `size` bytes at an offset. Throws as `create` does, and as `BlobStore.reopen`. */
  reopen(owner: Bytes, id: UploadId, offset: number, size: number): Promise<StagedUpload> {
    const reopen = () => this.#blobs.reopen(id, { owner, offset });
    return this.#open(owner, size - offset, reopen, { isLong: true, offset });
  }

  /**
   * `size`: bytes to come; `inMemory`: those that take memory until the upload is released; `isLong`: whether other servers
   * must know of it; `offset`: where a partial upload continues.
   */
  async #open(
    accountId: Bytes,
    size: number,
    open: () => Promise<BlobWriter>,
    { inMemory = 0, isLong = false, offset }: {
      readonly inMemory?: number;
      readonly isLong?: boolean;
      readonly offset?: number;
    },
  ): Promise<StagedUpload> {
    const owner = toHex(accountId);
    const { maxStagedPerClient } = this.#limits;
    const count = this.#countByClient.get(owner) ?? 0;
    if (count >= maxStagedPerClient) throw new LimitError("maxStagedPerClient", maxStagedPerClient);
    this.#countByClient.set(owner, count + 1);
    this.#count++;
    this.#inMemory += inMemory;
    let promised = 0;
    const written = (bytes: number) => {
      const kept = Math.min(bytes, promised);
      promised -= kept;
      this.#promised -= kept;
    };
    const grow = async (bytes: number) => {
      await this.#admit(bytes);
      // The upload may have ended in the meantime.
      if (isReleased) this.#promised -= bytes;
      else promised += bytes;
    };
    let isReleased = false;
    let owned: UploadId | undefined;
    const release = () => {
      isReleased = true;
      if (owned !== undefined) this.#owner?.disown(owned);
      written(promised);
      this.#inMemory -= inMemory;
      this.#release(owner);
    };
    try {
      await grow(size);
      const writer = await open();
      if (isLong) owned = await this.#own(writer, offset);
      return new StagedUpload(writer, { written, grow, release });
    } catch (error) {
      release();
      throw error;
    }
  }

  async #own(writer: BlobWriter, offset: number | undefined): Promise<UploadId> {
    try {
      await this.#owner?.own(writer.uploadId);
      return writer.uploadId;
    } catch (error) {
      // Another server may continue a partial upload.
      const ended = offset === undefined ? writer.abort() : writer.suspend(offset);
      await ended.catch(() => undefined);
      throw error;
    }
  }

  /** Reserves space for an upload. Throws `LimitError` `minFree` if the disk is too full, and reserves nothing then. */
  async #admit(size: number): Promise<void> {
    const { minFree } = this.#limits;
    const hasAmpleSpace = this.#room - size >= minFree + AMPLE_BYTES;
    if (!hasAmpleSpace || this.#unmeasured >= MEASURE_EVERY) await this.#measure();
    while (this.#room - size < minFree) {
      if (!(await this.#dropHistory(size))) throw new LimitError("minFree", minFree);
    }
    this.#unmeasured++;
    this.#room -= size;
    this.#promised += size;
    this.#admitted += size;
  }

  /** Drops a page of the oldest history. Returns `false` if there is not enough of it to make room for `size` bytes. */
  async #dropHistory(size: number): Promise<boolean> {
    const lacking = () => size + this.#limits.minFree - this.#room;
    if (await this.#history.bytes() < lacking()) return false;
    // Another upload may have made room in the meantime.
    return lacking() <= 0 || await this.#dropPage(lacking());
  }

  /** Drops a page once for all callers that wait. Returns whether there was history. */
  #dropPage(bytes: number): Promise<boolean> {
    const drop = async () => {
      const hasDropped = await this.#history.dropOldest(bytes);
      await this.#measure();
      return hasDropped;
    };
    this.#dropping ??= drop().finally(() => this.#dropping = undefined);
    return this.#dropping;
  }

  /** Measures the free space once for all callers that wait. Each then takes its share. */
  #measure(): Promise<void> {
    const measure = async () => {
      // Bytes written in the meantime may be in both numbers, but never in neither.
      const promised = this.#promised;
      this.#admitted = 0;
      const free = await this.#freeSpace();
      this.#room = free - promised - this.#admitted;
      this.#unmeasured = 0;
    };
    this.#measuring ??= measure().finally(() => this.#measuring = undefined);
    return this.#measuring;
  }

  #release(owner: string): void {
    this.#count--;
    const count = (this.#countByClient.get(owner) ?? 0) - 1;
    if (count > 0) this.#countByClient.set(owner, count);
    else this.#countByClient.delete(owner);
  }
}
