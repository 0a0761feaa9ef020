/**
 * Contents of a pack that are too large for the catalog. They are written to the blob store, many at once, so that they
 * share its syncs.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { PackReader } from "../../protocol/v4/pack.ts";
import type { BlobId } from "../blobs/blob_store.ts";
import { MAX_INLINE } from "../catalog/bounds.ts";
import type { CheckedPack } from "./check_pack.ts";
import type { RequestContext } from "./request_context.ts";

/** The most blobs of a pack that are written at a time. */
const AT_ONCE = 32;

/** The blobs of a pack, which are listed as garbage until the pack is committed. */
export interface PackBlobs {
  /** By the index of their record. */
  readonly blobs: ReadonlyMap<number, BlobId>;
  /** Why contents could not be written, by the index of their record. */
  readonly failures: ReadonlyMap<number, unknown>;
}

const NONE: PackBlobs = { blobs: new Map(), failures: new Map() };

/** Writes the contents that are too large for the catalog. */
export async function writeBlobs(
  session: Pick<RequestContext, "context" | "owner">,
  { pack, sizes, accepted }: CheckedPack,
): Promise<PackBlobs> {
  const largest = Math.min(session.context.limits.inlineSize, MAX_INLINE);
  if (!sizes.some((size, i) => size > largest && accepted[i] === 1)) return NONE;
  const blobs = new Map<number, BlobId>();
  const failures = new Map<number, unknown>();
  const record = new PackReader(pack);
  const next = (): (() => Promise<void>) | undefined => {
    while (record.next()) {
      const { index, size, content } = record;
      if (size <= largest || accepted[index] !== 1) continue;
      return async () => {
        try {
          blobs.set(index, await writeBlob(session, content));
        } catch (error) {
          failures.set(index, error);
        }
      };
    }
    return undefined;
  };
  const work = async () => {
    for (let write = next(); write !== undefined; write = next()) await write();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { blobs, failures };
}

/** Throws `LimitError`, and errors of the stores. */
async function writeBlob(
  { context: { store, staging, garbage }, owner }: Pick<RequestContext, "context" | "owner">,
  content: Bytes,
): Promise<BlobId> {
  const staged = await staging.create(owner.accountId, content.length);
  const { writer } = staged;
  try {
    await staged.write(0, content);
    await Promise.all([store.catalog.blobs.reserve(writer.blobId), writer.close()]);
    await writer.finish();
    return writer.blobId;
  } catch (error) {
    await writer.abort();
    await garbage.collect([writer.blobId]);
    throw error;
  } finally {
    staged.release();
  }
}
