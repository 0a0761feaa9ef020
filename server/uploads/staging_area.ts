/**
 * Uploads until they are committed: counted for each account, their room on the disk reserved.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import type { BlobStore, BlobWriter, UploadId } from "../blobs/blob_store.ts";
import { MAX_INLINE } from "../catalog/bounds.ts";
import { newInlineId } from "../catalog/inline_ids.ts";
import { LimitError, type Limits } from "../limits/limits.ts";
import { InlineWriter } from "./inline_writer.ts";

/** Measuring the free space takes as long as writing a small file: it is done once for so many uploads … */
const MEASURE_EVERY = 64;
/** … and for each upload while not so many bytes more are free than have to stay free. */
const PLENTY = 1024 * 1024 * 1024;

/** Bytes of small files in memory at a time, of all accounts; further ones go to the blob store. */
export const MOST_IN_MEMORY = 32 * 1024 * 1024;

/** An upload from its creation until it is committed, suspended or aborted: then it is to be released. */
export class StagedUpload {
  readonly writer: BlobWriter;
  readonly #written: (bytes: number) => void;
  #release: (() => void) | undefined;

  constructor(writer: BlobWriter, written: (bytes: number) => void, release: () => void) {
    this.writer = writer;
    this.#written = written;
    this.#release = release;
  }

  /** All bytes of a small file, which the catalog is to keep. */
  get inline(): Bytes | undefined {
    return this.writer instanceof InlineWriter ? this.writer.bytes : undefined;
  }

  /** Writes as `BlobWriter.write` does; what is written no longer needs its reserved room. */
  async write(offset: number, bytes: Bytes): Promise<void> {
    const { length } = bytes;
    await this.writer.write(offset, bytes);
    this.#written(length);
  }

  /** Counts no longer. May be called more than once. */
  release(): void {
    this.#release?.();
    this.#release = undefined;
  }
}

export class StagingArea {
  readonly #blobs: Pick<BlobStore, "create" | "reopen">;
  readonly #limits: Limits;
  readonly #freeSpace: () => Promise<number>;
  readonly #countByClient = new Map<string, number>();
  #count = 0;
  /** Bytes for which room is reserved and that are not written yet. */
  #promised = 0;
  #inMemory = 0;
  /** Bytes that were free when the disk was last measured, less what has been reserved until now. */
  #room = 0;
  /** Uploads since then. */
  #unmeasured = 0;
  /** Bytes that were reserved since the last measurement began. */
  #admitted = 0;
  #measuring: Promise<void> | undefined;

  constructor(
    blobs: Pick<BlobStore, "create" | "reopen">,
    limits: Limits,
    freeSpace: () => Promise<number>,
  ) {
    this.#blobs = blobs;
    this.#limits = limits;
    this.#freeSpace = freeSpace;
  }

  /** The number of uploads that are not released. */
  get count(): number {
    return this.#count;
  }

  /** Begins an upload of `size` bytes. Throws `LimitError` `maxStagedPerClient` or `minFree`. */
  create(owner: Bytes, size: number): Promise<StagedUpload> {
    return this.#open(owner, size, () => this.#blobs.create({ owner, size }));
  }

  /** The same, in memory if the catalog is to keep the file and there is room. */
  createInline(owner: Bytes, size: number): Promise<StagedUpload> {
    const isSmall = size <= Math.min(this.#limits.inlineSize, MAX_INLINE);
    if (!isSmall || this.#inMemory + size > MOST_IN_MEMORY) return this.create(owner, size);
    const writer = new InlineWriter(newInlineId(), size);
    return this.#open(owner, size, () => Promise.resolve(writer), size);
  }

  /** Reopens an upload of `size` bytes at an offset. Throws as `create` does, and as `BlobStore.reopen`. */
  reopen(owner: Bytes, id: UploadId, offset: number, size: number): Promise<StagedUpload> {
    return this.#open(owner, size - offset, () => this.#blobs.reopen(id, { owner, offset }));
  }

  /** `size`: bytes that are to come; `inMemory`: those that take memory until the upload is released. */
  async #open(
    accountId: Bytes,
    size: number,
    open: () => Promise<BlobWriter>,
    inMemory = 0,
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
    const release = () => {
      written(promised);
      this.#inMemory -= inMemory;
      this.#release(owner);
    };
    try {
      await this.#admit(size);
      promised = size;
      return new StagedUpload(await open(), written, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Reserves room for an upload. Throws `LimitError` `minFree` if there is none: then nothing is reserved. */
  async #admit(size: number): Promise<void> {
    const { minFree } = this.#limits;
    const isPlenty = this.#room - size >= minFree + PLENTY;
    if (!isPlenty || this.#unmeasured >= MEASURE_EVERY) await this.#measure();
    if (this.#room - size < minFree) throw new LimitError("minFree", minFree);
    this.#unmeasured++;
    this.#room -= size;
    this.#promised += size;
    this.#admitted += size;
  }

  /** Measures the free space, once for all who need it at a time: each then takes from what is found. */
  #measure(): Promise<void> {
    const measure = async () => {
      // Bytes that are written meanwhile may be in both numbers, but never in neither.
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
