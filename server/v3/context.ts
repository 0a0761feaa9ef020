/**
 * The state that connections of protocol 3 share.
 *
 * @module
 */
import type { HelloAnswer } from "../../protocol/hello.ts";
import type { Context } from "../context.ts";
import { isShared } from "../catalog/shared_catalog.ts";
import { DisputedChecksums } from "./disputed_checksums.ts";
import { PendingUploads, type UploadsBetweenPackets } from "./pending_uploads.ts";
import { SessionKeys } from "./session_keys.ts";
import { SharedPendingUploads } from "./shared_pending_uploads.ts";
import { SharedUnverifiedFiles } from "./shared_unverified_files.ts";
import { type FilesAwaitingVerdict, UnverifiedFiles } from "./unverified_files.ts";

export interface V3Context extends Context {
  readonly sessionKeys: SessionKeys;
  readonly unverified: FilesAwaitingVerdict;
  readonly disputes: DisputedChecksums;
  /** Uploads whose packets arrive on separate connections. */
  readonly pendingUploads: UploadsBetweenPackets;
  /** The answer to a hello; `undefined` if the server has no protocol 4. */
  readonly helloAnswer: () => HelloAnswer | undefined;
}

export function createV3Context(
  context: Context,
  helloAnswer: () => HelloAnswer | undefined,
): V3Context {
  const { limits, ticks, log, accounts, garbage, isHousekeeper, store: { catalog } } = context;
  const shared = isShared(catalog) ? catalog : undefined;
  return {
    ...context,
    sessionKeys: new SessionKeys(context.shared.sessions, limits, ticks),
    unverified: shared === undefined
      ? new UnverifiedFiles(limits, log)
      : new SharedUnverifiedFiles({
        ...{ rows: shared.unverified, blobs: shared.blobs, garbage, accounts },
        ...{ limits, ticks, log, isHousekeeper },
      }),
    disputes: new DisputedChecksums(context.shared.disputes),
    pendingUploads: shared === undefined
      ? new PendingUploads(limits)
      : new SharedPendingUploads(shared.parked, limits, isHousekeeper),
    helloAnswer,
  };
}

/** Removes expired entries. */
export async function expireV3(context: V3Context): Promise<void> {
  const { limits, ticks, unverified, pendingUploads } = context;
  const before = ticks() - limits.unverifiedTtlMs;
  await unverified.expire(before);
  await pendingUploads.expire(before);
}

/** Discards incomplete and unconfirmed files, unless another server can confirm them. No connection is open then. */
export async function closeV3({ unverified, pendingUploads }: V3Context): Promise<void> {
  await unverified.close();
  await pendingUploads.close();
}
