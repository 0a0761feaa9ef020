/**
 * An operation of a catalog as data.
 *
 * @module
 */
import type { PostgresDatabase, Queries, Transaction } from "../database.ts";

/** Runs an operation in a database. */
// deno-lint-ignore no-explicit-any
export type PostgresOperation<Args extends readonly any[] = readonly any[], Result = unknown> = (
  database: PostgresDatabase,
  ...args: Args
) => Promise<Result>;

/** An operation that only reads. */
export function read<Args extends readonly unknown[], Result>(
  run: (queries: Queries, ...args: Args) => Promise<Result>,
): PostgresOperation<Args, Result> {
  return (database, ...args) => database.read((queries) => run(queries, ...args));
}

/** An operation whose changes are all made, or none. */
export function write<Args extends readonly unknown[], Result>(
  run: (transaction: Transaction, ...args: Args) => Promise<Result>,
): PostgresOperation<Args, Result> {
  return (database, ...args) => database.transaction((transaction) => run(transaction, ...args));
}

/** An operation whose changes have the same effect if they are made again. */
export function repeatable<Args extends readonly unknown[], Result>(
  run: (transaction: Transaction, ...args: Args) => Promise<Result>,
): PostgresOperation<Args, Result> {
  return (database, ...args) => database.repeatable((transaction) => run(transaction, ...args));
}

// deno-lint-ignore no-explicit-any
type AnyMethod = (...args: any[]) => Promise<unknown>;

/** The operations of an aggregate. */
export type OperationsOf<Aggregate> = {
  readonly [M in keyof Aggregate]: Aggregate[M] extends AnyMethod
    ? PostgresOperation<Parameters<Aggregate[M]>, Awaited<ReturnType<Aggregate[M]>>>
    : never;
};

/** An aggregate whose methods are these operations. */
export function methodsOf<Aggregate>(
  database: PostgresDatabase,
  operations: OperationsOf<Aggregate>,
): Aggregate {
  const methods = Object.entries<PostgresOperation>(operations)
    .map(([name, run]) => [name, (...args: unknown[]) => run(database, ...args)]);
  return Object.fromEntries(methods);
}

/** The epoch of this server, which must have joined. */
export function epochOf({ epoch }: PostgresDatabase): number {
  if (epoch === undefined) throw new Error("cannot do this: the server has not joined");
  return epoch;
}

/**
 * A moment before now by the clock of the database, in SQL: `$parameter` milliseconds before the transaction began. Its
 * statements can wait for others, and ages would not be those of that time.
 */
export function ago(parameter: number): string {
  return `now() - $${parameter}::double precision * interval '1 millisecond'`;
}

/** A bound, which can be infinite, for the database. */
export function atMost(bound: number): number {
  return Math.min(bound, Number.MAX_SAFE_INTEGER);
}

/** The least whole time, in milliseconds, that is not before `time`, which can be infinite. */
export function wholeTime(time: number): number {
  return Math.min(Math.max(Math.ceil(time), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}
