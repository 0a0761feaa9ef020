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
import type { Peer } from "./peer.ts";

export interface UnverifiedFile {
  readonly accountId: Bytes;
  readonly name: string;
  /** The user name of its owner, for the log. */
  readonly user: string;
  /** The connection on which the file arrived. */
  readonly connection: number;
  /** When that connection began, in `Context.ticks`. */
  readonly openedAt: number;
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
  /** Whether the client has rejected the checksum of an earlier file of the name. */
  readonly isDisputed: boolean;
  /** Whether the file can be stored. It cannot if its padding was wrong. */
  readonly intact: boolean;
  /** The time of arrival, in `Context.ticks`. */
  readonly arrivedAt: number;
  /** The reserved quota. The reservation ends when the file is stored or discarded. */
  readonly reservation: QuotaReservation | undefined;
  /** The upload, for the operator. It ends when the file is stored or discarded. */
  readonly transfer: Pick<LiveTransfer, "end">;
}

/** The connection on which a verdict arrives. */
export type VerdictPeer = Pick<Peer, "connection" | "openedAt" | "live">;

/** Files that wait for the verdict of their clients. */
export interface FilesAwaitingVerdict {
  /**
   * Adds a file. Discards the one that it resends and, if there are too many, the oldest. Files that only their own
   * connection can confirm are discarded last, so that files sent with a known id alone cannot push them out.
   */
  add(file: UnverifiedFile): Promise<void>;
  /**
   * Takes out the file that a client means: the one from the same connection, else the latest from an earlier one,
   * since some clients connect for each request. It cannot mean a later one: such a client may send the next request
   * before this one is handled.
   */
  take(clientId: Bytes, name: string, peer: VerdictPeer): Promise<UnverifiedFile | undefined>;
  /** Discards a file that the client sends again, if this connection can confirm it. */
  supersede(clientId: Bytes, name: string, peer: VerdictPeer): Promise<void>;
  /** Discards a file that was taken out. */
  discard(file: UnverifiedFile): Promise<void>;
  /** Whether a file from a connection waits here to be confirmed. */
  hasFrom(connection: number): boolean;
  /** Discards files that arrived before `before`. */
  expire(before: number): Promise<void>;
  /** Discards the files that no one can confirm when the server has ended. No connection is open then. */
  close(): Promise<void>;
}

/** The time until the server notices that a client has disconnected, in milliseconds. */
export const DISCONNECT_MS = 1000;

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

/** The files of a server that shares them with no other. */
export class UnverifiedFiles implements FilesAwaitingVerdict {
  readonly #limits: Limits;
  readonly #log: Log;
  /** Files by client, oldest first. */
  readonly #byClient = new Map<string, UnverifiedFile[]>();

  constructor(limits: Limits, log: Log) {
    this.#limits = limits;
    this.#log = log;
  }

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

  async take(
    clientId: Bytes,
    name: string,
    { connection }: Pick<VerdictPeer, "connection">,
  ): Promise<UnverifiedFile | undefined> {
    const found = this.#find(clientId, name, connection);
    if (found === undefined || !(await canConfirm(found, connection))) return undefined;
    return this.remove(found) ? found : undefined;
  }

  /** Takes out the file that a client means, if it is from the same connection. */
  takeOwn(clientId: Bytes, name: string, connection: number): UnverifiedFile | undefined {
    const own = this.#of(clientId).filter((file) => file.connection === connection);
    const found = name === "" && own.length === 1
      ? own[0]
      : own.findLast((file) => file.name === name);
    if (found !== undefined) this.remove(found);
    return found;
  }

  /** Takes out a file. Returns whether it was still there. */
  remove(file: UnverifiedFile): boolean {
    const files = this.#of(file.accountId);
    this.#set(file.accountId, files.filter((other) => other !== file));
    return files.includes(file);
  }

  #find(clientId: Bytes, name: string, connection: number): UnverifiedFile | undefined {
    const files = this.#of(clientId);
    const own = files.filter((file) => file.connection === connection);
    // Some clients of 2022 leave the name empty.
    if (name === "" && own.length === 1) return own[0];
    return files.findLast((file) => file.name === name && file.connection <= connection);
  }

  async supersede(
    clientId: Bytes,
    name: string,
    peer: Pick<VerdictPeer, "connection">,
  ): Promise<void> {
    for (;;) {
      const file = await this.take(clientId, name, peer);
      if (file === undefined) return;
      await this.#discardAll([file]);
    }
  }

  async discard({ staged, reservation, intact, transfer }: UnverifiedFile): Promise<void> {
    transfer.end({ code: intact ? "unconfirmed" : "mismatch" });
    try {
      await staged.writer.abort();
    } finally {
      staged.release();
      reservation?.end();
    }
  }

  hasFrom(connection: number): boolean {
    for (const files of this.#byClient.values()) {
      if (files.some((file) => file.connection === connection)) return true;
    }
    return false;
  }

  /** Discards all files. */
  close(): Promise<void> {
    return this.expire(Infinity);
  }

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
