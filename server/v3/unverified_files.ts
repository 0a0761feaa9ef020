/**
 * Files that have arrived completely and wait for the client to confirm their checksum.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import type { QuotaReservation } from "../uploads/quota_reservations.ts";
import type { Limits } from "../limits/limits.ts";
import type { StagedUpload } from "../uploads/staging_area.ts";
import type { Log } from "../limits/server_log.ts";
import type { LiveTransfer } from "../monitor/live_transfer.ts";

export interface UnverifiedFile {
  readonly accountId: Bytes;
  readonly name: string;
  /** The user name of its owner, for the log. */
  readonly user: string;
  /** The connection on which the file arrived. */
  readonly connection: number;
  /**
   * Resolves when that connection ends, if the client exchanged keys on it. Until then, only that connection can
   * confirm the file. Otherwise, a client that connects for each request looks the same as someone who only knows its
   * id.
   */
  readonly boundUntil: Promise<void> | undefined;
  readonly staged: StagedUpload;
  readonly size: number;
  readonly crc: number;
  /** Whether the client was sent another kind of checksum than usual: see `disputed_checksums.ts`. */
  readonly isOtherChecksumSent: boolean;
  /** Whether the file can be stored. It cannot if its padding was wrong. */
  readonly intact: boolean;
  /** The time of arrival, in `Context.ticks`. */
  readonly arrivedAt: number;
  /** The reserved quota. The reservation ends when the file is stored or discarded. */
  readonly reservation: QuotaReservation | undefined;
  /** The upload, for the operator. It ends when the file is stored or discarded. */
  readonly transfer: Pick<LiveTransfer, "end">;
}

/** The time until the server notices that a client has disconnected, in milliseconds. */
const DISCONNECT_MS = 1000;

/** Whether a connection can confirm a file. */
async function canConfirm({ boundUntil, connection: own }: UnverifiedFile, connection: number) {
  if (boundUntil === undefined || own === connection) return true;
  const timer = Promise.withResolvers<false>();
  const id = setTimeout(() => timer.resolve(false), DISCONNECT_MS);
  try {
    return await Promise.race([boundUntil.then(() => true), timer.promise]);
  } finally {
    clearTimeout(id);
  }
}

export class UnverifiedFiles {
  readonly #limits: Limits;
  readonly #log: Log;
  /** Files by client, oldest first. */
  readonly #byClient = new Map<string, UnverifiedFile[]>();

  constructor(limits: Limits, log: Log) {
    this.#limits = limits;
    this.#log = log;
  }

  /**
   * Adds a file. Discards the one that it resends and, if there are too many, the oldest. Files that only their own
   * connection can confirm are discarded last, so that files sent with a known id alone cannot push them out.
   */
  async add(file: UnverifiedFile): Promise<void> {
    const files = this.#of(file.accountId);
    const resent = files.filter((other) =>
      other.name === file.name && other.connection === file.connection
    );
    const before = files.filter((other) => !resent.includes(other));
    const byPriority = [false, true].flatMap((isBound) =>
      before.filter(({ boundUntil }) => (boundUntil !== undefined) === isBound)
    );
    const tooMany = Math.max(0, before.length + 1 - this.#limits.maxUnverifiedPerClient);
    const surplus = byPriority.slice(0, tooMany);
    this.#set(file.accountId, [...before.filter((other) => !surplus.includes(other)), file]);
    await this.#discardAll([...resent, ...surplus]);
  }

  /**
   * Takes out the file that a client means: the one from the same connection, else the latest from an earlier one,
   * since some clients connect for each request. It cannot mean a later one: such a client may send the next request
   * before this one is handled.
   */
  async take(
    clientId: Bytes,
    name: string,
    connection: number,
  ): Promise<UnverifiedFile | undefined> {
    const found = this.#find(clientId, name, connection);
    if (found === undefined || !(await canConfirm(found, connection))) return undefined;
    const files = this.#of(clientId);
    if (!files.includes(found)) return undefined;
    this.#set(clientId, files.filter((file) => file !== found));
    return found;
  }

  #find(clientId: Bytes, name: string, connection: number): UnverifiedFile | undefined {
    const files = this.#of(clientId);
    const own = files.filter((file) => file.connection === connection);
    // Some clients of 2022 leave the name empty.
    if (name === "" && own.length === 1) return own[0];
    return files.findLast((file) => file.name === name && file.connection <= connection);
  }

  /** Discards a file that the client sends again, if this connection can confirm it. */
  async supersede(clientId: Bytes, name: string, connection: number): Promise<void> {
    for (;;) {
      const file = await this.take(clientId, name, connection);
      if (file === undefined) return;
      await this.#discardAll([file]);
    }
  }

  /** Discards a file that was taken out. */
  async discard({ staged, reservation, intact, transfer }: UnverifiedFile): Promise<void> {
    transfer.end({ code: intact ? "unconfirmed" : "mismatch" });
    try {
      await staged.writer.abort();
    } finally {
      staged.release();
      reservation?.end();
    }
  }

  /** Whether a file from a connection waits to be confirmed. */
  hasFrom(connection: number): boolean {
    for (const files of this.#byClient.values()) {
      if (files.some((file) => file.connection === connection)) return true;
    }
    return false;
  }

  /** Discards files that arrived before `before`. */
  async expire(before: number): Promise<void> {
    const expired = [...this.#byClient.values()].flat().filter((file) => file.arrivedAt < before);
    // Take out all of them at once, so that none can be confirmed while another is being discarded.
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

  /** Discards files. Files that cannot be deleted now are deleted at the next start. */
  async #discardAll(files: readonly UnverifiedFile[]): Promise<void> {
    for (const file of files) {
      try {
        await this.discard(file);
      } catch (error) {
        this.#log.warn("Could not discard the unconfirmed file {file} of {user}: {reason}", {
          event: "file.kept",
          file: printable(file.name),
          user: file.user,
          reason: printable(String(error)),
        });
      }
    }
  }
}
