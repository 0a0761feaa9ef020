/**
 * The last steps of a file, by either protocol: from staging to its place, and into the catalog.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import {
  quotaOfAll,
  type QuotaReservation,
  type QuotaReservations,
  replacedKept,
} from "./quota_reservations.ts";
import type { GarbageCollector } from "./garbage_collector.ts";
import type { Log } from "../limits/server_log.ts";
import { LimitError, type LimitName, type Limits } from "../limits/limits.ts";
import type { Quota } from "../catalog/accounts.ts";
import type { BlobStore, StagedBlob } from "../blobs/blob_store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { CatalogRefusal, type RefusalReason } from "../catalog/refusal.ts";
import type { CommitResult, FileDigest, StoredFile, StoreOptions } from "../catalog/files.ts";

/** What a file is stored with. */
export interface CommitContext {
  readonly store: { readonly catalog: Catalog; readonly blobs: BlobStore };
  readonly limits: Limits;
  readonly quotaReservations: QuotaReservations;
  readonly garbage: GarbageCollector;
  readonly log: Log;
}

/** A file on whose checksum both ends agree. */
export interface ReceivedFile
  extends Pick<StoredFile, "clientId" | "name" | "size" | "crc" | "storedAt"> {
  readonly blob: StagedBlob;
  readonly tree?: FileDigest;
  /** The digests of its chunks, of a file with a tree. */
  readonly chunks?: Bytes;
  /** Whether it was recorded as held while it came: it is not any more when it is stored. */
  readonly wasHeld?: boolean;
  /** Ends when it is stored, or not. */
  readonly reservation?: QuotaReservation | undefined;
}

/**
 * Makes a file durable and visible, and returns its version. Its blob is reserved, that is, listed as garbage, before it is
 * moved to its place and until the catalog refers to it: the next start collects what a crash in between leaves.
 */
export async function commitFile(
  context: CommitContext,
  { address }: { readonly address: string },
  file: ReceivedFile,
): Promise<number> {
  const { store: { catalog, blobs }, limits, quotaReservations, garbage } = context;
  const { clientId, name, size, crc, storedAt, blob, tree, chunks, wasHeld = false, reservation } =
    file;
  const { content } = blob;
  const path = content === undefined ? blobs.newPath(clientId) : blob.path;
  let recorded: CommitResult;
  try {
    if (content === undefined) {
      await Promise.all([catalog.blobs.reserve(path), blob.seal()]);
      await blob.commit(path);
    }
    const known = { clientId, name, path, size, crc, storedAt, verified: true };
    const row = tree === undefined ? known : { ...known, tree };
    const options: StoreOptions = {
      quota: quotaOfAll(limits),
      keep: replacedKept(limits),
      ...(chunks === undefined ? {} : { chunks }),
      ...(content === undefined ? {} : { content }),
      ...(wasHeld ? { staged: blob.path } : {}),
    };
    reservation?.startCommit();
    recorded = await catalog.files.commit(row, options);
    quotaReservations.revoke(clientId, name, { isStored: true });
    if (content !== undefined) await blob.commit(path);
  } catch (error) {
    await blob.discard();
    // A commit may have failed in its last step and hold all the same: then the path is the file's.
    const isStored = content !== undefined || await catalog.blobs.owner(path) === "file";
    if (!isStored) await garbage.collect([path]);
    const over = error instanceof CatalogRefusal ? LIMITS_OF[error.reason] : undefined;
    if (over === undefined) throw error;
    const own = (await catalog.accounts.find({ id: clientId }))?.quota[over.of];
    throw new LimitError(over.limit, own ?? limits[over.limit]);
  } finally {
    reservation?.end();
  }
  context.log.info("Stored {file} of {client}: {size} bytes, cksum {crc}", {
    event: "file.stored",
    file: printable(name),
    client: toHex(clientId),
    address,
    size,
    crc,
    path,
  });
  await garbage.collect(recorded.garbage);
  return recorded.version;
}

interface OverQuota {
  readonly limit: LimitName;
  readonly of: keyof Quota;
}

const LIMITS_OF: Readonly<Partial<Record<RefusalReason, OverQuota>>> = {
  "quota-bytes": { limit: "quota", of: "bytes" },
  "quota-files": { limit: "quotaFiles", of: "files" },
};
