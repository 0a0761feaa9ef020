/**
 * The totals of all accounts, counted at most once a minute.
 *
 * @module
 */
import type { UploadId } from "../blobs/blob_store.ts";
import type { Context } from "../context.ts";

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
  readonly #context: Pick<Context, "store" | "ticks">;
  #last: { readonly at: number; readonly totals: Promise<StoredTotals> } | undefined;

  constructor(context: Pick<Context, "store" | "ticks">) {
    this.#context = context;
  }

  /** Rejects if the catalog does not answer. */
  read(): Promise<StoredTotals> {
    const now = this.#context.ticks();
    if (this.#last === undefined || now - this.#last.at > FRESH_MS) {
      const totals = this.#count();
      this.#last = { at: now, totals };
      totals.catch(() => this.#last = undefined);
    }
    return this.#last.totals;
  }

  async #count(): Promise<StoredTotals> {
    const { catalog } = this.#context.store;
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
    const rows = this.#context.store.catalog.uploads;
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
