/**
 * Files of protocol 3 whose right checksum a client has called wrong, time after time: it may expect zlib's CRC-32 in
 * place of cksum, as some published clients do.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { TtlMap } from "../ttl_map.ts";
import type { UnverifiedFile } from "./unverified_files.ts";

/** A client that has failed is started again within a day, or it is not worth the room. */
const TTL_MS = 24 * 60 * 60_000;
/** Of all clients together: some hundred bytes each. */
const MAX_DISPUTES = 1000;
/**
 * So often it has its cksum before it is answered with zlib's: an answer that was damaged on its way makes a strict
 * client ask once more, and hardly twice. The published text has four attempts.
 */
const TIMES_BEFORE = 2;

interface Dispute {
  readonly crc: number;
  readonly size: number;
  /** How often its cksum was called wrong. */
  readonly times: number;
  /** Whether zlib's checksum was called wrong too. */
  readonly isOtherWrong: boolean;
}

export class DisputedChecksums {
  readonly #disputes: TtlMap<Dispute>;

  constructor(ticks: () => number) {
    this.#disputes = new TtlMap(() => ({ ttlMs: TTL_MS, max: MAX_DISPUTES }), ticks);
  }

  /** Whether there is one about a file of this name, so that either checksum may be needed. */
  has(clientId: Bytes, name: string): boolean {
    return this.#disputes.peek(keyOf(clientId, name)) !== undefined;
  }

  /**
   * Whether the same plaintext, called wrong so often, is answered with zlib's checksum this once. A strict client that
   * calls that wrong too has its cksum again, with an attempt left.
   */
  isOtherDue({ accountId: clientId, name, crc, size }: Disputed): boolean {
    const before = this.#disputes.peek(keyOf(clientId, name));
    if (before === undefined || before.isOtherWrong) return false;
    if (before.crc !== crc || before.size !== size) return false;
    return before.times >= TIMES_BEFORE;
  }

  /** The client has called the checksum of an intact file wrong. */
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

  /** Both ends agree. */
  end(clientId: Bytes, name: string): void {
    this.#disputes.delete(keyOf(clientId, name));
  }
}

type Disputed = Pick<UnverifiedFile, "accountId" | "name" | "crc" | "size">;

function keyOf(clientId: Bytes, name: string): string {
  return `${toHex(clientId)} ${name}`;
}
