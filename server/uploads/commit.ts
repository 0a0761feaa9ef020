/**
 * The last steps of an upload over either protocol: finish its blob and commit its row.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import type { EntryKind } from "../../protocol/entry.ts";
import { UnavailableError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { quotaOfAll, type QuotaReservation, type QuotaReservations } from "./quota_reservations.ts";
import { keepsHistory, trimHistory } from "./history.ts";
import { FinishedWriter } from "./finished_writer.ts";
import type { GarbageCollector } from "./garbage_collector.ts";
import type { AccessListener } from "../limits/access.ts";
import type { Log } from "../limits/server_log.ts";
import { LimitError, type LimitName, type Limits } from "../limits/limits.ts";
import type { Quota } from "../catalog/accounts.ts";
import type { BlobStore, BlobWriter } from "../blobs/blob_store.ts";
import type { StagedUpload } from "./staging_area.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { CatalogRefusal, type RefusalReason } from "../catalog/refusal.ts";
import type {
  CommitOptions,
  CommitResult,
  FileDigest,
  NewContent,
  StoredFile,
} from "../catalog/files.ts";

/** The dependencies of {@link commitFile}. */
export interface CommitContext {
  readonly store: { readonly catalog: Catalog; readonly blobs: BlobStore };
  readonly limits: Limits;
  readonly quotaReservations: QuotaReservations;
  readonly garbage: GarbageCollector;
  readonly log: Log;
  readonly access?: AccessListener | undefined;
}

/** A file on whose checksum client and server agree. */
export interface ReceivedFile extends
  Pick<
    StoredFile,
    | "accountId"
    | "name"
    | "kind"
    | "mode"
    | "size"
    | "crc"
    | "storedAt"
    | "storedBy"
    | "confirmedAt"
  > {
  readonly staged: StagedUpload;
  readonly tree?: FileDigest;
  /** The digests of the chunks, for a file with a digest. */
  readonly chunks?: Bytes;
  /** Whether the catalog has a partial upload of the file, which storing it removes. */
  readonly isPartial?: boolean;
  /** The reserved quota. The reservation ends when the file is stored or has failed. */
  readonly reservation?: QuotaReservation | undefined;
}

/**
 * Makes a file durable and visible, and returns its version and the one that it replaced. The blob is listed as garbage
 * before it is finished and until its row refers to it, so that the next start deletes it after a crash in between.
 */
export async function commitFile(
  context: CommitContext,
  { name: user, address }: { readonly name: string; readonly address: string },
  file: ReceivedFile,
): Promise<Pick<CommitResult, "version" | "replaced">> {
  const { store: { catalog }, limits, quotaReservations, garbage } = context;
  const { accountId, name, size, crc, staged, chunks, isPartial, reservation } = file;
  const { writer, inline } = staged;
  const id = writer.blobId;
  let recorded: CommitResult;
  try {
    if (inline === undefined && !(writer instanceof FinishedWriter)) {
      await Promise.all([catalog.blobs.reserve(id), writer.close()]);
      await writer.finish();
      staged.release();
    }
    const content: NewContent = inline === undefined
      ? { kind: "blob", id }
      : { kind: "inline", id, bytes: inline };
    const row = { ...describedBy(file), content, verified: true };
    const options: CommitOptions = {
      quota: quotaOfAll(limits),
      keepHistory: keepsHistory(limits),
      ...(chunks === undefined ? {} : { chunks }),
      ...(isPartial ? { staged: writer.uploadId } : {}),
    };
    reservation?.startCommit();
    recorded = await catalog.files.commit(row, options);
    quotaReservations.revoke(accountId, name, { isStored: true });
  } catch (error) {
    // If these fail too, the blob stays listed as garbage.
    await discard(writer, { isPartial, size, error }).catch(() => undefined);
    // A commit can fail in its last step and still be durable. Then the blob belongs to the file.
    const isUsed = async () => await catalog.blobs.owner(id).catch(() => "file") === "file";
    if (inline === undefined && !(await isUsed())) await garbage.collect([id]);
    throw error instanceof CatalogRefusal
      ? await limitErrorOf(context, accountId, error.reason) ?? error
      : error;
  } finally {
    staged.release();
    reservation?.end();
  }
  const client = toHex(accountId);
  logStored(context.log, {
    ...{ file: printable(name), kind: file.kind, client, user, address, size, crc },
    path: id,
  });
  // Files of protocol 3 have no digest.
  const protocol = file.tree === undefined ? 3 : 4;
  context.access?.({ method: "put", protocol, user, address, name, bytes: size });
  await garbage.collect(recorded.garbage);
  if (recorded.hasSurplus) await trimHistory(context, accountId);
  return recorded;
}

