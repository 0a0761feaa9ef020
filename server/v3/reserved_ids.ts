/**
 * Ids for clients that were denied. A client can continue under its id, which enters the catalog only then.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import type { Limits } from "../limits/limits.ts";
import { TtlMap } from "../ttl_map.ts";

export interface ReservedId {
  /** The name for which the id is reserved. */
  readonly name: string;
  /** The id that the client had sent. */
  readonly claimedId: Bytes;
  readonly profile: Profile;
}

export class ReservedIds {
  /** By id in hexadecimal. */
  readonly #reserved: TtlMap<ReservedId>;

  constructor(limits: Limits, ticks: () => number) {
    this.#reserved = new TtlMap(
      () => ({ ttlMs: limits.registrationTtlMs, max: limits.maxReservations }),
      ticks,
    );
  }

  add(id: Bytes, reserved: ReservedId): void {
    this.#reserved.set(toHex(id), reserved);
  }

  find(id: Bytes): ReservedId | undefined {
    return this.#reserved.peek(toHex(id));
  }

  /** All reservations for a name, oldest first. */
  ofName(name: string): ReservedId[] {
    return Array.from(this.#reserved.entries(), ([, reserved]) => reserved)
      .filter((reserved) => reserved.name === name);
  }

  /** Removes all reservations for a name, which a client has registered now. */
  deleteName(name: string): void {
    for (const [id, reserved] of [...this.#reserved.entries()]) {
      if (reserved.name === name) this.#reserved.delete(id);
    }
  }

  /** Removes expired reservations. */
  sweep(): void {
    this.#reserved.sweep();
  }
}
