/**
 * Files of protocol 3 whose right checksum a client has called wrong, time after time: it may expect zlib's CRC-32 in
 * place of cksum, as some published clients do.
 *
 * @module
 */
import { type Bytes, toHex } from "../protocol/mod.ts";
import { ExpiringMap } from "./expiring_map.ts";
import type { Unverified } from "./unverified.ts";

/** A client that has failed is started again within a day, or it is not worth the room. */
const TTL_MS = 24 * 60 * 60_000;
/** Of all clients together: some hundred bytes each. */
const MAX_DISPUTES = 1000;
/** A client that leaves without a word when it has tried so often has given up too: the fourth time is the text's last. */
const MANY_TIMES = 3;

interface Dispute {
  readonly crc: number;
  readonly size: number;
  /** The key under which it came. */
  readonly key: CryptoKey;
  /** How often it was called wrong under this key. */
  readonly times: number;
  readonly isGivenUp: boolean;
  /** Whether the other checksum was called wrong too. */
  readonly isOtherWrong: boolean;
}

export class Disputes {
  readonly #disputes: ExpiringMap<Dispute>;

  constructor(ticks: () => number) {
    this.#disputes = new ExpiringMap(() => ({ ttlMs: TTL_MS, max: MAX_DISPUTES }), ticks);
  }

  /** Whether there is one about a file of this name, so that either checksum may be needed. */
  has(clientId: Bytes, name: string): boolean {
    return this.#disputes.peek(keyOf(clientId, name)) !== undefined;
  }

  /**
   * The checksum to tell of a file in place of the usual one: once, where the same plaintext comes again after the
   * client has given it up. A strict client gives up only what it has called wrong in each attempt.
   */
  isOtherDue({ clientId, name, crc, size, key }: Disputed): boolean {
    const before = this.#disputes.peek(keyOf(clientId, name));
    if (before === undefined || before.isOtherWrong) return false;
    if (before.crc !== crc || before.size !== size) return false;
    return before.isGivenUp || (before.times >= MANY_TIMES && before.key !== key);
  }

  /** The client has called the checksum of an intact file wrong. */
  note(file: Unverified, { gaveUp }: { gaveUp: boolean }): void {
    const at = keyOf(file.clientId, file.name);
    const { crc, size, key } = file;
    const known = this.#disputes.peek(at);
    const before = known?.crc === crc && known.size === size ? known : undefined;
    this.#disputes.set(at, {
      ...{ crc, size, key },
      times: (before?.key === key ? before.times : 0) + 1,
      isGivenUp: gaveUp || before?.isGivenUp === true,
      isOtherWrong: file.isOtherTold || before?.isOtherWrong === true,
    });
  }

  /** The client has given up a file that it had called wrong before. */
  giveUp(clientId: Bytes, name: string): void {
    const at = keyOf(clientId, name);
    const before = this.#disputes.peek(at);
    if (before !== undefined) this.#disputes.set(at, { ...before, isGivenUp: true });
  }

  /** Both ends agree. */
  end(clientId: Bytes, name: string): void {
    this.#disputes.delete(keyOf(clientId, name));
  }
}

type Disputed = Pick<Unverified, "clientId" | "name" | "crc" | "size" | "key">;

function keyOf(clientId: Bytes, name: string): string {
  return `${toHex(clientId)} ${name}`;
}
