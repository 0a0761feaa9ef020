/**
 * Calls of a catalog as data, so that many can be done together: what is asked for while one transaction is committed
 * goes into the next, and one sync of the disk serves all of it.
 *
 * @module
 */
import { type Bytes, toHex } from "../../../protocol/bytes.ts";
import type { Catalog } from "../catalog.ts";
import { aggregatesOver, type Method, operationOf } from "./operations/mod.ts";
import { sizeOf } from "./value_size.ts";
import type { SqliteCatalog } from "./sqlite_catalog.ts";

export interface Call {
  readonly method: Method;
  readonly args: readonly unknown[];
}

export type CallOutcome = { readonly value: unknown } | { readonly error: unknown };

/** Calls in one batch at most. Those of connections are bounded by their number, one each. */
const MAX_BATCH = 256;
/**
 * So long a batch takes calls, in milliseconds, and then it is committed: other processes (`xfer server users`) wait for
 * the end of a transaction, and who has asked first gets no answer before it.
 */
export const MAX_BATCH_MS = 100;
/** Bytes that a batch asks for, and as many that it answers: both are copied between threads, and held until they are used. */
export const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/**
 * A pause between two batches of which the first has used up its time, in milliseconds: who waits for the database in
 * another process looks every 100 ms whether it is free, for 5 seconds, and must not find it busy each time.
 */
export const TURN_MS = 20;

/**
 * Clients that have one turn, beside those that wait for a later one: anybody can name any number of clients, and must
 * neither fill the memory with them nor keep those waiting who have had this turn.
 */
const MAX_OWNERS = 1024;

/** Tells milliseconds from any moment on. */
type Ticks = () => number;
const system: Ticks = () => performance.now();

/** Does calls one after another, each by itself; returns the outcomes of as many as one batch has time and room for. */
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
 * Does the same in one transaction. One call that fails leaves the others alone; where the transaction fails, all have
 * that were in it.
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

/** Does as many of a batch of calls as it has time and room for, from the first on; rejects where all of them fail. */
export type Batch = (
  calls: readonly Call[],
) => readonly CallOutcome[] | Promise<readonly CallOutcome[]>;

interface WaitingCall {
  readonly call: Call;
  /** It comes before those with a later one. */
  readonly turn: number;
  readonly size: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One batch at a time; what comes meanwhile waits for the next. Clients take turns: who asks for one thing does not wait
 * until everything is done that another has asked for before.
 */
class CallQueue {
  readonly #batch: Batch;
  readonly #rest: () => Promise<void>;
  /** By their turns. */
  readonly #waiting: WaitingCall[] = [];
  /** Whose turn it is, and the last one of each account. */
  #turn = 0;
  readonly #turns = new Map<string, number>();
  #draining: Promise<void> | undefined;

  /** `rest`: what comes between two batches where the first one has not done all that it was given. */
  constructor(batch: Batch, rest: () => Promise<void>) {
    this.#batch = batch;
    this.#rest = rest;
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

  /** Forgets the clients that have had it; those that come from now on come after whoever waits for the next one. */
  #endTurn(): void {
    this.#turn++;
    for (const [owner, turn] of this.#turns) if (turn < this.#turn) this.#turns.delete(owner);
  }

  /** Resolves when nothing waits any more. */
  async settle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const taken = this.#waiting.splice(0, this.#countOfNext());
      const outcomes = await this.#do(taken.map(({ call }) => call));
      const done = taken.splice(0, Math.max(1, outcomes.length));
      this.#turn = Math.max(this.#turn, done.at(-1)?.turn ?? 0);
      this.#putBack(taken);
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

  /** Those that a batch had no time for come again in their turn, and others that came meanwhile in theirs. */
  #putBack(left: readonly WaitingCall[]): void {
    if (left.length === 0) return;
    const all = [...left, ...this.#waiting].sort((a, b) => a.turn - b.turn);
    this.#waiting.splice(0, this.#waiting.length, ...all);
  }

  async #do(calls: readonly Call[]): Promise<readonly CallOutcome[]> {
    try {
      return await this.#batch(calls);
    } catch (error) {
      return calls.map(() => ({ error }));
    }
  }

  /** How many of those that wait are asked for at once. */
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

/** The account that a call is for: its id is the first argument, or in it. Calls for none count as one account's. */
function ownerOf({ method, args: [first] }: Call): string {
  const named = first as { readonly accountId?: unknown; readonly id?: unknown } | undefined;
  // The id of a registration is no account's yet.
  const id = (method === "accounts.find" ? named?.id : named?.accountId) ?? first;
  return id instanceof Uint8Array ? toHex(id as Bytes) : "";
}

export interface Executors {
  /** Does calls that only look. */
  readonly read: Batch;
  /** Does calls in one transaction, which is on disk when it resolves. */
  readonly write: Batch;
  /** Lets other processes have the database for a moment. */
  readonly rest?: () => Promise<void>;
  close(): Promise<void>;
}

/** A catalog whose calls go these ways. What reads does not wait for what writes. */
export function batchedCatalog(ways: Executors): Catalog {
  const rest = ways.rest ?? (() => new Promise((resolve) => setTimeout(resolve, TURN_MS)));
  const queues = {
    // Who reads keeps nobody out.
    read: new CallQueue(ways.read, () => Promise.resolve()),
    write: new CallQueue(ways.write, rest),
  };
  return {
    ...aggregatesOver((method, args) => queues[operationOf(method).way].call({ method, args })),
    async [Symbol.asyncDispose]() {
      await queues.write.settle();
      await queues.read.settle();
      await ways.close();
    },
  };
}