/** An upload that has failed. */
interface FailedUpload {
  /** Whether the catalog may have its checkpoint. */
  readonly isPartial?: boolean | undefined;
  /** The received bytes. */
  readonly size: number;
  /** Why it has failed. */
  readonly error: unknown;
}

/**
 * Deletes an upload that has failed. If its checkpoint stays in the catalog because a store does not answer, the client can
 * continue it, perhaps at another server already: then only the writing ends here.
 */
export async function discard(
  writer: BlobWriter,
  { isPartial = false, size, error }: FailedUpload,
): Promise<void> {
  if (isPartial && error instanceof UnavailableError) await writer.suspend(size);
  else await writer.abort();
}

/** A stored file for the log. Its texts are printable. */
export interface StoredLine {
  readonly file: string;
  readonly kind: EntryKind | undefined;
  readonly client: string;
  readonly user: string;
  readonly address: string;
  readonly size: number;
  readonly crc: number;
  /** The blob; a file of a pack in the catalog has none that could be named. */
  readonly path?: string;
}

const STORED: { readonly [K in EntryKind]: string } = {
  file: "Stored {file} for {user} from {address}: {size} bytes, cksum {crc}",
  folder: "Stored folder {file} for {user} from {address}",
  link: "Stored link {file} for {user} from {address}",
};

/** Logs that a file was stored. */
export function logStored(log: Log, { kind = "file", ...line }: StoredLine): void {
  log.info(STORED[kind], { event: "file.stored", kind, ...line });
}

/** The error for a client whose file the catalog refuses for want of quota; `undefined` for another reason. */
export async function limitErrorOf(
  { store: { catalog }, limits }: {
    readonly store: { readonly catalog: { readonly accounts: Pick<Catalog["accounts"], "find"> } };
    readonly limits: Limits;
  },
  accountId: Bytes,
  reason: RefusalReason,
): Promise<LimitError | undefined> {
  const over = LIMITS_OF[reason];
  if (over === undefined) return undefined;
  const own = (await catalog.accounts.find({ id: accountId }))?.quota[over.of];
  return new LimitError(over.limit, own ?? limits[over.limit]);
}

/** The properties for the catalog. A file of protocol 3 has others, which cannot be sent to the catalog's thread. */
function describedBy(file: ReceivedFile) {
  const { accountId, name, kind, mode, size, crc, storedAt, storedBy, tree, confirmedAt } = file;
  return {
    ...{ accountId, name, size, crc, storedAt },
    ...(kind === undefined ? {} : { kind }),
    ...(mode === undefined ? {} : { mode }),
    ...(storedBy === undefined ? {} : { storedBy }),
    ...(tree === undefined ? {} : { tree }),
    ...(confirmedAt === undefined ? {} : { confirmedAt }),
  };
}

interface OverQuota {
  readonly limit: LimitName;
  readonly of: keyof Quota;
}

const LIMITS_OF: Readonly<Partial<Record<RefusalReason, OverQuota>>> = {
  "quota-bytes": { limit: "quota", of: "bytes" },
  "quota-files": { limit: "quotaFiles", of: "files" },
};
