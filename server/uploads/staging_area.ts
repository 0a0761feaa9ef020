/**
 * What is on its way in: counted for each client, its room on the disk spoken for.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { LimitError, type Limits } from "../limits/limits.ts";
import type { BlobStore, StagedBlob } from "../blobs/blob_store.ts";
import { newInlinePath } from "../catalog/inline_paths.ts";
import { InlineBlob, MAX_INLINE } from "../blobs/inline.ts";

/** To ask the disk how much is free takes as long as to write a small file: it is asked so often, … */
const MEASURE_EVERY = 64;
/** … and always where not so many bytes more are free than are to be left. */
const PLENTY = 1024 * 1024 * 1024;

/** Bytes of small files that are in memory at a time, of all clients; further ones are staged on the disk. */
export const MOST_IN_MEMORY = 32 * 1024 * 1024;

export class StagingArea {
  readonly #blobs: Pick<BlobStore, "stage" | "resume">;
  readonly #limits: Limits;
  readonly #freeSpace: () => Promise<number>;
  readonly #countByClient = new Map<string, number>();
  #count = 0;
  /** Bytes that are promised and not written yet. */
  #promised = 0;
  #inMemory = 0;
  /** Bytes that were free when the disk was last asked, without what has been promised until now. */
  #room = 0;
  /** Blobs since then. */
  #unmeasured = 0;
  /** Bytes that were promised since the disk was last asked, answered or not. */
  #admitted = 0;
  #measuring: Promise<void> | undefined;

  constructor(
    blobs: Pick<BlobStore, "stage" | "resume">,
    limits: Limits,
    freeSpace: () => Promise<number>,
  ) {
    this.#blobs = blobs;
    this.#limits = limits;
    this.#freeSpace = freeSpace;
  }

  /** Blobs that are neither committed nor discarded. */
  get count(): number {
    return this.#count;
  }

  /** A blob for `size` bytes of a client. Throws `LimitError` `maxStagedPerClient` or `minFree`. */
  stage(clientId: Bytes, size: number): Promise<StagedBlob> {
    return this.#open(clientId, size, () => this.#blobs.stage());
  }

  /** The same, in memory where the catalog is to keep it and there is room. */
  stageWhole(clientId: Bytes, size: number): Promise<StagedBlob> {
    const isSmall = size <= Math.min(this.#limits.inlineSize, MAX_INLINE);
    if (!isSmall || this.#inMemory + size > MOST_IN_MEMORY) return this.stage(clientId, size);
    return this.#open(
      clientId,
      size,
      () => Promise.resolve(new InlineBlob(newInlinePath(), size)),
      size,
    );
  }

  /**
   * A blob that is staged already, of whose `size` bytes the first `held` are kept. Throws as `stage` does, and as
   * `BlobStore.resume`.
   */
  resume(clientId: Bytes, path: string, held: number, size: number): Promise<StagedBlob> {
    return this.#open(clientId, size - held, () => this.#blobs.resume(path, held));
  }

  /** `size`: bytes that are to come; `inMemory`: those that take memory until the blob is no more. */
  async #open(
    clientId: Bytes,
    size: number,
    open: () => Promise<StagedBlob>,
    inMemory = 0,
  ): Promise<StagedBlob> {
    const owner = toHex(clientId);
    const { maxStagedPerClient } = this.#limits;
    const count = this.#countByClient.get(owner) ?? 0;
    if (count >= maxStagedPerClient) throw new LimitError("maxStagedPerClient", maxStagedPerClient);
    this.#countByClient.set(owner, count + 1);
    this.#count++;
    this.#inMemory += inMemory;
    let promised = 0;
    const keep = (bytes: number) => {
      const kept = Math.min(bytes, promised);
      promised -= kept;
      this.#promised -= kept;
    };
    const release = () => {
      keep(promised);
      this.#inMemory -= inMemory;
      this.#release(owner);
    };
    try {
      await this.#admit(size);
      promised = size;
      return new CountedBlob(await open(), keep, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * Promises room for so many bytes. Throws `LimitError` `minFree` where the disk has none for them: then nothing was
   * promised, so that what is refused takes no room from others at any moment.
   */
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

  /** Asks the disk, once for all who want to know at a time: each of them then takes from what it finds. */
  #measure(): Promise<void> {
    const measure = async () => {
      // What is written meanwhile may be in both numbers, but not in neither.
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

class CountedBlob implements StagedBlob {
  readonly #blob: StagedBlob;
  readonly #written: (bytes: number) => void;
  #release: (() => void) | undefined;

  constructor(blob: StagedBlob, written: (bytes: number) => void, release: () => void) {
    this.#blob = blob;
    this.#written = written;
    this.#release = release;
  }

  async write(bytes: Bytes): Promise<void> {
    await this.#blob.write(bytes);
    this.#written(bytes.length);
  }

  get path(): string {
    return this.#blob.path;
  }

  get content(): Bytes | undefined {
    return this.#blob.content;
  }

  async writeAt(offset: number, bytes: Bytes): Promise<void> {
    const { length } = bytes;
    await this.#blob.writeAt(offset, bytes);
    this.#written(length);
  }

  sync(): Promise<void> {
    return this.#blob.sync();
  }

  seal(): Promise<void> {
    return this.#blob.seal();
  }

  async leave(size: number): Promise<void> {
    await this.#blob.leave(size);
    this.#end();
  }

  async commit(path: string): Promise<void> {
    await this.#blob.commit(path);
    this.#end();
  }

  async discard(): Promise<void> {
    try {
      await this.#blob.discard();
    } finally {
      this.#end();
    }
  }

  #end(): void {
    this.#release?.();
    this.#release = undefined;
  }
}
