/**
 * The totals of all accounts, counted at most once a minute.
 *
 * @module
 */
import type { UploadId } from "../blobs/blob_store.ts";
import type { Context } from "../context.ts";
import { FreshValue } from "../fresh_value.ts";

/** The age up to which totals are used again, in milliseconds. */
const FRESH_MS = 60_000;
/** The number of partial uploads in one look-up. */
const PAGE = 1000;

export interface StoredTotals {
  readonly accounts: number;
  readonly disabled: number;
  readonly files: number;
  readonly bytes: number;
  readonly historyFiles: number;
  readonly historyBytes: number;
  readonly partials: number;
  readonly partialBytes: number;
}

export class StoreTotals {
  readonly #store: Context["store"];
  readonly #totals: FreshValue<StoredTotals>;

  constructor({ store, ticks }: Pick<Context, "store" | "ticks">) {
    this.#store = store;
    this.#totals = new FreshValue(() => this.#count(), FRESH_MS, ticks);
  }

  /** Rejects if the catalog does not answer. */
  read(): Promise<StoredTotals> {
    return this.#totals.read();
  }

  async #count(): Promise<StoredTotals> {
    const { catalog } = this.#store;
    const accounts = await catalog.accounts.list();
    const sum = (of: (account: (typeof accounts)[number]) => number) =>
      accounts.reduce((total, account) => total + of(account), 0);
    return {
      accounts: accounts.length,
      disabled: accounts.filter(({ disabled }) => disabled).length,
      files: sum(({ usage }) => usage.files),
      bytes: sum(({ usage }) => usage.bytes),
      historyFiles: sum(({ history }) => history.files),
      historyBytes: sum(({ history }) => history.bytes),
      ...await this.#countPartials(),
    };
  }

  async #countPartials(): Promise<Pick<StoredTotals, "partials" | "partialBytes">> {
    const rows = this.#store.catalog.uploads;
    let [partials, partialBytes] = [0, 0];
    let after: UploadId | undefined;
    for (;;) {
      const page = await rows.scan(after, PAGE);
      partials += page.length;
      for (const { durableBytes } of page) partialBytes += durableBytes;
      after = page.at(-1)?.id;
      if (page.length < PAGE) return { partials, partialBytes };
    }
  }
}
