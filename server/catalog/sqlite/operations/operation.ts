/**
 * An operation of a catalog as data.
 *
 * @module
 */
import type { Database } from "../database.ts";

// deno-lint-ignore no-explicit-any
export interface Operation<Args extends readonly any[] = readonly any[], Result = unknown> {
  /** Whether it only reads, or is a transaction. */
  readonly way: "read" | "write";
  readonly run: (database: Database, ...args: Args) => Result;
  /** The index of an argument whose buffer is handed over to the thread of the catalog. */
  readonly handsOver?: number;
  /** The property of the result whose buffer is handed over to the caller. */
  readonly handsBack?: string;
}

export function read<Args extends readonly unknown[], Result>(
  run: (database: Database, ...args: Args) => Result,
): Operation<Args, Result> {
  return { way: "read", run };
}

/** An operation whose changes are all made, or none. */
export function write<Args extends readonly unknown[], Result>(
  run: (database: Database, ...args: Args) => Result,
): Operation<Args, Result> {
  return {
    way: "write",
    run: (database, ...args) => database.transaction(() => run(database, ...args)),
  };
}
