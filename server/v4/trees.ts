/**
 * Digests of files that protocol 3 has stored: they are found when they are first asked for, and kept.
 *
 * @module
 */
import { toHex } from "../../protocol/mod.ts";
import { ChunkSums, type Sums } from "../../protocol/v4/chunk_sums.ts";
import { CHUNK_SIZE, chunkSize } from "../../protocol/v4/tree.ts";
import type { Context } from "../context.ts";
import type { StoredFile, Tree } from "../store/catalog.ts";
import { Refusal } from "./refusal.ts";

export type FileWithTree = StoredFile & { readonly tree: Tree };

/**
 * A file with its digest, for which one without is read whole; `undefined` where it has been replaced or removed
 * meanwhile. Throws `Refusal` `damaged` where it is not any more what was stored.
 */
export async function withTree(
  context: Pick<Context, "store" | "log">,
  file: StoredFile,
): Promise<FileWithTree | undefined> {
  if (file.tree !== undefined) return { ...file, tree: file.tree };
  const { store: { catalog, blobs }, log } = context;
  const sums = new ChunkSums(file.size);
  const found = await summedUp(blobs.read(file.path, { pieceSize: CHUNK_SIZE }), sums);
  if (found?.cksum !== file.crc) {
    if (!(await catalog.refersTo(file.path))) return undefined;
    throw damaged(context, file);
  }
  // When the client's file was changed protocol 3 does not tell.
  const tree = { mtime: file.storedAt, digest: found.digest };
  await catalog.setTree(file.path, tree, sums.digests);
  log.debug("Summed up {path} of {client}, which protocol 3 had stored", {
    event: "file.summed-up",
    ...{ path: file.path, client: toHex(file.clientId) },
  });
  return { ...file, tree };
}

/** Why a file that is in the catalog can't be given back; its operator is told. */
export function damaged(
  { log }: Pick<Context, "log">,
  { name, path, clientId }: StoredFile,
): Refusal {
  log.error("Found {path} of {client} not to be what was stored: see xfer server verify", {
    event: "file.damaged",
    ...{ path, client: toHex(clientId) },
  });
  return new Refusal("damaged", `${name} is not any more what was stored`);
}

/** Sums of a whole blob; `undefined` where there is none, or one of another size. */
async function summedUp(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  sums: ChunkSums,
): Promise<Sums | undefined> {
  let at = 0;
  try {
    for await (const chunk of chunks) {
      if (chunk.length !== chunkSize(sums.size, at / CHUNK_SIZE)) return undefined;
      sums.add(at, chunk);
      at += chunk.length;
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return sums.isWhole ? sums.sums() : undefined;
}
