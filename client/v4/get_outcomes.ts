/**
 * The results of a run that downloads entries.
 *
 * @module
 */
import { endsAll, XferError } from "../../protocol/errors.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import type { GetItem } from "./get_item.ts";
import type { GetOptions, GetOutcome, GetSummary } from "./get_options.ts";
import type { RemoteFile } from "./remote_file.ts";

/** The result of one item, without what all results have. */
export type ItemResult =
  | { readonly state: "got" | "planned"; readonly file: RemoteFile }
  | { readonly state: "there"; readonly isUpdated: boolean }
  | { readonly error: XferError };

export class GetOutcomes {
  readonly #pool: Pick<ConnectionPool, "advance" | "isAuthenticated">;
  readonly #options: Pick<GetOptions, "onOutcome">;
  #succeeded = 0;
  #failed = 0;
  #first: XferError | undefined;
  #ending: XferError | undefined;
  #hasFailures = false;
  #end: XferError | undefined;

  constructor(
    pool: Pick<ConnectionPool, "advance" | "isAuthenticated">,
    options: Pick<GetOptions, "onOutcome">,
  ) {
    this.#pool = pool;
    this.#options = options;
  }

  /** The number of results so far, and the errors that matter most. */
  get summary(): GetSummary {
    return {
      succeeded: this.#succeeded,
      failed: this.#failed,
      error: this.#ending ?? this.#first,
    };
  }

  /** The error that ended the run. */
  get end(): XferError | undefined {
    return this.#end;
  }

  /** Whether an entry is not downloaded. */
  get hasFailures(): boolean {
    return this.#hasFailures;
  }

  report(outcome: GetOutcome): void {
    if ("error" in outcome) {
      const { error } = outcome;
      this.#failed++;
      this.#first ??= error;
      if (endsAll(error)) this.#ending ??= error;
      if (outcome.state === "not-got") this.#hasFailures = true;
    } else this.#succeeded++;
    this.#options.onOutcome?.(outcome);
  }

  /** Reports the result of an item. */
  conclude(item: GetItem, result: ItemResult): void {
    const { file, file: { name }, target } = item;
    this.report(
      "error" in result
        ? { state: "not-got", name, target, error: result.error }
        : { file, ...result, name, target },
    );
    this.#pool.advance();
  }

  /** Runs work for a name, unless the run has ended, and reports its failure. */
  async attempt(name: string, target: string, work: () => Promise<void>): Promise<void> {
    const error = this.#end ?? await failureOf(work);
    if (error === undefined) return;
    this.report({ state: "not-got", name, target, error });
    // Without a sign-in, the next names would fail too, and the user would be asked again whether to trust the server.
    if (endsAll(error) || !this.#pool.isAuthenticated) this.#end = error;
  }
}

/** Returns the `XferError` that work fails with, if any. */
export async function failureOf(work: () => Promise<unknown>): Promise<XferError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof XferError) return error;
    throw error;
  }
}

/** Returns the `XferError` that a function throws, if any. */
export function errorOf(work: () => void): XferError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof XferError) return error;
    throw error;
  }
}
