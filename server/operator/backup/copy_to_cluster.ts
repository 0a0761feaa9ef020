/**
 * Copies everything into an empty database and a store of contents. The catalog is filled last, in one transaction. Until
 * then, the copied contents are listed as garbage: the next server deletes what an abandoned copy leaves.
 *
 * @module
 */
import { type Abortable, throwIfAborted } from "../../../protocol/abort.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { ConfigurationError } from "../../../protocol/errors.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import {
  type BlobCopying,
  type BlobId,
  BlobNotFound,
  type BlobStore,
  type BlobToCopy,
  canCopy,
  type UploadId,
} from "../../blobs/blob_store.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import type { Damage, StoredFile } from "../../catalog/files.ts";
import type { PartialUpload } from "../../catalog/partial_uploads.ts";
import type { SharedCatalog } from "../../catalog/shared_catalog.ts";
import { type Dumping, type Fillable, isFillable } from "../../catalog/table_copy.ts";
import { readClusterSecret } from "../../cluster/cluster_secret.ts";
import { damageIn, readChecked } from "../../data_folder/stored_content.ts";
import type { FileSystem } from "../../fs/file_system.ts";
import { closeBlobs, OPENERS } from "../../stores/open_stores.ts";
import { openBlobsOf } from "../../stores/served_cluster.ts";
import { TLS_IDENTITY } from "../../stores/shared_identity.ts";
import type { StoreSettings } from "../../stores/store_settings.ts";
import type { CopySource, StoreAccess } from "./copy_source.ts";
import type { CopyReport } from "./copy_store.ts";
import { COPIED_AT_A_TIME, eachOf } from "./each_of.ts";

/** The number of files looked up and reserved at a time. */
const PAGE = 1000;

/** Options of a copy into a cluster. */
export interface ClusterCopyOptions extends Abortable {
  /** Whether partial uploads are copied, too. */
  readonly withUploads: boolean;
  readonly fs: FileSystem;
  readonly access: StoreAccess;
}

interface Target {
  readonly catalog: SharedCatalog & Fillable;
  readonly blobs: BlobStore & BlobCopying;
}

/**
 * Copies everything. An interrupted copy is continued by the next one. Throws `ConfigurationError` `target-needs-catalog`,
 * `target-not-empty`, `catalog-in-use`, `cluster-secret-missing`; `StorageError` `copy-swept`; `UnavailableError`.
 */
export async function copyToCluster(
  source: CopySource,
  settings: StoreSettings,
  { fs, access, signal, withUploads }: ClusterCopyOptions,
): Promise<CopyReport> {
  const { openers = OPENERS, clusterSecret = readClusterSecret } = access;
  if (settings.catalog === undefined) throw needsCatalog();
  await using opened = new AsyncDisposableStack();
  const catalog = opened.use(await openers.catalog(settings.catalog));
  const blobs = await openBlobsOf(catalog, settings, openers, fs);
  opened.defer(() => closeBlobs(blobs));
  if (!isFillable(catalog) || !canCopy(blobs)) throw new Error("the target cannot be filled");
  await catalog.refuseFilling();
  const identity = await source.readIdentity();
  const values = new Map<string, Bytes>();
  if (identity !== undefined) {
    values.set(TLS_IDENTITY, await (await clusterSecret()).wrap(TLS_IDENTITY, identity));
  }
  const report = await copyContents(source, { catalog, blobs }, signal);
  const copies = withUploads
    ? await copyUploads(source, blobs, signal)
    : new Map<UploadId, UploadCopy>();
  throwIfAborted(signal);
  await source.refuseRemoved();
  const skipped = new Set<unknown>(report.damaged.map(({ content }) => content.id));
  const idOf = (blob: BlobToCopy) => blobs.copyId(blob) ?? blob.id;
  await catalog.fill({
    ...{ from: withoutDamage(source.catalog, skipped, signal), idOf, values },
    uploads: () => copiedUploads(source, copies),
  });
  return report;
}

/** The copy of a partial upload. */
type UploadCopy = Pick<PartialUpload, "id" | "durableBytes">;

/** Copies partial uploads, each up to the end of its last part. Without a row, a sweep deletes them. */
async function copyUploads(
  { catalog, readUpload }: CopySource,
  blobs: BlobStore,
  signal: AbortSignal | undefined,
): Promise<Map<UploadId, UploadCopy>> {
  const copies = new Map<UploadId, UploadCopy>();
  if (readUpload === undefined) return copies;
  for await (const partial of uploadsOf(catalog)) {
    const copy = await copyUpload(partial, readUpload(partial.id), blobs, signal);
    if (copy !== undefined) copies.set(partial.id, copy);
  }
  return copies;
}

