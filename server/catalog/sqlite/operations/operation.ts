/**
 * One thing that a catalog does, as data: what it needs, and the work.
 *
 * @module
 */
import type { Database } from "../database.ts";

// deno-lint-ignore no-explicit-any
export interface Operation<Args extends readonly any[] = readonly any[], Result = unknown> {
  /** A look, or a transaction. */
  readonly way: "read" | "write";
  readonly run: (database: Database, ...args: Args) => Result;
}

export function read<Args extends readonly unknown[], Result>(
  run: (database: Database, ...args: Args) => Result,
): Operation<Args, Result> {
  return { way: "read", run };
}

/** All of the work is done, or nothing. */
export function write<Args extends readonly unknown[], Result>(
  run: (database: Database, ...args: Args) => Result,
): Operation<Args, Result> {
  return {
    way: "write",
    run: (database, ...args) => database.transaction(() => run(database, ...args)),
  };
}
