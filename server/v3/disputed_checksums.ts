/**
 * Files whose correct checksum a client has rejected repeatedly. The client may expect zlib's CRC-32 instead of cksum,
 * as some published clients do.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { Dispute, Disputes } from "../catalog/shared_state.ts";
import type { UnverifiedFile } from "./unverified_files.ts";

/**
 * The number of cksum answers before zlib's checksum is tried. After an answer that was damaged in transit, a strict
 * client asks once more, hardly twice. The published text has four attempts.
 */
const TIMES_BEFORE = 2;

export class DisputedChecksums {
  readonly #disputes: Disputes;

  constructor(disputes: Disputes) {
    this.#disputes = disputes;
  }

  /** The dispute about a file of this name. If there is one, both checksums must be computed. */
  find(clientId: Bytes, name: string): Promise<Dispute | undefined> {
    return this.#disputes.find(clientId, name);
  }

  /** Records that the client has rejected the checksum of an intact file. */
  async note(file: UnverifiedFile): Promise<void> {
    const { accountId, name, crc, size } = file;
    const known = await this.#disputes.find(accountId, name);
    const before = known?.crc === crc && known.size === size ? known : undefined;
    await this.#disputes.set(accountId, name, {
      ...{ crc, size },
      times: (before?.times ?? 0) + 1,
      isOtherWrong: file.isOtherChecksumSent || before?.isOtherWrong === true,
    });
  }

  /** Ends the dispute about a file, if there was one: both sides agree on the checksum. */
  async end({ accountId, name, isDisputed }: UnverifiedFile): Promise<void> {
    if (isDisputed) await this.#disputes.delete(accountId, name);
  }
}

/**
 * Whether the next answer for this plaintext is zlib's checksum, once. If a strict client rejects that too, it gets
 * cksum again and has an attempt left.
 */
export function isOtherDue(
  before: Dispute | undefined,
  { crc, size }: Pick<UnverifiedFile, "crc" | "size">,
): boolean {
  if (before === undefined || before.isOtherWrong) return false;
  return before.crc === crc && before.size === size && before.times >= TIMES_BEFORE;
}
