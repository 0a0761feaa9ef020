/**
 * Files that wait for the client to confirm their checksum, at a server that shares its catalog with others. A file whose
 * client exchanged keys on the same connection waits in memory, since only this connection can confirm it. When the
 * connection has ended, and for clients that open a connection for each request, the file waits in the catalog, where every
 * server finds it.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { AccountCache } from "../accounts/account_cache.ts";
import type { BlobId } from "../blobs/blob_store.ts";
import type { BlobReferences } from "../catalog/blob_references.ts";
import type { NewContent } from "../catalog/files.ts";
import type {
  ClientConnection,
  CompleteRow,
  ContentAway,
  UnverifiedRows,
} from "../catalog/unverified_rows.ts";
import type { Limits } from "../limits/limits.ts";
import type { Log } from "../limits/server_log.ts";
import { FinishedWriter } from "../uploads/finished_writer.ts";
import type { GarbageCollector } from "../uploads/garbage_collector.ts";
import { InlineWriter } from "../uploads/inline_writer.ts";
import { StagedUpload } from "../uploads/staging_area.ts";
import {
  DISCONNECT_MS,
  type FilesAwaitingVerdict,
  type UnverifiedFile,
  UnverifiedFiles,
  type VerdictPeer,
} from "./unverified_files.ts";

/**
 * The times for which a verdict waits for its file, in milliseconds: until the server of the file notices that the
 * client has disconnected, and then until the file is in the catalog.
 */
const WAIT_MS: Readonly<Record<ContentAway, number>> = { bound: DISCONNECT_MS, coming: 10_000 };
/** The time between two looks for the file of a verdict, in milliseconds. */
const LOOK_MS = 250;

/** The parts of a server that the files need. */
export interface SharedUnverifiedOptions {
  readonly rows: UnverifiedRows;
  readonly blobs: Pick<BlobReferences, "reserve" | "owner">;
  readonly garbage: Pick<GarbageCollector, "collect">;
  readonly accounts: Pick<AccountCache, "find">;
  readonly limits: Limits;
  readonly ticks: () => number;
  readonly log: Log;
  /** Whether this server removes what has expired in the catalog. */
  readonly isHousekeeper: () => boolean;
}

export class SharedUnverifiedFiles implements FilesAwaitingVerdict {
  readonly #options: SharedUnverifiedOptions;
  /** Files that only their own connection can confirm. */
  readonly #bound: UnverifiedFiles;
  readonly #server = crypto.randomUUID();
  /** Files that move to the catalog when their connections have ended. */
  readonly #moving = new Set<Promise<void>>();

  constructor(options: SharedUnverifiedOptions) {
    this.#options = options;
    this.#bound = new UnverifiedFiles(options.limits, options.log);
  }

  async add(file: UnverifiedFile): Promise<void> {
    if (file.boundUntil === undefined) return await this.#share(file);
    await this.#announce(file);
    await this.#bound.add(file);
    this.#track(file.boundUntil.then(() => this.#move(file)));
  }

