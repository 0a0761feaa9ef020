/**
 * Derives the size of a file's ciphertext from its content size. If that cannot be a ciphertext's size, it has the only
 * other possible meaning. The content size of a strict peer is always taken literally.
 *
 * @module
 */
import { BLOCK_SIZE, ciphertextSize } from "../cipher/aes_cbc.ts";
import type { Quirk, Quirks } from "./editions/quirks.ts";
import type { SendFile } from "./messages.ts";

export interface ContentSize {
  readonly ciphertext: number;
  /** The sender's quirk, and the plaintext size from which the ciphertext size was derived. */
  readonly odd?: { readonly quirk: Quirk; readonly plaintext: number };
  /** Whether the last block may be announced padding. It is if it does not arrive, or is all zeros. */
  readonly isLastDoubtful?: true;
}

/** `counted`: bytes after the fixed part, by the message's payload size. */
export function contentSizeOf(request: SendFile, counted: number, quirks: Quirks): ContentSize {
  const odd = request.originalSize === undefined
    ? ofOneMessage(request, counted, quirks)
    : ofPacket(request, counted, { plaintext: request.originalSize, quirks });
  return odd ?? { ciphertext: request.contentSize };
}

/**
 * The content size may be that of the plaintext. A multiple of the block size may be either, if the sender is unknown;
 * then the last block decides.
 */
function ofOneMessage(
  { contentSize }: SendFile,
  counted: number,
  quirks: Quirks,
): ContentSize | undefined {
  if (ciphertextSize(contentSize) !== counted) return undefined;
  const quirk = "plaintext-size";
  const canBeCiphertext = contentSize > 0 && contentSize % BLOCK_SIZE === 0;
  const size = { ciphertext: counted, odd: { quirk, plaintext: contentSize } } as const;
  return canBeCiphertext && !quirks.has(quirk) ? { ...size, isLastDoubtful: true } : size;
}

/**
 * The content size may be that of the plaintext, or that of this packet alone: of its bytes or of the space for them.
 */
function ofPacket(
  { contentSize, packetNumber = 1, totalPackets = 1 }: SendFile,
  counted: number,
  { plaintext, quirks }: { readonly plaintext: number; readonly quirks: Quirks },
): ContentSize | undefined {
  const canBeCiphertext = contentSize % BLOCK_SIZE === 0 && contentSize > plaintext;
  if (canBeCiphertext) return undefined;
  const ciphertext = ciphertextSize(plaintext);
  // All packets but the last are full, and all together have enough space. Further packets must agree with the first.
  const isFirst = packetNumber === 1;
  const fits = (totalPackets - 1) * counted < ciphertext && ciphertext <= totalPackets * counted;
  if (isFirst && !fits) return undefined;
  if (contentSize === counted || (!isFirst && quirks.has("packet-size"))) {
    return { ciphertext, odd: { quirk: "packet-size", plaintext } };
  }
  if (contentSize !== plaintext) return undefined;
  return { ciphertext, odd: { quirk: "plaintext-size", plaintext } };
}
