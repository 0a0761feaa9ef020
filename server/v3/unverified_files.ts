/**
 * Files that have arrived whole and wait for the client's word on their checksum.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import type { QuotaReservation } from "../uploads/quota_reservations.ts";
import type { Limits } from "../limits/limits.ts";
import type { StagedUpload } from "../uploads/staging_area.ts";
import type { Log } from "../limits/server_log.ts";

export interface UnverifiedFile {
  readonly accountId: Bytes;
  readonly name: string;
  /** The connection on which it came. */
  readonly connection: number;
  /**
   * Where the client had exchanged keys on that connection too: resolves when it ends. Until then no other connection
   * is heard on the file. A client that connects anew for each request can't be told from somebody who knows its id.
   */
  readonly boundUntil: Promise<void> | undefined;
  readonly staged: StagedUpload;
  readonly size: number;
  readonly crc: number;
  /** Whether the client was told another checksum than the usual one: see `disputed_checksums.ts`. */
  readonly isOtherChecksumSent: boolean;
  /** Whether it may be stored at all: it can't when its padding was wrong. */
  readonly intact: boolean;
  /** By `Context.ticks`. */
  readonly arrivedAt: number;
  /** What it counts until it is stored or discarded. */
  readonly reservation: QuotaReservation | undefined;
}

/** A client that has just left is seen to have left within so many milliseconds. */
const LEAVING_MS = 1000;

/** Whether who speaks on a connection is heard on a file. */
async function mayJudge({ boundUntil, connection: own }: UnverifiedFile, connection: number) {
  if (boundUntil === undefined || own === connection) return true;
  const timer = Promise.withResolvers<false>();
  const id = setTimeout(() => timer.resolve(false), LEAVING_MS);
  try {
    return await Promise.race([boundUntil.then(() => true), timer.promise]);
  } finally {
    clearTimeout(id);
  }
}

export class UnverifiedFiles {
  readonly #limits: Limits;
  readonly #log: Log;
  /** By client, oldest first. */
  readonly #byClient = new Map<string, UnverifiedFile[]>();

  constructor(limits: Limits, log: Log) {
    this.#limits = limits;
    this.#log = log;
  }

  /**
   * Adds a file; the one it resends, and the oldest of too many, are discarded. Those that only their own connection may
   * judge come last: files that are sent under a known id alone don't push them out.
   */
  async add(file: UnverifiedFile): Promise<void> {
    const files = this.#of(file.accountId);
    const resent = files.filter((other) =>
      other.name === file.name && other.connection === file.connection
    );
    const before = files.filter((other) => !resent.includes(other));
    const byWorth = [false, true].flatMap((isBound) =>
      before.filter(({ boundUntil }) => (boundUntil !== undefined) === isBound)
    );
    const tooMany = Math.max(0, before.length + 1 - this.#limits.maxUnverifiedPerClient);
    const surplus = byWorth.slice(0, tooMany);
    this.#set(file.accountId, [...before.filter((other) => !surplus.includes(other)), file]);
    await this.#discardAll([...resent, ...surplus]);
  }

  /**
   * Takes out the file that a client speaks of: the one that came on the same connection, else the latest that came
   * on an earlier one, since some clients connect anew for each request. A later one it can't mean: such a client may
   * send the next request before this one has been seen to.
   */
  async take(
    clientId: Bytes,
    name: string,
    connection: number,
  ): Promise<UnverifiedFile | undefined> {
    const meant = this.#find(clientId, name, connection);
    if (meant === undefined || !(await mayJudge(meant, connection))) return undefined;
    const files = this.#of(clientId);
    if (!files.includes(meant)) return undefined;
    this.#set(clientId, files.filter((file) => file !== meant));
    return meant;
  }

  #find(clientId: Bytes, name: string, connection: number): UnverifiedFile | undefined {
    const files = this.#of(clientId);
    const own = files.filter((file) => file.connection === connection);
    // Some clients of 2022 leave the name empty.
    if (name === "" && own.length === 1) return own[0];
    return files.findLast((file) => file.name === name && file.connection <= connection);
  }

  /** A client sends a file again: discards what waits of it, as far as it may judge that. */
  async supersede(clientId: Bytes, name: string, connection: number): Promise<void> {
    for (;;) {
      const file = await this.take(clientId, name, connection);
      if (file === undefined) return;
      await this.#discardAll([file]);
    }
  }

  /** Discards a file that was taken out. */
  async discard({ staged, reservation }: UnverifiedFile): Promise<void> {
    try {
      await staged.writer.abort();
    } finally {
      staged.release();
      reservation?.end();
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
    const expired = [...this.#byClient.values()].flat().filter((file) => file.arrivedAt < before);
    // All at once: none is to be judged while another one is being discarded.
    for (const { accountId: clientId } of expired) {
      this.#set(clientId, this.#of(clientId).filter((file) => file.arrivedAt >= before));
    }
    await this.#discardAll(expired);
  }

  #of(clientId: Bytes): readonly UnverifiedFile[] {
    return this.#byClient.get(toHex(clientId)) ?? [];
  }

  #set(clientId: Bytes, files: UnverifiedFile[]): void {
    const key = toHex(clientId);
    if (files.length > 0) this.#byClient.set(key, files);
    else this.#byClient.delete(key);
  }

  /** What can't be removed now is at the next start. */
  async #discardAll(files: readonly UnverifiedFile[]): Promise<void> {
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
