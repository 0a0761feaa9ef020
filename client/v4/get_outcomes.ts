/**
 * The results of a run that downloads entries.
 *
 * @module
 */
import { endsAll, XferError } from "../../protocol/errors.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import type { GetItem } from "./get_item.ts";
import type { GetOptions, GetOutcome } from "./get_options.ts";
import type { RemoteFile } from "./remote_file.ts";

/** The result of one item, without what all results have. */
export type ItemResult =
  | { readonly state: "got" | "planned"; readonly file: RemoteFile }
  | { readonly state: "there"; readonly isUpdated: boolean }
  | { readonly error: XferError };

export class GetOutcomes {
  readonly #pool: Pick<ConnectionPool, "advance" | "isAuthenticated">;
  readonly #options: Pick<GetOptions, "onOutcome">;
  readonly #all: GetOutcome[] = [];
  readonly #concluded = new Set<GetItem>();
  #end: XferError | undefined;

  constructor(
    pool: Pick<ConnectionPool, "advance" | "isAuthenticated">,
    options: Pick<GetOptions, "onOutcome">,
  ) {
    this.#pool = pool;
    this.#options = options;
  }

  /** All results so far. */
  get all(): GetOutcome[] {
    return this.#all;
  }

  /** The error that ended the run. */
  get end(): XferError | undefined {
    return this.#end;
  }

  get hasFailures(): boolean {
    return this.#all.some(({ state }) => state === "not-got");
  }

  report(outcome: GetOutcome): void {
    this.#all.push(outcome);
    this.#options.onOutcome?.(outcome);
  }

  has(item: GetItem): boolean {
    return this.#concluded.has(item);
  }

  /** Reports the result of an item. */
  async conclude(item: GetItem, result: ItemResult): Promise<void> {
    const { file, file: { name }, target, collisions } = item;
    this.#concluded.add(item);
    this.report(
      "error" in result
        ? { state: "not-got", name, target, error: result.error }
        : { file, ...result, name, target },
    );
    this.#pool.advance();
    if (!("error" in result)) await collisions?.add(target);
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
