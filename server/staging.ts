/**
 * What is on its way in: counted for each client, its room on the disk spoken for.
 *
 * @module
 */
import { type Bytes, toHex } from "../protocol/mod.ts";
import { LimitError, type Limits } from "./limits.ts";
import type { BlobStore, StagedBlob } from "./store/blob_store.ts";

export class Staging {
  readonly #blobs: Pick<BlobStore, "stage">;
  readonly #limits: Limits;
  readonly #freeSpace: () => Promise<number>;
  readonly #countByClient = new Map<string, number>();
  #count = 0;
  /** Bytes that are announced and not written yet. */
  #promised = 0;

  constructor(blobs: Pick<BlobStore, "stage">, limits: Limits, freeSpace: () => Promise<number>) {
    this.#blobs = blobs;
    this.#limits = limits;
    this.#freeSpace = freeSpace;
  }

  /** Blobs that are neither committed nor discarded. */
  get count(): number {
    return this.#count;
  }

  /** A blob for `size` bytes of a client. Throws `LimitError` `maxStagedPerClient` or `minFree`. */
  async stage(clientId: Bytes, size: number): Promise<StagedBlob> {
    const owner = toHex(clientId);
    const { maxStagedPerClient, minFree } = this.#limits;
    const count = this.#countByClient.get(owner) ?? 0;
    if (count >= maxStagedPerClient) throw new LimitError("maxStagedPerClient", maxStagedPerClient);
    this.#countByClient.set(owner, count + 1);
    this.#count++;
    this.#promised += size;
    let promised = size;
    const keep = (bytes: number) => {
      const kept = Math.min(bytes, promised);
      promised -= kept;
      this.#promised -= kept;
    };
    const release = () => {
      keep(promised);
      this.#release(owner);
    };
    try {
      if (await this.#freeSpace() - this.#promised < minFree) {
        throw new LimitError("minFree", minFree);
      }
      return new CountedBlob(await this.#blobs.stage(), keep, release);
    } catch (error) {
      release();
      throw error;
    }
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

  seal(): Promise<void> {
    return this.#blob.seal();
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
