/**
 * Files that have arrived whole and wait for the client's word on their checksum.
 *
 * @module
 */
import type { Logger } from "@logtape/logtape";
import { type Bytes, printable, toHex } from "../protocol/mod.ts";
import type { Claim } from "./claims.ts";
import type { Limits } from "./limits.ts";
import type { StagedBlob } from "./store/blob_store.ts";

export interface Unverified {
  readonly clientId: Bytes;
  readonly name: string;
  /** The connection on which it came. */
  readonly connection: number;
  readonly blob: StagedBlob;
  readonly size: number;
  readonly crc: number;
  /** Whether it may be stored at all: it can't when its padding was wrong. */
  readonly intact: boolean;
  /** By `Context.ticks`. */
  readonly arrivedAt: number;
  /** What it counts until it is stored or discarded. */
  readonly claim: Claim | undefined;
}

export class UnverifiedFiles {
  readonly #limits: Limits;
  readonly #log: Logger;
  /** By client, oldest first. */
  readonly #byClient = new Map<string, Unverified[]>();

  constructor(limits: Limits, log: Logger) {
    this.#limits = limits;
    this.#log = log;
  }

  /** Adds a file; the one it resends, and the oldest of too many, are discarded. */
  async add(file: Unverified): Promise<void> {
    const files = this.#of(file.clientId);
    const resent = files.filter((other) =>
      other.name === file.name && other.connection === file.connection
    );
    const kept = files.filter((other) => !resent.includes(other));
    const surplus = kept.slice(
      0,
      Math.max(0, kept.length + 1 - this.#limits.maxUnverifiedPerClient),
    );
    this.#set(file.clientId, [...kept.slice(surplus.length), file]);
    await this.#discardAll([...resent, ...surplus]);
  }

  /**
   * Takes out the file that a client speaks of: the one that came on the same connection, else the latest that came
   * on an earlier one, since some clients connect anew for each request. A later one it can't mean: such a client may
   * send the next request before this one has been seen to.
   */
  take(clientId: Bytes, name: string, connection: number): Unverified | undefined {
    const files = this.#of(clientId);
    const taken = files.findLast((file) => file.name === name && file.connection <= connection);
    this.#set(clientId, files.filter((file) => file !== taken));
    return taken;
  }

  /** Discards a file that was taken out. */
  async discard({ blob, claim }: Unverified): Promise<void> {
    try {
      await blob.discard();
    } finally {
      claim?.end();
    }
  }

  /** Whether a file that came on a connection waits to be judged. */
  hasFrom(connection: number): boolean {
    for (const files of this.#byClient.values()) {
      if (files.some((file) => file.connection === connection)) return true;
    }
    return false;
  }

  /** Discards files that arrived before a time. */
  async expire(before: number): Promise<void> {
    for (const files of [...this.#byClient.values()]) {
      const expired = files.filter((file) => file.arrivedAt < before);
      for (const file of expired) {
        this.#set(file.clientId, this.#of(file.clientId).filter((other) => other !== file));
      }
      await this.#discardAll(expired);
    }
  }

  #of(clientId: Bytes): readonly Unverified[] {
    return this.#byClient.get(toHex(clientId)) ?? [];
  }

  #set(clientId: Bytes, files: Unverified[]): void {
    const key = toHex(clientId);
    if (files.length > 0) this.#byClient.set(key, files);
    else this.#byClient.delete(key);
  }

  /** What can't be removed now is at the next start. */
  async #discardAll(files: readonly Unverified[]): Promise<void> {
    for (const file of files) {
      try {
        await this.discard(file);
      } catch (error) {
        this.#log.warn("Could not drop {file}, which was never confirmed: {reason}", {
          event: "file.kept",
          file: printable(file.name),
          reason: printable(String(error)),
        });
      }
    }
  }
}
