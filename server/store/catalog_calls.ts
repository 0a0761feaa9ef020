/**
 * Calls of a catalog as data, so that many can be done together: what is asked for while one transaction is committed
 * goes into the next, and one sync of the disk serves all of it.
 *
 * @module
 */
import type { Catalog } from "./catalog.ts";
import { type Method, METHODS, OPERATIONS } from "./operations/mod.ts";
import type { SqliteCatalog } from "./sqlite_catalog.ts";

export interface Call {
  readonly method: Method;
  readonly args: readonly unknown[];
}

export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Does calls one after another, each by itself. */
export function lookUp(catalog: SqliteCatalog, calls: readonly Call[]): Promise<Outcome[]> {
  return Promise.all(begin(catalog, calls));
}

/** Does calls in one transaction. One that fails leaves the others alone; where the transaction fails, all have. */
export async function commitTogether(
  catalog: SqliteCatalog,
  calls: readonly Call[],
): Promise<Outcome[]> {
  let begun: Promise<Outcome>[] = [];
  try {
    catalog.together(() => begun = begin(catalog, calls));
  } catch (error) {
    const outcomes = await Promise.all(begun);
    return calls.map((_, i) => {
      const outcome = outcomes[i];
      return outcome !== undefined && "error" in outcome ? outcome : { error };
    });
  }
  return await Promise.all(begun);
}

/** The catalog's methods do all their work before they return. */
function begin(catalog: SqliteCatalog, calls: readonly Call[]): Promise<Outcome>[] {
  return calls.map(({ method, args }) => {
    const done = (catalog[method] as (...args: readonly unknown[]) => Promise<unknown>)(...args);
    return done.then((value) => ({ value }), (error) => ({ error }));
  });
}

/** Does a batch of calls; rejects where all of them fail. */
export type Batch = (calls: readonly Call[]) => Promise<Outcome[]>;

/** Calls in one batch at most. Those of connections are bounded by their number, one each. */
const MAX_BATCH = 256;

interface Waiting {
  readonly call: Call;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** One batch at a time; what comes meanwhile waits for the next. */
class Lane {
  readonly #batch: Batch;
  readonly #waiting: Waiting[] = [];
  #draining: Promise<void> | undefined;

  constructor(batch: Batch) {
    this.#batch = batch;
  }

  call(call: Call): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ call, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves when nothing waits any more. */
  async settle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const taken = this.#waiting.splice(0, MAX_BATCH);
      try {
        const outcomes = await this.#batch(taken.map(({ call }) => call));
        for (const [i, { resolve, reject }] of taken.entries()) {
          const outcome = outcomes[i];
          if (outcome !== undefined && "value" in outcome) resolve(outcome.value);
          else reject(outcome?.error);
        }
      } catch (error) {
        for (const { reject } of taken) reject(error);
      }
    }
    this.#draining = undefined;
  }
}

export interface Ways {
  /** Does calls that only look. */
  readonly read: Batch;
  /** Does calls in one transaction, which is on disk when it resolves. */
  readonly write: Batch;
  close(): Promise<void>;
}

/** A catalog whose calls go these ways. What reads does not wait for what writes. */
export function batchedCatalog(ways: Ways): Catalog {
  const lanes = { read: new Lane(ways.read), write: new Lane(ways.write) };
  const methods = METHODS.map((method) => {
    const lane = lanes[OPERATIONS[method].way];
    return [method, (...args: unknown[]) => lane.call({ method, args })];
  });
  return {
    ...Object.fromEntries(methods),
    async [Symbol.asyncDispose]() {
      await lanes.write.settle();
      await lanes.read.settle();
      await ways.close();
    },
  };
}
