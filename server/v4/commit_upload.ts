/**
 * The commit of an upload, and its answer.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { FileDigests } from "../../protocol/v4/chunk_digests.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { commitFile } from "../uploads/commit.ts";
import type { QuotaReservation } from "../uploads/quota_reservations.ts";
import type { StagedUpload } from "../uploads/staging_area.ts";
import type { RequestContext } from "./request_context.ts";

/** A complete upload on whose digests client and server agree. */
export interface AgreedUpload {
  readonly request: MessageOf<"put">;
  readonly staged: StagedUpload;
  readonly digests: FileDigests;
  /** Whether the server has computed them from the content. */
  readonly isHashed: boolean;
  /** The digests of the chunks, concatenated. */
  readonly chunks: Bytes;
  /** Whether the catalog has a checkpoint of the upload. */
  readonly isPartial: boolean;
  readonly reservation: QuotaReservation | undefined;
}

/** Throws `LimitError`, `CatalogRefusal`, and errors of the stores. */
export async function commitUpload(
  { context, owner }: Pick<RequestContext, "context" | "owner">,
  { request, digests, isHashed, ...upload }: AgreedUpload,
): Promise<Omit<MessageOf<"stored">, "kind" | "tag">> {
  const { name, entry, mode, mtime } = request;
  const { size, cksum, digest } = digests;
  const storedAt = context.clock();
  const { version, replaced } = await commitFile(context, owner, {
    ...{ accountId: owner.accountId, name, kind: entry, ...(mode === undefined ? {} : { mode }) },
    ...{ size, crc: cksum, tree: { mtime, digest }, ...upload },
    ...{ storedAt, storedBy: owner.key, ...(isHashed ? { confirmedAt: storedAt } : {}) },
  });
  if (!isHashed) context.onUnconfirmed();
  const byOther = Number(replaced?.byOther ?? false);
  return { cksum, digest, version, replaced: replaced?.version ?? 0, byOther };
}
