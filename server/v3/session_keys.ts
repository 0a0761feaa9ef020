/**
 * The AES keys with which clients of protocol 3 encrypt files: the last one given to each client.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import { importAesKey } from "../../protocol/cipher/aes_cbc.ts";
import type { Limits } from "../limits/limits.ts";
import type { SessionSecrets } from "../catalog/shared_state.ts";
import type { Peer } from "./peer.ts";

export class SessionKeys {
  readonly #limits: Limits;
  readonly #ticks: () => number;
  /** The last key given to each client on any connection. */
  readonly #secrets: SessionSecrets;

  constructor(secrets: SessionSecrets, limits: Limits, ticks: () => number) {
    this.#secrets = secrets;
    this.#limits = limits;
    this.#ticks = ticks;
  }

  /** The key of a client on a connection, if it has one. */
  async find(peer: Pick<Peer, "key">, clientId: Bytes): Promise<CryptoKey | undefined> {
    const now = this.#ticks();
    const { key } = peer;
    if (key === undefined || !equalBytes(key.clientId, clientId)) {
      const secret = await this.#secrets.find(clientId);
      return secret && await importAesKey(secret);
    }
    if (key.usedAt + this.#limits.sessionTtlMs <= now) return undefined;
    key.usedAt = now;
    return key.key;
  }

  /** Sets a client's key on this connection, and on all connections that have none of their own. */
  async set(peer: Pick<Peer, "key">, clientId: Bytes, aesKey: Bytes): Promise<void> {
    const key = await importAesKey(aesKey);
    peer.key = { clientId, key, usedAt: this.#ticks() };
    await this.#secrets.set(clientId, aesKey);
  }

  /** Removes the key of a client whose account no longer uses protocol 3. */
  async delete(clientId: Bytes): Promise<void> {
    await this.#secrets.delete(clientId);
  }
}
