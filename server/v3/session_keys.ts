/**
 * The AES keys under which clients of protocol 3 send files: for each client the one that it was last given.
 *
 * @module
 */
import { type Bytes, equalBytes, toHex } from "../../protocol/bytes.ts";
import { importAesKey } from "../../protocol/cipher/aes_cbc.ts";
import type { Limits } from "../limits/limits.ts";
import { TtlMap } from "../ttl_map.ts";
import type { Peer } from "./peer.ts";

export class SessionKeys {
  readonly #limits: Limits;
  readonly #ticks: () => number;
  /** The key that a client was last given on any connection, by its id in hexadecimal. */
  readonly #keys: TtlMap<CryptoKey>;

  constructor(limits: Limits, ticks: () => number) {
    this.#limits = limits;
    this.#ticks = ticks;
    this.#keys = new TtlMap(
      () => ({ ttlMs: limits.sessionTtlMs, max: limits.maxSessions }),
      ticks,
    );
  }

  /** The key under which a client sends files on a connection, if it has one. */
  find(peer: Pick<Peer, "key">, clientId: Bytes): CryptoKey | undefined {
    const now = this.#ticks();
    const { key } = peer;
    if (key === undefined || !equalBytes(key.clientId, clientId)) {
      return this.#keys.get(toHex(clientId));
    }
    if (key.usedAt + this.#limits.sessionTtlMs <= now) return undefined;
    key.usedAt = now;
    return key.key;
  }

  /** Gives a client a new key, on this connection and on any other that has none of its own. */
  async set(peer: Pick<Peer, "key">, clientId: Bytes, aesKey: Bytes): Promise<void> {
    const key = await importAesKey(aesKey);
    peer.key = { clientId, key, usedAt: this.#ticks() };
    this.#keys.set(toHex(clientId), key);
  }

  /** Takes the key from a client whose account is no longer one of protocol 3. */
  delete(clientId: Bytes): void {
    this.#keys.delete(toHex(clientId));
  }

  /** Forgets keys that have expired. */
  sweep(): void {
    this.#keys.sweep();
  }
}
