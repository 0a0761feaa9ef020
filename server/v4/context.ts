/**
 * The state that connections of protocol 4 share.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { Context } from "../context.ts";
import type { FileDigest } from "../catalog/files.ts";
import { isShared } from "../catalog/shared_catalog.ts";
import { NameClaims } from "./name_claims.ts";
import { OpenUploads } from "./open_uploads.ts";
import { PackRoom } from "./pack_room.ts";
import { PartialUploads } from "./partial_uploads.ts";
import { RevocationWatch } from "./revocation.ts";
import { SharedWork } from "./shared_work.ts";

/** The digest of a file, and when the server computed it. */
export interface ComputedDigest {
  readonly tree: FileDigest;
  /** Milliseconds since the epoch; without it, the digest is only that of the client. */
  readonly confirmedAt?: number;
}

export interface V4Context extends Context {
  /** Disconnects clients whose account was disabled or removed, or whose key was removed. */
  readonly revocation: RevocationWatch;
  /** Files of protocol 3 whose digests are being computed, by blob id. */
  readonly readings: SharedWork<ComputedDigest | undefined>;
  readonly openUploads: OpenUploads;
  /** Claims of uploads to their names. */
  readonly claims: NameClaims;
  /** The memory of packs that are not stored yet. */
  readonly packRoom: PackRoom;
  /** Uploads that were interrupted and can be resumed. */
  readonly partialUploads: PartialUploads;
  /** Called when a file was stored whose digest only the client has computed. */
  readonly onUnconfirmed: () => void;
  /** Called when an account gets its first key of protocol 4. Its sessions of protocol 3 must then end. */
  readonly onAccountClaimed: (accountId: Bytes) => Promise<void>;
}

/** The most files that are read whole at a time, at most one of each account, so that the disk can serve others. */
const MAX_READINGS = 2;

export function createV4Context(
  context: Context,
  callbacks: Pick<V4Context, "onAccountClaimed" | "onUnconfirmed">,
): V4Context {
  const { store: { catalog, blobs }, limits, clock, ticks, log, garbage } = context;
  return {
    ...context,
    revocation: new RevocationWatch({ catalog, ticks, log }),
    readings: new SharedWork(MAX_READINGS),
    openUploads: new OpenUploads(),
    claims: new NameClaims(isShared(catalog) ? catalog.claims : undefined),
    packRoom: new PackRoom(),
    partialUploads: new PartialUploads({ catalog, blobs, limits, clock, garbage }),
    ...callbacks,
  };
}

/** Removes expired partial uploads. */
export async function expireV4(
  { partialUploads, limits, clock, isHousekeeper }: V4Context,
): Promise<void> {
  if (isHousekeeper()) await partialUploads.expire(clock() - limits.partialTtlMs);
}
