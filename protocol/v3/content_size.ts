/**
 * How large a file's ciphertext is: its content size tells, or, where that can't be a ciphertext's, what else it can
 * only mean. A strict peer's content size is always taken as it is.
 *
 * @module
 */
import { BLOCK_SIZE, ciphertextSize } from "../cipher/aes_cbc.ts";
import type { Quirk, Quirks } from "./editions/quirks.ts";
import type { SendFile } from "./messages.ts";

export interface ContentSize {
  readonly ciphertext: number;
  /** What its sender does, and the size of the plaintext by which the ciphertext's was found. */
  readonly odd?: { readonly quirk: Quirk; readonly plaintext: number };
  /** Whether the last block may be filling that was announced: it is where it does not come, or is zeros. */
  readonly isLastDoubtful?: true;
}

/** `counted`: bytes behind the fixed part, as the message's payload size has them. */
export function contentSizeOf(request: SendFile, counted: number, quirks: Quirks): ContentSize {
  const odd = request.originalSize === undefined
    ? ofOneMessage(request, counted, quirks)
    : ofPacket(request, counted, { plaintext: request.originalSize, quirks });
  return odd ?? { ciphertext: request.contentSize };
}

/**
 * The plaintext's in place of the ciphertext's. A multiple of a block may be either, where the sender is not known: then
 * the last block tells.
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

/** The plaintext's, or that of this packet alone: of its bytes, or of the room that it has for some. */
function ofPacket(
  { contentSize, packetNumber = 1, totalPackets = 1 }: SendFile,
  counted: number,
  { plaintext, quirks }: { readonly plaintext: number; readonly quirks: Quirks },
): ContentSize | undefined {
  const canBeCiphertext = contentSize % BLOCK_SIZE === 0 && contentSize > plaintext;
  if (canBeCiphertext) return undefined;
  const ciphertext = ciphertextSize(plaintext);
  // Each packet but the last is full, and all of them together have room. Further ones must agree with the first.
  const isFirst = packetNumber === 1;
  const fits = (totalPackets - 1) * counted < ciphertext && ciphertext <= totalPackets * counted;
  if (isFirst && !fits) return undefined;
  if (contentSize === counted || (!isFirst && quirks.has("packet-size"))) {
    return { ciphertext, odd: { quirk: "packet-size", plaintext } };
  }
  if (contentSize !== plaintext) return undefined;
  return { ciphertext, odd: { quirk: "plaintext-size", plaintext } };
}
