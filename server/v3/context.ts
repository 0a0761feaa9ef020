/**
 * The state that connections of protocol 3 share.
 *
 * @module
 */
import type { HelloAnswer } from "../../protocol/hello.ts";
import type { Context } from "../context.ts";
import { DisputedChecksums } from "./disputed_checksums.ts";
import { PendingUploads } from "./pending_uploads.ts";
import { SessionKeys } from "./session_keys.ts";
import { UnverifiedFiles } from "./unverified_files.ts";

export interface V3Context extends Context {
  readonly sessionKeys: SessionKeys;
  readonly unverified: UnverifiedFiles;
  readonly disputes: DisputedChecksums;
  /** Uploads whose packets arrive on separate connections. */
  readonly pendingUploads: PendingUploads;
  /** The answer to a hello; `undefined` if the server has no protocol 4. */
  readonly helloAnswer: () => HelloAnswer | undefined;
}

export function createV3Context(
  context: Context,
  helloAnswer: () => HelloAnswer | undefined,
): V3Context {
  const { limits, ticks, log } = context;
  return {
    ...context,
    sessionKeys: new SessionKeys(context.shared.sessions, limits, ticks),
    unverified: new UnverifiedFiles(limits, log),
    disputes: new DisputedChecksums(ticks),
    pendingUploads: new PendingUploads(limits),
    helloAnswer,
  };
}

/** Removes expired entries. */
export async function expireV3(context: V3Context): Promise<void> {
  const { limits, ticks } = context;
  await dropUploads(context, ticks() - limits.unverifiedTtlMs);
}

/** Discards incomplete and unconfirmed files. No connection is open then. */
export async function closeV3(context: V3Context): Promise<void> {
  await dropUploads(context, Infinity);
}

async function dropUploads({ unverified, pendingUploads }: V3Context, before: number) {
  await unverified.expire(before);
  await pendingUploads.expire(before);
}
