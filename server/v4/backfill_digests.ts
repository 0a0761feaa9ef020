/**
 * Digests of files that were stored over protocol 3. They are computed at the first request, and stored.
 *
 * @module
 */
import { toHex } from "../../protocol/bytes.ts";
import { joinNanoseconds } from "../../protocol/nanoseconds.ts";
import { printable } from "../../protocol/printable.ts";
import { inSlices } from "../../protocol/v4/slices.ts";
import { ChunkDigests, type FileDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE, chunkSize } from "../../protocol/v4/merkle_tree.ts";
import { BlobNotFound } from "../blobs/blob_store.ts";
import { readContent } from "../data_folder/stored_content.ts";
import { breath } from "../breath.ts";
import type { ComputedDigest, V4Context } from "./context.ts";
import { recordDamage, visibleDamage } from "../check/damage.ts";
import type { Damage, FileDigest, StoredFile } from "../catalog/files.ts";
import { RequestError } from "./request_error.ts";
import type { RequestContext } from "./request_context.ts";

/** The most characters of a name in an error, which must fit into one frame. */
const MAX_QUOTED = 255;

export type FileWithDigests = StoredFile & { readonly tree: FileDigest };

/**
 * A file with its digest. Reads the whole file if the catalog has no digest. `undefined` if the file was replaced or
 * removed in the meantime. Throws `RequestError` `damaged` if the content is missing, has another size, or has changed.
 */
export async function withDigests(
  { context, owner: { name: user }, answers }: RequestContext,
  file: StoredFile,
): Promise<FileWithDigests | undefined> {
  const damage = await visibleDamage(context.store, file);
  if (damage !== undefined) return await refuseDamaged(context, file, damage);
  if (file.tree !== undefined) return { ...file, tree: file.tree };
  const owner = toHex(file.accountId);
  const work = (signal: AbortSignal) => findTree(context, file, user, signal);
  const found = await context.readings.do(file.content.id, owner, work, answers.onDisconnect);
  return found && { ...file, ...found };
}

/** Computes and stores the digest of a file; see {@link withDigests}. Throws the signal's reason if it is aborted. */
async function findTree(
  context: Pick<V4Context, "store" | "log" | "clock">,
  file: StoredFile,
  user: string,
  signal: AbortSignal,
): Promise<ComputedDigest | undefined> {
  const { store, log, clock } = context;
  const { catalog } = store;
  // Another request may have stored it since the file was looked up.
  const now = await catalog.files.find(file.accountId, file.name, { version: file.version });
  if (now?.content.id !== file.content.id) return undefined;
  if (now.damage !== undefined) return await refuseDamaged(context, file, now.damage);
  const { tree: known, confirmedAt: at } = now;
  if (known !== undefined) return { tree: known, ...(at === undefined ? {} : { confirmedAt: at }) };
  const sums = new ChunkDigests(file.size);
  const found = await summedUp(readContent(store, file), sums, signal);
  if (found?.cksum !== file.crc) return await refuseDamaged(context, file, "content");
  // Protocol 3 does not send the modification time.
  const tree = { mtime: joinNanoseconds(file.storedAt), digest: found.digest };
  await catalog.files.setDigests(file.content.id, tree, await inSlices(sums.gathering(), breath));
  const confirmedAt = clock();
  await catalog.files.confirm(file.content.id, confirmedAt);
  log.debug("Computed the digest of {file} for {user} ({path})", {
    event: "file.summed-up",
    ...{ path: file.content.id, client: toHex(file.accountId) },
    ...{ file: printable(file.name), user },
  });
  return { tree, confirmedAt };
}

/**
 * Refuses a damaged file and records the damage. Returns `undefined` if the file was replaced or removed in the
 * meantime. Throws `RequestError` `damaged`.
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

/** The error for a damaged file. */
export function isDamaged({ name }: Pick<StoredFile, "name">): RequestError {
  return new RequestError("damaged", `${name.slice(0, MAX_QUOTED)} is damaged on the server`);
}

/** The digests of a whole blob; `undefined` if the blob is missing or has another size. */
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
