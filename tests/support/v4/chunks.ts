/** Chunks of uploads, with their sums. */
import type { RequestMux } from "../../../client/v4/request_mux.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import type { ContentSums } from "../../../protocol/v4/content_sums.ts";
import { digestChunk } from "../../../protocol/v4/merkle_tree.ts";
import type { MessageOf } from "../../../protocol/v4/messages.ts";

export function chunkSums(chunk: Bytes): ContentSums {
  return { cksum: cksum(chunk), digest: digestChunk(chunk) };
}

export function chunkOf(tag: number, offset: number, bytes: Bytes): MessageOf<"chunk"> {
  return { kind: "chunk", tag, offset, ...chunkSums(bytes), bytes };
}

export function sendChunk(
  mux: RequestMux,
  tag: number,
  offset: number,
  chunk: Bytes,
): Promise<void> {
  return mux.sendChunk(tag, offset, chunk, chunkSums(chunk));
}
