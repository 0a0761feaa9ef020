/**
 * Batches of catalog calls. Calls that arrive while a transaction commits go into the next one, so that one sync of the
 * disk serves all of them.
 *
 * @module
 */
import { type Bytes, toHex } from "../../../protocol/bytes.ts";
import type { Catalog, Queueing } from "../catalog.ts";
import { aggregatesOver, type Method, operationOf } from "./operations/mod.ts";
import { sizeOf } from "./value_size.ts";
import type { SqliteCatalog } from "./sqlite_catalog.ts";

export interface Call {
  readonly method: Method;
  readonly args: readonly unknown[];
}

export type CallOutcome = { readonly value: unknown } | { readonly error: unknown };

/** The most calls in one batch. Connections make one call at a time each. */
const MAX_BATCH = 256;
/**
 * The time for which a batch takes calls before it is committed, in milliseconds. Other processes (`xfer server users`)
 * wait for the end of a transaction, and so do the first callers.
 */
export const MAX_BATCH_MS = 100;
/**
 * The most bytes of a batch's arguments, and of its results. Both are copied between threads and stay in memory until
 * used.
 */
export const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/**
 * The pause after a batch that has used up its time, in milliseconds. Another process that waits for the database tries
 * every 100 ms for 5 seconds, and must not find it busy each time.
 */
const TURN_MS = 20;

/**
 * The most accounts of one turn, besides those that wait for a later one. Peers can name any number of accounts. These
 * must not fill the memory, and must not delay callers who have had this turn.
 */
const MAX_OWNERS = 1024;

/** Milliseconds since any moment. */
type Ticks = () => number;
const system: Ticks = () => performance.now();

/** Does calls one after another. Returns the outcomes of as many as fit into the time and size of one batch. */
export function lookUp(
  catalog: SqliteCatalog,
  calls: readonly Call[],
  ticks: Ticks = system,
): CallOutcome[] {
  const end = ticks() + MAX_BATCH_MS;
  const outcomes: CallOutcome[] = [];
  for (let i = 0, bytes = 0; i < calls.length; i++) {
    const outcome = attempt(catalog, calls[i] as Call);
    outcomes.push(outcome);
    bytes += sizeOf(outcome);
    if (bytes >= MAX_BATCH_BYTES || ticks() >= end) break;
  }
  return outcomes;
}

/**
 * Like `lookUp`, but in one transaction. A failed call does not affect the others. If the transaction fails, all of its
 * calls fail.
 */
export function commitTogether(
  catalog: SqliteCatalog,
  calls: readonly Call[],
  ticks: Ticks = system,
): CallOutcome[] {
  let outcomes: CallOutcome[] = [];
  try {
    catalog.together(() => outcomes = lookUp(catalog, calls, ticks));
    return outcomes;
  } catch (error) {
    if (outcomes.length === 0) return calls.map(() => ({ error }));
    return outcomes.map((outcome) => "error" in outcome ? outcome : { error });
  }
}

function attempt(catalog: SqliteCatalog, { method, args }: Call): CallOutcome {
  try {
    return { value: catalog.call(method, args) };
  } catch (error) {
    return { error };
  }
}

/** The buffers of arguments that a thread hands over with calls. They are of no use to it afterwards. */
export function argumentsToHandOver(calls: readonly Call[]): ArrayBuffer[] {
  return calls.flatMap(({ method, args }) => {
    const { handsOver } = operationOf(method);
    return handsOver === undefined ? [] : [(args[handsOver] as Bytes).buffer];
  });
}

/** The buffers that a thread hands over with the outcomes of calls. */
export function resultsToHandOver(
  calls: readonly Call[],
  outcomes: readonly CallOutcome[],
): ArrayBuffer[] {
  return outcomes.flatMap((outcome, i) => {
    const { handsBack } = operationOf((calls[i] as Call).method);
    if (handsBack === undefined || !("value" in outcome)) return [];
    return [(outcome.value as Record<string, Bytes>)[handsBack]?.buffer ?? []].flat();
  });
}

/**
 * Does as many calls of a batch, from the first on, as its time and size allow. Rejects if all of them fail. `giveBack`:
 * called with the others if their arguments were handed over and are back.
 */
export type Batch = (
  calls: readonly Call[],
  giveBack: (left: readonly Call[]) => void,
) => readonly CallOutcome[] | Promise<readonly CallOutcome[]>;

interface WaitingCall {
  readonly call: Call;
  /** Calls of an earlier turn come first. */
  readonly turn: number;
  readonly size: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A queue that runs one batch at a time. Accounts take turns, so that a single call does not wait for many earlier
 * calls of another account.
 */
class CallQueue {
  readonly #batch: Batch;
  readonly #rest: () => Promise<void>;
  /** Ordered by turn. */
  readonly #waiting: WaitingCall[] = [];
  /** The current turn, and the last turn of each account. */
  #turn = 0;
  readonly #turns = new Map<string, number>();
  #draining: Promise<void> | undefined;