async function* copiedUploads(
  { catalog }: CopySource,
  copies: ReadonlyMap<UploadId, UploadCopy>,
): AsyncGenerator<PartialUpload, void, void> {
  for await (const partial of uploadsOf(catalog)) {
    const copy = copies.get(partial.id);
    if (copy !== undefined) yield { ...partial, ...copy };
  }
}

async function* uploadsOf({ uploads }: Catalog): AsyncGenerator<PartialUpload, void, void> {
  let after: UploadId | undefined;
  for (;;) {
    const page = await uploads.scan(after, PAGE);
    for (const { accountId, name, id } of page) {
      const partial = await uploads.find(accountId, name);
      if (partial?.id === id) yield partial;
    }
    after = page.at(-1)?.id;
    if (after === undefined) return;
  }
}

/** Returns `undefined` for an upload that lacks bytes, or has no whole part yet: it begins again. */
async function copyUpload(
  partial: PartialUpload,
  pieces: AsyncIterable<Bytes>,
  blobs: BlobStore,
  signal: AbortSignal | undefined,
): Promise<UploadCopy | undefined> {
  const { accountId, size, durableBytes: end } = partial;
  const writer = await blobs.create({ owner: accountId, size });
  try {
    let offset = 0;
    for await (const piece of pieces) {
      throwIfAborted(signal);
      const wanted = piece.subarray(0, end - offset);
      await writer.write(offset, wanted);
      offset += wanted.length;
      if (offset === end) break;
    }
    const durable = await writer.suspend(offset);
    const kept = durable === size ? size : durable - durable % CHUNK_SIZE;
    if (kept > 0) return { id: writer.uploadId, durableBytes: kept };
  } catch (error) {
    await writer.abort();
    if (!(error instanceof BlobNotFound)) throw error;
  }
  await writer.abort();
  return undefined;
}

/** The rows without damaged files. All others are intact. */
function withoutDamage(
  from: Dumping,
  skipped: ReadonlySet<unknown>,
  signal: AbortSignal | undefined,
): Dumping {
  return {
    dump: (each, restart) =>
      from.dump(({ table, rows }) => {
        throwIfAborted(signal);
        if (table !== "files") return each({ table, rows });
        const kept = rows.filter((row) => !skipped.has(row["path"]));
        return each({ table, rows: kept.map((row) => ({ ...row, damage: null })) });
      }, restart),
  };
}

async function copyContents(
  source: CopySource,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<CopyReport> {
  const damaged: StoredFile[] = [];
  const sums = { files: 0, bytes: 0 };
  let after: BlobId | undefined;
  for (;;) {
    const page = await source.catalog.files.scan(after, PAGE);
    const last = page.at(-1);
    if (last === undefined) return { ...sums, damaged };
    after = last.content.id;
    const copies = page.map((file) => ({ file, id: copyIdOf(target.blobs, file) }));
    const ids = copies.flatMap(({ id }) => id ?? []);
    if (ids.length > 0) await target.catalog.reserveAll(ids);
    await eachOf(copies, COPIED_AT_A_TIME, async ({ file, id }) => {
      throwIfAborted(signal);
      const damage = await copyFile(source, target.blobs, file, id, signal);
      if (damage !== undefined) return void damaged.push({ ...file, damage });
      sums.files++;
      sums.bytes += file.size;
    });
  }
}

/** The id of a copy; `undefined` for content in the catalog, and for a blob that no store of xfer has made. */
function copyIdOf(blobs: BlobCopying, { content: { kind, id }, accountId }: StoredFile) {
  return kind === "inline" ? undefined : blobs.copyId({ id, accountId });
}

/** Copies the content of a file, unless the target has it, and returns its damage. */
async function copyFile(
  source: CopySource,
  blobs: BlobStore & BlobCopying,
  file: StoredFile,
  id: BlobId | undefined,
  signal: AbortSignal | undefined,
): Promise<Damage | undefined> {
  if (file.content.kind === "blob") {
    if (id === undefined) return "missing";
    if ((await blobs.stat(id))?.size === file.size) return undefined;
  }
  const writer = id && await blobs.createCopy(id, file.size);
  try {
    let offset = 0;
    for await (const piece of readChecked(source, file)) {
      throwIfAborted(signal);
      await writer?.write(offset, piece);
      offset += piece.length;
    }
    await writer?.finish();
    return undefined;
  } catch (error) {
    await writer?.abort();
    throwIfAborted(signal);
    return damageIn(error) ?? Promise.reject(error);
  }
}

function needsCatalog(): ConfigurationError {
  return new ConfigurationError(
    "target-needs-catalog",
    "this copies into a data folder, or into a database and an object store",
    { hint: "Add --catalog postgres://USER@HOST/DB, or omit --blobs." },
  );
}
