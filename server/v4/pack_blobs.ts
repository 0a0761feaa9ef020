/**
 * Contents of a pack that are too large for the catalog. They are written to the blob store, many at once, so that they
 * share its syncs.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
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
  /** Blobs of current versions with the same content, which are there. */
  readonly intact: readonly BlobId[];
  /** Why contents could not be written, by the index of their record. */
  readonly failures: ReadonlyMap<number, unknown>;
}

const NONE: PackBlobs = { blobs: new Map(), intact: [], failures: new Map() };

/** Writes the contents that are too large for the catalog. */
export async function writeBlobs(
  session: Pick<RequestContext, "context" | "owner">,
  { pack, sizes, accepted }: CheckedPack,
): Promise<PackBlobs> {
  const largest = Math.min(session.context.limits.inlineSize, MAX_INLINE);
  if (!sizes.some((size, i) => size > largest && accepted[i] === 1)) return NONE;
  const blobs = new Map<number, BlobId>();
  const intact: BlobId[] = [];
  const failures = new Map<number, unknown>();
  const record = new PackReader(pack);
  const next = (): (() => Promise<void>) | undefined => {
    while (record.next()) {
      const { index, name, size, digest, content } = record;
      if (size <= largest || accepted[index] !== 1) continue;
      return async () => {
        try {
          const known = await findIntact(session, name, size, digest);
          if (known !== undefined) intact.push(known);
          // Without its blob, the catalog could store a small copy if the known version is replaced meanwhile.
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
  return { blobs, intact, failures };
}

/** The blob of the current version, if it has the same content and is there. */
async function findIntact(
  { context: { store: { catalog, blobs } }, owner }: Pick<RequestContext, "context" | "owner">,
  name: string,
  size: number,
  digest: Bytes,
): Promise<BlobId | undefined> {
  const file = await catalog.files.find(owner.accountId, name);
  if (file?.content.kind !== "blob" || file.size !== size || file.tree === undefined) {
    return undefined;
  }
  if (file.damage !== undefined || !equalBytes(file.tree.digest, digest)) return undefined;
  const found = await blobs.stat(file.content.id);
  return found?.size === size ? file.content.id : undefined;
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