  /** `rest`: the pause after a batch that has not done all of its calls. */
  constructor(batch: Batch, rest: () => Promise<void>) {
    this.#batch = batch;
    this.#rest = rest;
  }

  /** The number of calls that wait for their batch. */
  get length(): number {
    return this.#waiting.length;
  }

  call(call: Call): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const turn = this.#nextTurn(ownerOf(call));
      let place = this.#waiting.length;
      while (place > 0 && (this.#waiting[place - 1] as WaitingCall).turn > turn) place--;
      this.#waiting.splice(place, 0, { call, turn, size: sizeOf(call.args), resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  #nextTurn(owner: string): number {
    const turn = Math.max(this.#turn, (this.#turns.get(owner) ?? -1) + 1);
    this.#turns.set(owner, turn);
    if (this.#turns.size > MAX_OWNERS + this.#waiting.length) this.#endTurn();
    return turn;
  }

  /**
   * Ends the current turn and forgets the accounts that have had it. Their next calls come after those that wait for
   * the next turn.
   */
  #endTurn(): void {
    this.#turn++;
    for (const [owner, turn] of this.#turns) if (turn < this.#turn) this.#turns.delete(owner);
  }

  /** Resolves when no calls wait. */
  async settle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const taken = this.#waiting.splice(0, this.#countOfNext());
      let left: readonly Call[] = [];
      const outcomes = await this.#do(taken.map(({ call }) => call), (calls) => left = calls);
      const done = taken.splice(0, Math.max(1, outcomes.length));
      this.#turn = Math.max(this.#turn, done.at(-1)?.turn ?? 0);
      this.#putBack(taken.map((one, i) => ({ ...one, call: left[i] ?? one.call })));
      for (const [i, { resolve, reject }] of done.entries()) {
        const outcome = outcomes[i];
        if (outcome !== undefined && "value" in outcome) resolve(outcome.value);
        else reject(outcome?.error);
      }
      if (taken.length > 0) await this.#rest();
    }
    this.#turns.clear();
    this.#draining = undefined;
  }

  /** Puts calls for which a batch had no time back in their order. */
  #putBack(left: readonly WaitingCall[]): void {
    if (left.length === 0) return;
    const all = [...left, ...this.#waiting].sort((a, b) => a.turn - b.turn);
    this.#waiting.splice(0, this.#waiting.length, ...all);
  }

  async #do(
    calls: readonly Call[],
    giveBack: (left: readonly Call[]) => void,
  ): Promise<readonly CallOutcome[]> {
    try {
      return await this.#batch(calls, giveBack);
    } catch (error) {
      return calls.map(() => ({ error }));
    }
  }

  /** The number of calls in the next batch. */
  #countOfNext(): number {
    const most = Math.min(MAX_BATCH, this.#waiting.length);
    let bytes = 0;
    for (let count = 0; count < most; count++) {
      bytes += this.#waiting[count]?.size ?? 0;
      if (bytes > MAX_BATCH_BYTES) return Math.max(1, count);
    }
    return most;
  }
}

/** The account of a call, whose id is the first argument or in it. Calls without an account count as one account's. */
function ownerOf({ method, args: [first] }: Call): string {
  const named = first as { readonly accountId?: unknown; readonly id?: unknown } | undefined;
  // A registration's id does not belong to an account yet.
  const id = (method === "accounts.find" ? named?.id : named?.accountId) ?? first;
  return id instanceof Uint8Array ? toHex(id as Bytes) : "";
}

export interface Executors {
  /** Runs read-only calls. */
  readonly read: Batch;
  /** Runs calls in one transaction. Resolves when it is on disk. */
  readonly write: Batch;
  /** Leaves the database to other processes for a moment. */
  readonly rest?: () => Promise<void>;
  close(): Promise<void>;
}

/** A catalog that batches its calls. Reads do not wait for writes. */
export function batchedCatalog(ways: Executors): Catalog & Queueing {
  const rest = ways.rest ?? (() => new Promise((resolve) => setTimeout(resolve, TURN_MS)));
  const queues = {
    // Reads do not block other processes.
    read: new CallQueue(ways.read, () => Promise.resolve()),
    write: new CallQueue(ways.write, rest),
  };
  return {
    ...aggregatesOver((method, args) => queues[operationOf(method).way].call({ method, args })),
    waiting: () => queues.read.length + queues.write.length,
    async [Symbol.asyncDispose]() {
      await queues.write.settle();
      await queues.read.settle();
      await ways.close();
    },
  };
}
