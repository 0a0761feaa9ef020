/**
 * Ids under which clients that were denied to reconnect may go on. Nothing of them is in the catalog until a client does.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import type { Limits } from "../limits/limits.ts";
import { TtlMap } from "../ttl_map.ts";

export interface ReservedId {
  /** The name that it was reserved for. */
  readonly name: string;
  /** The id under which the client had asked. */
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

  /** All that are reserved for a name, oldest first. */
  ofName(name: string): ReservedId[] {
    return Array.from(this.#reserved.entries(), ([, reserved]) => reserved)
      .filter((reserved) => reserved.name === name);
  }

  /** Forgets all that are reserved for a name: a client has it now. */
  deleteName(name: string): void {
    for (const [id, reserved] of [...this.#reserved.entries()]) {
      if (reserved.name === name) this.#reserved.delete(id);
    }
  }

  /** Forgets those that have expired. */
  sweep(): void {
    this.#reserved.sweep();
  }
}
