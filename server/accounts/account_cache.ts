/**
 * A cache of accounts in use. Another process (`xfer server users`) can change the catalog at any time, so entries are
 * short-lived.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { type Bounds, TtlMap } from "../ttl_map.ts";
import type { AccountWithKeys } from "../catalog/accounts.ts";
import type { Catalog } from "../catalog/catalog.ts";

const BOUNDS: Bounds = {
  /** Changes by an operator take effect after this many milliseconds. */
  ttlMs: 1000,
  /** The most accounts in the cache; a new one replaces the oldest. About 1 KiB each. */
  max: 4096,
};

export class AccountCache {
  readonly #catalog: { readonly accounts: Pick<Catalog["accounts"], "find"> };
  readonly #remembered: TtlMap<Promise<AccountWithKeys | undefined>>;

  constructor(
    catalog: { readonly accounts: Pick<Catalog["accounts"], "find"> },
    ticks: () => number,
  ) {
    this.#catalog = catalog;
    this.#remembered = new TtlMap(() => BOUNDS, ticks);
  }

  /** The account, at most one second old. */
  async find(id: Bytes): Promise<AccountWithKeys | undefined> {
    const key = toHex(id);
    const remembered = this.#remembered.peek(key);
    if (remembered !== undefined) return await remembered;
    const asked = this.#catalog.accounts.find({ id });
    this.#remembered.set(key, asked);
    let account: AccountWithKeys | undefined;
    try {
      account = await asked;
    } finally {
      // A missing account may be created at any moment.
      if (account === undefined && this.#remembered.peek(key) === asked) {
        this.#remembered.delete(key);
      }
    }
    return account;
  }

  /** Removes all accounts, because another process has changed some. */
  clear(): void {
    this.#remembered.clear();
  }

  /** Removes an account that this server has changed. */
  forget(id: Bytes): void {
    this.#remembered.delete(toHex(id));
  }
}
