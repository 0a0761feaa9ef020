/**
 * What the connections of protocol 4 share.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { FileDigest } from "../catalog/files.ts";
import type { Context } from "../context.ts";
import { OpenUploads } from "./open_uploads.ts";
import { PartialUploads } from "./partial_uploads.ts";
import { RevocationWatch } from "./revocation.ts";
import { SharedWork } from "./shared_work.ts";

export interface V4Context extends Context {
  /** Ends the connections of clients that may not stay. */
  readonly revocation: RevocationWatch;
  /** Files of protocol 3 that are read whole for their trees, by path. */
  readonly readings: SharedWork<FileDigest | undefined>;
  readonly openUploads: OpenUploads;
  /** What is held of uploads that were broken off. */
  readonly partialUploads: PartialUploads;
  /** Called when an account has got a key of protocol 4: whoever used it by protocol 3 alone is not it any more. */
  readonly onAccountClaimed: (accountId: Bytes) => void;
}

/** Whole files that are read at once for what a peer asks, one of each user's: a disk serves others beside. */
const MAX_READINGS = 2;

export function createV4Context(
  context: Context,
  onAccountClaimed: (accountId: Bytes) => void,
): V4Context {
  const { store: { catalog, blobs }, limits, clock, ticks, log, garbage } = context;
  return {
    ...context,
    revocation: new RevocationWatch({ catalog, ticks, log }),
    readings: new SharedWork(MAX_READINGS),
    openUploads: new OpenUploads(),
    partialUploads: new PartialUploads({ catalog, blobs, limits, clock, garbage }),
    onAccountClaimed,
  };
}

/** Drops what has expired. */
export async function expireV4({ partialUploads, limits, clock }: V4Context): Promise<void> {
  await partialUploads.expire(clock() - limits.partialTtlMs);
}
