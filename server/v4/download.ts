/**
 * Downloads: the digests of a file, and its chunks.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { UnavailableError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { CHUNK_SIZE, chunkCount, chunkSize, DIGEST_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { BlobNotFound } from "../blobs/blob_store.ts";
import { type FileWithDigests, isDamaged, refuseDamaged, withDigests } from "./backfill_digests.ts";
import { StoredDigests } from "./chunk_digests.ts";
import { recordDamage } from "../check/damage.ts";
import { describe, MAX_LOOKS, noSuchFile, replacedTooOften } from "./descriptions.ts";
import { logDownload, logInterrupted } from "./download_log.ts";
import { failureCode, reportFailures } from "./explain_failure.ts";
import type { RequestContext } from "./request_context.ts";

/** Sends a file, or a range of it. Throws `RequestError`. */
export async function sendFile(session: RequestContext, request: MessageOf<"get">): Promise<void> {
  const { tag, from, to } = request;
  const { answers, live } = session;
  const { file, digests, first, chunks } = await open(session, request).catch((error) => {
    const code = failureCode(error);
    live.count("download", { files: 0, bytes: 0, failed: [code] });
    reportFailures(session, "get", [request.name], code);
    throw error;
  });
  const end = Math.min(to, file.size);
  const size = end - Math.min(beginOfChunk(from), end);
  const transfer = live.begin({ direction: "download", name: file.name, size });
  try {
    await answers.send({ kind: "file", tag, ...describe(file) });
    for await (const bytes of digests.pages()) {
      if (bytes === undefined) throw noSuchFile(file.name, file.version);
      await answers.send({ kind: "digests", tag, bytes });
    }
    for (let at = beginOfChunk(from), piece = first; from < end && at < end;) {
      // The client verifies the chunk, and asks for a `recheck` if it is damaged.
      if (piece.value?.length !== chunkSize(file.size, at / CHUNK_SIZE)) {
        return await refuseChunk(session, file);
      }
      const { length } = piece.value;
      await answers.sendChunk(tag, at, piece.value);
      transfer.add(length);
      at += length;
      if (at < end) piece = await nextOf(chunks, file);
    }
    await answers.send({ kind: "done", tag });
    transfer.end("completed");
    // Some clients only ask for the digests.
    if (transfer.bytes > 0 || file.size === 0) logDownload(session, file, transfer.bytes);
  } catch (error) {
    transfer.end({ code: failureCode(error) });
    if (transfer.bytes > 0) logInterrupted(session, file, transfer.bytes, error);
    throw error;
  } finally {
    await chunks.return();
  }
}

/** Reads a chunk that was damaged when it arrived at the client. Throws `RequestError` `damaged` if it is damaged here. */
export async function recheck(
  session: RequestContext,
  { tag, offset, ...wanted }: MessageOf<"recheck">,
): Promise<void> {
  const range = { from: offset, to: offset + 1 };
  const { file, digests, first, chunks } = await open(session, { ...wanted, ...range });
  try {
    const isIntact = offset >= file.size ||
      (first.value !== undefined && await digests.isIntact(beginOfChunk(offset), first.value));
    if (!isIntact) return await refuseChunk(session, file);
    await session.answers.send({ kind: "done", tag });
  } finally {
    await chunks.return();
  }
}

/** Records a damaged chunk, unless the file was replaced in the meantime. Throws `RequestError` `damaged`. */
async function refuseChunk({ context }: RequestContext, file: FileWithDigests): Promise<never> {
  await recordDamage(context, file, "content");
  throw isDamaged(file);
}

interface Opened {
  readonly file: FileWithDigests;
  readonly digests: StoredDigests;
  /**
   * The first requested chunk, if any, and the chunks after it. On a disk, they stay readable if the file is replaced or
   * removed.
   */
  readonly first: IteratorResult<Bytes, void>;
  readonly chunks: AsyncGenerator<Bytes, void, void>;
}

/**
 * Looks up a file and opens it. Looks it up again if it is replaced or removed in between, so that only open files are
 * described. Throws `RequestError`.
 */
async function open(
  session: RequestContext,
  { name, version, from, to }: Omit<MessageOf<"get">, "kind" | "tag">,
): Promise<Opened> {
  const { context, owner } = session;
  const { store: { catalog, blobs } } = context;
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const found = await catalog.files.find(owner.accountId, name, { version, want: "all" });
    if (found === undefined) throw noSuchFile(name, version);
    const { chunks: digests, bytes, ...stored } = found;
    const file = await withDigests(session, stored);
    // After the digest was computed, the chunk digests are in the catalog too.
    if (file === undefined || stored.tree === undefined) continue;
    const begin = beginOfChunk(from);
    const pieceSize = Math.min(CHUNK_SIZE, file.size);
    const chunks = bytes === undefined
      ? blobs.read(file.content.id, { from: begin, to: Math.min(to, file.size), pieceSize })
      : inMemory(bytes);
    const first = from < Math.min(to, file.size) ? await firstOf(chunks) : NONE;
    const isWhole = digests?.size === chunkCount(file.size) * DIGEST_SIZE;
    if (first !== undefined && digests !== undefined && isWhole) {
      return { file, digests: new StoredDigests(catalog, file, digests.first), first, chunks };
    }
    await chunks.return();
    await refuseDamaged(context, file, first === undefined ? "missing" : "content");
  }
  throw replacedTooOften(name);
}

/** Inline content as chunks. It is at most one chunk. */
async function* inMemory(content: Bytes): AsyncGenerator<Bytes, void, void> {
  yield content;
}

/**
 * The next piece of a blob. Throws `UnavailableError` if the blob was deleted since it was opened, because the file was
 * replaced or removed. A client that asks again gets the new version.
 */
async function nextOf(
  pieces: AsyncGenerator<Bytes, void, void>,
  { name }: FileWithDigests,
): Promise<IteratorResult<Bytes, void>> {
  try {
    return await pieces.next();
  } catch (error) {
    if (!(error instanceof BlobNotFound)) throw error;
    const message = `${printable(name)} was replaced or removed during the download`;
    throw new UnavailableError("unavailable", message, { cause: error });
  }
}

const NONE: IteratorResult<Bytes, void> = { done: true, value: undefined };

/** The first piece of a blob, which opens it; `undefined` if the blob is missing. */
async function firstOf(
  pieces: AsyncGenerator<Bytes, void, void>,
): Promise<IteratorResult<Bytes, void> | undefined> {
  try {
    return await pieces.next();
  } catch (error) {
    if (error instanceof BlobNotFound) return undefined;
    throw error;
  }
}

function beginOfChunk(offset: number): number {
  return Math.floor(offset / CHUNK_SIZE) * CHUNK_SIZE;
}
