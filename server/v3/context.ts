/**
 * What the connections of protocol 3 share.
 *
 * @module
 */
import type { HelloAnswer } from "../../protocol/hello.ts";
import type { Context } from "../context.ts";
import { DisputedChecksums } from "./disputed_checksums.ts";
import { PendingUploads } from "./pending_uploads.ts";
import { ReservedIds } from "./reserved_ids.ts";
import { SessionKeys } from "./session_keys.ts";
import { UnverifiedFiles } from "./unverified_files.ts";

export interface V3Context extends Context {
  readonly sessionKeys: SessionKeys;
  readonly reservedIds: ReservedIds;
  readonly unverified: UnverifiedFiles;
  readonly disputes: DisputedChecksums;
  /** Files whose further packets come on connections of their own. */
  readonly pendingUploads: PendingUploads;
  /** What a client is told that asks for protocol 4; `undefined` where it is not spoken. */
  readonly helloAnswer: () => HelloAnswer | undefined;
}

export function createV3Context(
  context: Context,
  helloAnswer: () => HelloAnswer | undefined,
): V3Context {
  const { limits, ticks, log } = context;
  return {
    ...context,
    sessionKeys: new SessionKeys(limits, ticks),
    reservedIds: new ReservedIds(limits, ticks),
    unverified: new UnverifiedFiles(limits, log),
    disputes: new DisputedChecksums(ticks),
    pendingUploads: new PendingUploads(limits),
    helloAnswer,
  };
}

/** Drops what has expired. */
export async function expireV3(context: V3Context): Promise<void> {
  const { limits, ticks, sessionKeys, reservedIds } = context;
  sessionKeys.sweep();
  reservedIds.sweep();
  await dropUploads(context, ticks() - limits.unverifiedTtlMs);
}

/** Drops files that are not whole or not confirmed: their clients have left, and no connection is open. */
export async function closeV3(context: V3Context): Promise<void> {
  await dropUploads(context, Infinity);
}

async function dropUploads({ unverified, pendingUploads }: V3Context, before: number) {
  await unverified.expire(before);
  await pendingUploads.expire(before);
}
