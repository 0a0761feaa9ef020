/**
 * Digests of files that protocol 3 has stored: they are found when they are first asked for, and kept.
 *
 * @module
 */
import { toHex } from "../../protocol/bytes.ts";
import { inSlices } from "../../protocol/v4/slices.ts";
import { ChunkDigests, type FileDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE, chunkSize } from "../../protocol/v4/merkle_tree.ts";
import { BlobNotFound } from "../blobs/blob_store.ts";
import { readContent } from "../data_folder/stored_content.ts";
import { breath } from "../breath.ts";
import type { V4Context } from "./context.ts";
import { recordDamage, visibleDamage } from "./damage.ts";
import type { Damage, FileDigest, StoredFile } from "../catalog/files.ts";
import { RequestError } from "./request_error.ts";
import type { RequestContext } from "./request_context.ts";

/** Characters of a name that a refusal repeats: it has to fit into its frame. */
const MAX_QUOTED = 255;

export type FileWithDigests = StoredFile & { readonly tree: FileDigest };

/**
 * A file with its digest, for which one without is read whole; `undefined` where it has been replaced or removed
 * meanwhile. Throws `RequestError` `damaged` where its blob is missing, has another size, or is known or found to be changed.
 */
export async function withDigests(
  { context, answers }: RequestContext,
  file: StoredFile,
): Promise<FileWithDigests | undefined> {
  const damage = await visibleDamage(context.store, file);
  if (damage !== undefined) return await refuseDamaged(context, file, damage);
  if (file.tree !== undefined) return { ...file, tree: file.tree };
  const owner = toHex(file.accountId);
  const work = (signal: AbortSignal) => findTree(context, file, signal);
  const tree = await context.readings.do(file.content.id, owner, work, answers.onLeft);
  return tree && { ...file, tree };
}

/** Reads a file for its tree, and keeps that; see {@link withDigests}. Throws the signal's reason where it is aborted. */
async function findTree(
  context: Pick<V4Context, "store" | "log">,
  file: StoredFile,
  signal: AbortSignal,
): Promise<FileDigest | undefined> {
  const { store, log } = context;
  const { catalog } = store;
  // It may have been read since it was looked up.
  const now = await catalog.files.find(file.accountId, file.name, { version: file.version });
  if (now?.content.id !== file.content.id) return undefined;
  if (now.damage !== undefined) return await refuseDamaged(context, file, now.damage);
  if (now.tree !== undefined) return now.tree;
  const sums = new ChunkDigests(file.size);
  const found = await summedUp(readContent(store, file), sums, signal);
  if (found?.cksum !== file.crc) return await refuseDamaged(context, file, "content");
  // When the client's file was changed protocol 3 does not tell.
  const tree = { mtime: file.storedAt, digest: found.digest };
  await catalog.files.setDigests(file.content.id, tree, await inSlices(sums.gathering(), breath));
  log.debug("Summed up {path} of {client}, which protocol 3 had stored", {
    event: "file.summed-up",
    ...{ path: file.content.id, client: toHex(file.accountId) },
  });
  return tree;
}

/**
 * Refuses a file that is damaged, and records that; `undefined` where the file has been replaced or removed meanwhile.
 * Throws `RequestError` `damaged`.
 */
export async function refuseDamaged(
  context: Pick<V4Context, "store" | "log">,
  file: StoredFile,
  damage: Damage,
): Promise<undefined> {
  if (await context.store.catalog.blobs.owner(file.content.id) !== "file") return undefined;
  await recordDamage(context, file, damage);
  throw isDamaged(file);
}

/** Why a file is not given back. */
export function isDamaged({ name }: Pick<StoredFile, "name">): RequestError {
  return new RequestError("damaged", `${name.slice(0, MAX_QUOTED)} is damaged on the server`);
}

/** Sums of a whole blob; `undefined` where there is none, or one of another size. */
async function summedUp(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  sums: ChunkDigests,
  signal: AbortSignal,
): Promise<FileDigests | undefined> {
  let at = 0;
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted();
      if (chunk.length !== chunkSize(sums.size, at / CHUNK_SIZE)) return undefined;
      sums.add(at, chunk);
      at += chunk.length;
    }
  } catch (error) {
    if (error instanceof BlobNotFound) return undefined;
    throw error;
  }
  return sums.isWhole ? sums.sums() : undefined;
}
