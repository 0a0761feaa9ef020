/**
 * Going on with a put that was broken off.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import { RefusedError } from "../../protocol/errors.ts";
import { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { inSlices } from "../../protocol/v4/slices.ts";
import type { V4Event } from "../events.ts";
import type { OpenSource } from "../local/source_file.ts";
import { unexpected } from "./errors.ts";
import { type ConfirmedChecksum, leavesPart, PutRequest } from "./put_request.ts";
import type { RequestMux } from "./request_mux.ts";
import type { UploadItem } from "./upload_item.ts";

export interface Resumed {
  readonly request: PutRequest;
  /** Of what the server holds at least. */
  readonly sums: ChunkDigests;
  /** How much the server holds. */
  readonly offset: number;
  /** The name of what is on its way, for other connections to join; `undefined` where they can't. */
  readonly transfer: Bytes | undefined;
}

/**
 * Begins to put a file where the server has got to, if what it holds is a part of this file; else from the file's
 * beginning. What is not known yet of that part is read and hashed.
 */
export async function resume(
  mux: RequestMux,
  job: UploadItem,
  source: OpenSource,
  buffers: readonly [Bytes, Bytes],
  onEvent: (event: V4Event) => void,
): Promise<Resumed> {
  const { file } = job;
  const sums = job.sums ??= new ChunkDigests(file.size);
  if (job.isFresh) return await beginAnew(mux, job, sums);
  const { request, held } = await PutRequest.ask(mux, job);
  try {
    const { offset, digest } = held;
    const transfer = held.transfer.some((byte) => byte !== 0) ? held.transfer : undefined;
    if (offset === 0) return { request, sums, offset, transfer };
    if (offset > file.size || (offset % CHUNK_SIZE !== 0 && offset !== file.size)) {
      throw unexpected(held);
    }
    let at = sums.contiguousBytes;
    for await (const chunk of source.read(buffers, at, Math.max(at, offset))) {
      mux.gracefulAbort.check();
      if (!sums.has(at)) sums.add(at, chunk);
      at += chunk.length;
      mux.resetDeadline();
      onEvent({ type: "comparing", done: at, total: offset });
    }
    const there = await inSlices(sums.summing(offset), () => mux.gracefulAbort.yieldToSignals());
    if (equalBytes(there.digest, digest)) {
      job.isPartSent = true;
      onEvent({ type: "resumed", file, offset });
      return { request, sums, offset, transfer };
    }
  } catch (error) {
    if (!leavesPart(error, job)) await request.cancel();
    throw error;
  }
  await request.cancel();
  return await beginAnew(mux, job, sums);
}

async function beginAnew(mux: RequestMux, job: UploadItem, sums: ChunkDigests): Promise<Resumed> {
  const request = await PutRequest.begin(mux, job);
  return { request, sums, offset: 0, transfer: undefined };
}

/**
 * The checksum of a file that the server was told to store by a connection that was lost then, where it has stored it:
 * it is not to be sent again for an answer that did not come through.
 */
export async function findStored(mux: RequestMux, job: UploadItem): Promise<ConfirmedChecksum> {
  const { name, file, sums, isUnknown } = job;
  if (!isUnknown || sums?.isWhole !== true) return undefined;
  const { cksum, digest } = sums.sums();
  try {
    const request = { kind: "stat", tag: mux.nextTag(), name, version: 0 } as const;
    const there = await mux.askFor(request, "file");
    const isSame = there.mtime === file.mtime && equalBytes(there.digest, digest);
    return isSame ? cksum : undefined;
  } catch (error) {
    if (error instanceof RefusedError) return undefined;
    throw error;
  }
}