  /**
   * Waits for a file whose content is not in the catalog yet: its server moves it there when its connection has ended.
   * Every file has a row before its client gets the checksum, so that without one no file is meant.
   */
  async take(
    clientId: Bytes,
    name: string,
    peer: VerdictPeer,
  ): Promise<UnverifiedFile | undefined> {
    for (let waited = 0;; waited += LOOK_MS) {
      const found = await this.#look(clientId, name, peer);
      if (typeof found !== "string") return found;
      if (waited >= WAIT_MS[found]) return undefined;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async supersede(clientId: Bytes, name: string, peer: VerdictPeer): Promise<void> {
    for (;;) {
      const file = await this.#look(clientId, name, peer);
      if (file === undefined || typeof file === "string") return;
      await this.discard(file);
    }
  }

  async discard(file: UnverifiedFile): Promise<void> {
    const { staged: { writer } } = file;
    await this.#bound.discard(file);
    if (writer instanceof FinishedWriter) await this.#options.garbage.collect([writer.blobId]);
  }

  hasFrom(connection: number): boolean {
    return this.#bound.hasFrom(connection);
  }

  async expire(before: number): Promise<void> {
    const { rows, garbage, limits, isHousekeeper } = this.#options;
    await this.#bound.expire(before);
    while (isHousekeeper()) {
      const ids = await rows.expire(limits.unverifiedTtlMs);
      await garbage.collect(ids);
      if (ids.length === 0) return;
    }
  }

  /** Files in the catalog stay there: a client can confirm them at another server. */
  async close(): Promise<void> {
    await Promise.all(this.#moving);
    await this.#bound.close();
  }

  async #look(
    clientId: Bytes,
    name: string,
    { connection, openedAt, live }: VerdictPeer,
  ): Promise<UnverifiedFile | ContentAway | undefined> {
    const { rows, accounts } = this.#options;
    const own = this.#bound.takeOwn(clientId, name, connection);
    if (own !== undefined) {
      const from = this.#connectionOf(own);
      // If that fails, the row only expires later.
      this.#track(rows.forget(clientId, own.name, from).catch(() => undefined));
      return own;
    }
    const waiting = await rows.take(clientId, name, this.#connectionOf({ connection, openedAt }));
    if (waiting === undefined || typeof waiting === "string") return waiting;
    const { content, isIntact: intact, hasKey: _, ...file } = waiting;
    return {
      ...{ ...file, connection, openedAt, intact, boundUntil: undefined, reservation: undefined },
      user: (await accounts.find(clientId).catch(() => undefined))?.name ?? "",
      staged: await stagedOf(content),
      arrivedAt: openedAt,
      transfer: live.begin({ direction: "upload", name: file.name, size: file.size }),
    };
  }

  /** Adds a row without content, so that no other server takes an earlier file for this one. */
  async #announce(file: UnverifiedFile): Promise<void> {
    const { rows, garbage, limits } = this.#options;
    try {
      const row = { ...rowOf(file), content: undefined };
      const dropped = await rows.add(row, this.#connectionOf(file), limits.maxUnverifiedPerClient);
      await garbage.collect(dropped);
    } catch (error) {
      await this.#bound.discard(file).catch(() => undefined);
      throw error;
    }
  }

  /** `close` waits for the work. */
  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#moving.delete(tracked));
    this.#moving.add(tracked);
  }

  #connectionOf(
    { connection, openedAt }: Pick<UnverifiedFile, "connection" | "openedAt">,
  ): ClientConnection {
    const { ticks } = this.#options;
    return {
      ...{ server: this.#server, connection },
      get ageMs() {
        return Math.max(0, ticks() - openedAt);
      },
    };
  }

  /** Moves a file whose connection has ended to the catalog, unless it was confirmed. */
  async #move(file: UnverifiedFile): Promise<void> {
    if (!this.#bound.remove(file)) return;
    try {
      await this.#share(file);
    } catch (error) {
      file.transfer.end({ code: "cannot-store" });
      this.#options.log.warn("Discarded the unconfirmed file {file} of {user}: {reason}", {
        event: "file.not-shared",
        file: printable(file.name),
        user: file.user,
        reason: printable(reasonOf(error)),
      });
    }
  }

  /** Finishes the blob of a file and adds the file to the catalog. If that fails, discards it. */
  async #share(file: UnverifiedFile): Promise<void> {
    const { rows, blobs, garbage, limits } = this.#options;
    const { staged, reservation } = file;
    const { writer, inline } = staged;
    const id = writer.blobId;
    const isAnnounced = file.boundUntil !== undefined;
    let dropped: readonly BlobId[];
    try {
      if (inline === undefined) {
        if (isAnnounced) {
          await rows.markComing(file.accountId, file.name, this.#connectionOf(file));
        }
        await blobs.reserve(id);
        await writer.finish();
      }
      const from = this.#connectionOf(file);
      if (isAnnounced) {
        dropped = await rows.complete(rowOf(file), from) || inline !== undefined ? [] : [id];
      } else dropped = await rows.add(rowOf(file), from, limits.maxUnverifiedPerClient);
    } catch (error) {
      await writer.abort().catch(() => undefined);
      // The file may have been added although the catalog did not answer. Then the blob stays until the file expires.
      const owner = await blobs.owner(id).catch(() => "upload");
      if (inline === undefined && owner !== "upload") await garbage.collect([id]);
      throw error;
    } finally {
      staged.release();
      reservation?.end();
    }
    file.transfer.end("handed-over");
    await garbage.collect(dropped);
  }
}

function rowOf(file: UnverifiedFile): CompleteRow {
  const { accountId, name, size, crc, isOtherChecksumSent, isDisputed } = file;
  const { writer: { blobId: id }, inline: bytes } = file.staged;
  return {
    ...{ accountId, name, size, crc, isOtherChecksumSent, isDisputed },
    content: bytes === undefined ? { kind: "blob", id } : { kind: "inline", id, bytes },
    isIntact: file.intact,
    hasKey: file.boundUntil !== undefined,
  };
}

/** Nothing of a file that waits in the catalog counts towards the limits of this server. */
const NO_SHARE = {
  written: () => undefined,
  grow: () => Promise.resolve(),
  release: () => undefined,
};

async function stagedOf(content: NewContent): Promise<StagedUpload> {
  if (content.kind === "blob") return new StagedUpload(new FinishedWriter(content.id), NO_SHARE);
  const { id, bytes } = content;
  const writer = new InlineWriter(id, bytes.length);
  await writer.write(0, bytes);
  return new StagedUpload(writer, NO_SHARE);
}
