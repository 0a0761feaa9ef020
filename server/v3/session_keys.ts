/**
 * The AES keys with which clients of protocol 3 encrypt files: the last one given to each client.
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
  /** The last key given to each client on any connection, by the client's id in hexadecimal. */
  readonly #keys: TtlMap<CryptoKey>;

  constructor(limits: Limits, ticks: () => number) {
    this.#limits = limits;
    this.#ticks = ticks;
    this.#keys = new TtlMap(
      () => ({ ttlMs: limits.sessionTtlMs, max: limits.maxSessions }),
      ticks,
    );
  }

  /** The key of a client on a connection, if it has one. */
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

  /** Sets a client's key on this connection, and on all connections that have none of their own. */
  async set(peer: Pick<Peer, "key">, clientId: Bytes, aesKey: Bytes): Promise<void> {
    const key = await importAesKey(aesKey);
    peer.key = { clientId, key, usedAt: this.#ticks() };
    this.#keys.set(toHex(clientId), key);
  }

  /** Removes the key of a client whose account no longer uses protocol 3. */
  delete(clientId: Bytes): void {
    this.#keys.delete(toHex(clientId));
  }

  /** Removes expired keys. */
  sweep(): void {
    this.#keys.sweep();
  }
}
