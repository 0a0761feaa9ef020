/**
 * The last steps of a file, by either protocol: from staging to its place, and into the catalog.
 *
 * @module
 */
import { type Bytes, printable, toHex } from "../protocol/mod.ts";
import type { Claim } from "./claims.ts";
import type { Context, Peer } from "./context.ts";
import { LimitError, type LimitName, type Limits } from "./limits.ts";
import type { Quota } from "./store/account_catalog.ts";
import { isInline } from "./store/blob_paths.ts";
import type { StagedBlob } from "./store/blob_store.ts";
import {
  CatalogRefusal,
  type Recorded,
  type RefusalReason,
  type StoredFile,
  type StoreOptions,
  type Tree,
  type Usage,
} from "./store/catalog.ts";

/** A file on whose checksum both ends agree. */
export interface Arrived
  extends Pick<StoredFile, "clientId" | "name" | "size" | "crc" | "storedAt"> {
  readonly blob: StagedBlob;
  readonly tree?: Tree;
  /** The digests of its chunks, of a file with a tree. */
  readonly chunks?: Bytes;
  /** Whether it was recorded as held while it came: it is not any more when it is stored. */
  readonly wasHeld?: boolean;
  /** Ends when it is stored, or not. */
  readonly claim?: Claim | undefined;
}

/**
 * A user's own files that are stored meanwhile may be counted twice: where it would be too much it is looked at again
 * when they are, but not more often.
 */
const MAX_LOOKS = 16;

/**
 * Refuses beforehand what could not be stored afterwards. What is on its way counts from now on, until its claim ends;
 * there is none where no quota is. Where there is no room beside earlier files of the same name that are on their way,
 * `makeWay` is called once: it resolves when those have ended that are to. Throws `LimitError`.
 */
export async function claimRoom(
  { limits, store, accounts, claims }: Context,
  { clientId, name, size }: Pick<StoredFile, "clientId" | "name" | "size">,
  makeWay: () => Promise<void>,
): Promise<Claim | undefined> {
  const { maxFileSize } = limits;
  if (size > maxFileSize) throw new LimitError("maxFileSize", maxFileSize);
  const own = (await accounts.find(clientId))?.quota ?? {};
  const { bytes: quota = limits.quota, files: quotaFiles = limits.quotaFiles } = own;
  if (quota === Infinity && quotaFiles === Infinity) return undefined;
  const over = (usage: Usage) =>
    usage.bytes > quota
      ? new LimitError("quota", quota)
      : usage.files > quotaFiles
      ? new LimitError("quotaFiles", quotaFiles)
      : undefined;
  let hasMadeWay = false;
  for (let looks = 1;; looks++) {
    using look = claims.look(clientId, name);
    const replacing = { name, size, keep: replacedKept(limits), open: look.names };
    const { replaced, ...beside } = await store.catalog.usageBeside(clientId, replacing);
    const claimed = claims.sum(clientId, look, name);
    const spent = Math.min(claimed.spent, replaced.bytes);
    const alone = { bytes: beside.bytes + size, files: beside.files + 1 };
    const all = {
      bytes: alone.bytes + spent + claimed.bytes,
      files: alone.files + claimed.files,
    };
    const refused = over(all);
    if (refused === undefined) {
      const credit = Math.min(size, replaced.bytes - spent);
      return claims.add(clientId, {
        name,
        size,
        credit,
        isNew: look.isStale ? !look.isStored : replaced.files === 0,
      });
    }
    if (over(alone) !== undefined) throw refused;
    if (claimed.isAgain && !hasMadeWay) {
      hasMadeWay = true;
      await makeWay();
    } else if (claimed.isExact || looks >= MAX_LOOKS) throw refused;
    else await claims.settle(clientId);
  }
}

/**
 * Makes a file durable and visible, and returns its version. The path is listed as an orphan before the blob is moved there and until the
 * catalog refers to it, so that a crash in between leaves nothing behind that the next start would not remove.
 */
export async function storeFile(
  context: Context,
  peer: Pick<Peer, "address">,
  file: Arrived,
): Promise<number> {
  const { store: { catalog, blobs }, limits, claims } = context;
  const { clientId, name, size, crc, storedAt, blob, tree, chunks, wasHeld = false, claim } = file;
  const { content } = blob;
  const path = content === undefined ? blobs.newPath(clientId) : blob.path;
  let recorded: Recorded;
  try {
    if (content === undefined) {
      await Promise.all([catalog.addOrphan(path), blob.seal()]);
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
    claim?.beginToEnd();
    recorded = await catalog.storeFile(row, options);
    claims.revoke(clientId, name, { isStored: true });
    if (content !== undefined) await blob.commit(path);
  } catch (error) {
    await blob.discard();
    // A commit may have failed in its last step and hold all the same: then the path is the file's.
    if (!(await catalog.refersTo(path))) await removeOrphan(context, path);
    const over = error instanceof CatalogRefusal ? LIMITS_OF[error.reason] : undefined;
    if (over === undefined) throw error;
    const own = (await catalog.findClient(clientId))?.quota[over.of];
    throw new LimitError(over.limit, own ?? limits[over.limit]);
  } finally {
    claim?.end();
  }
  context.log.info("Stored {file} of {client}: {size} bytes, cksum {crc}", {
    event: "file.stored",
    file: printable(name),
    client: toHex(clientId),
    address: peer.address,
    size,
    crc,
    path,
  });
  for (const orphan of recorded.dropped) await removeOrphan(context, orphan);
  return recorded.version;
}

/** What a user may have whose operator has said nothing else. */
export function quotaOfAll({ quota, quotaFiles }: Limits): Usage {
  return { bytes: quota, files: quotaFiles };
}

/** How many of the files that one replaces are kept besides it. */
function replacedKept({ versions }: Limits): number {
  return Math.max(0, versions - 1);
}

interface OverQuota {
  readonly limit: LimitName;
  readonly of: keyof Quota;
}

const LIMITS_OF: Readonly<Partial<Record<RefusalReason, OverQuota>>> = {
  "quota-bytes": { limit: "quota", of: "bytes" },
  "quota-files": { limit: "quotaFiles", of: "files" },
};

/** Removes a blob that no file refers to. What fails here is tried again at the next start. */
export async function removeOrphan(context: Context, path: string): Promise<void> {
  if (isInline(path)) return; // it was never on the disk
  try {
    await context.store.blobs.remove(path);
    await context.store.catalog.removeOrphan(path);
  } catch (error) {
    context.log.warn("Could not remove {path}, which no file refers to: {reason}", {
      event: "orphan.kept",
      path,
      reason: printable(String(error)),
    });
  }
}
