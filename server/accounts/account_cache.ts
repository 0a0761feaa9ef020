/**
 * What the catalog says of accounts while they are used. Another process may change it at any time (`xfer server users`),
 * so it is asked again, but not for every message.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { type Bounds, TtlMap } from "../ttl_map.ts";
import type { AccountWithKeys } from "../catalog/accounts.ts";
import type { Catalog } from "../catalog/catalog.ts";

const BOUNDS: Bounds = {
  /** What an operator says of an account holds after so many milliseconds. */
  ttlMs: 1000,
  /** Accounts that are remembered so long; the oldest makes room. About 1 KiB each. */
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

  /** The account, as it was within the last second. */
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
      // One that is not there may come to be at any moment.
      if (account === undefined && this.#remembered.peek(key) === asked) {
        this.#remembered.delete(key);
      }
    }
    return account;
  }

  /** Asks anew next time: the account was changed here. */
  forget(id: Bytes): void {
    this.#remembered.delete(toHex(id));
  }
}
