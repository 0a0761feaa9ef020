/**
 * Files whose correct checksum a client has rejected repeatedly. The client may expect zlib's CRC-32 instead of cksum,
 * as some published clients do.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { TtlMap } from "../ttl_map.ts";
import type { UnverifiedFile } from "./unverified_files.ts";

/** A failed client is usually started again within a day. */
const TTL_MS = 24 * 60 * 60_000;
/** The most disputes of all clients together, a few hundred bytes each. */
const MAX_DISPUTES = 1000;
/**
 * The number of cksum answers before zlib's checksum is tried. After an answer that was damaged in transit, a strict
 * client asks once more, hardly twice. The published text has four attempts.
 */
const TIMES_BEFORE = 2;

interface Dispute {
  readonly crc: number;
  readonly size: number;
  /** The number of times that the client has rejected the cksum. */
  readonly times: number;
  /** Whether the client has rejected zlib's checksum too. */
  readonly isOtherWrong: boolean;
}

export class DisputedChecksums {
  readonly #disputes: TtlMap<Dispute>;

  constructor(ticks: () => number) {
    this.#disputes = new TtlMap(() => ({ ttlMs: TTL_MS, max: MAX_DISPUTES }), ticks);
  }

  /** Whether a file of this name is in dispute, so that both checksums must be computed. */
  has(clientId: Bytes, name: string): boolean {
    return this.#disputes.peek(keyOf(clientId, name)) !== undefined;
  }

  /**
   * Whether the next answer for this plaintext is zlib's checksum, once. If a strict client rejects that too, it gets
   * cksum again and has an attempt left.
   */
  isOtherDue({ accountId: clientId, name, crc, size }: Disputed): boolean {
    const before = this.#disputes.peek(keyOf(clientId, name));
    if (before === undefined || before.isOtherWrong) return false;
    if (before.crc !== crc || before.size !== size) return false;
    return before.times >= TIMES_BEFORE;
  }

  /** Records that the client has rejected the checksum of an intact file. */
  note(file: UnverifiedFile): void {
    const at = keyOf(file.accountId, file.name);
    const { crc, size } = file;
    const known = this.#disputes.peek(at);
    const before = known?.crc === crc && known.size === size ? known : undefined;
    this.#disputes.set(at, {
      ...{ crc, size },
      times: (before?.times ?? 0) + 1,
      isOtherWrong: file.isOtherChecksumSent || before?.isOtherWrong === true,
    });
  }

  /** Ends the dispute: both sides agree on the checksum. */
  end(clientId: Bytes, name: string): void {
    this.#disputes.delete(keyOf(clientId, name));
  }
}

type Disputed = Pick<UnverifiedFile, "accountId" | "name" | "crc" | "size">;

function keyOf(clientId: Bytes, name: string): string {
  return `${toHex(clientId)} ${name}`;
}
