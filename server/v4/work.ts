/**
 * What one upload works with: its staged file, begun or gone on with, its sums, and what is held of it.
 *
 * @module
 */
import { printable, toHex } from "../../protocol/mod.ts";
import { ChunkSums } from "../../protocol/v4/chunk_digests.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import type { V4Context } from "./context.ts";
import type { StagedBlob } from "../blobs/blob_store.ts";
import { Holding } from "./upload_checkpoint.ts";
import type { Owner } from "./request_context.ts";

export interface Work {
  readonly blob: StagedBlob;
  readonly sums: ChunkSums;
  readonly holding: Holding;
}

export interface WorkOptions {
  readonly context: V4Context;
  readonly owner: Owner;
  readonly request: MessageOf<"put">;
  /** Whether it is the upload of its name to be gone on with. */
  readonly isCurrent: () => boolean;
}

/** Throws `LimitError`. */
export async function beginWork(options: WorkOptions): Promise<Work> {
  const { context: { staging }, owner, request: { size } } = options;
  const blob = await staging.stageWhole(owner.clientId, size);
  return workWith(options, blob, new ChunkSums(size), false);
}

/** Goes on with what is held, if that is of this file; `undefined` where it is not, or lost. Throws `LimitError`. */
export async function resumeWork(options: WorkOptions): Promise<Work | undefined> {
  const { context, owner: { clientId, address }, request: { name, size, mtime } } = options;
  const partial = await context.partialUploads.find(clientId, name);
  if (partial?.size !== size || partial.mtime !== mtime) return undefined;
  // Two must never write to one file.
  if (context.openUploads.isOpen(partial.path)) return undefined;
  try {
    const sums = ChunkSums.decode(size, partial.sums, partial.held);
    const blob = await context.staging.resume(clientId, partial.path, partial.held, size);
    context.log.info("Goes on with {file} of {client} at {offset} of {size} bytes", {
      event: "file.resumed",
      ...{ file: printable(name), client: toHex(clientId), address },
      ...{ offset: partial.held, size },
    });
    return workWith(options, blob, sums, true);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof RangeError) return undefined;
    throw error;
  }
}

function workWith(
  options: WorkOptions,
  blob: StagedBlob,
  sums: ChunkSums,
  isRecorded: boolean,
): Work {
  return { blob, sums, holding: new Holding({ ...options, blob, sums, isRecorded }) };
}
