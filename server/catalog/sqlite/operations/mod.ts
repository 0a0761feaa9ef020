/**
 * All operations of a catalog, by aggregate and method.
 *
 * @module
 */
import type { Aggregates } from "../../catalog.ts";
import { ACCOUNT_OPERATIONS } from "./accounts.ts";
import { BLOB_OPERATIONS } from "./blob_references.ts";
import { CHECK_OPERATIONS } from "./check_rounds.ts";
import { FILE_OPERATIONS } from "./files.ts";
import { HOOK_OPERATIONS } from "./hooks.ts";
import type { Operation } from "./operation.ts";
import { UPLOAD_OPERATIONS } from "./partial_uploads.ts";
import { REPAIR_OPERATIONS } from "./repairs.ts";
import { TOKEN_OPERATIONS } from "./tokens.ts";

type Aggregate = keyof Aggregates;

/** A method of the catalog: `"files.commit"`. */
export type Method = {
  [A in Aggregate]: `${A}.${keyof Aggregates[A] & string}`;
}[Aggregate];

// deno-lint-ignore no-explicit-any
type Fn = (...args: any[]) => Promise<unknown>;

type OperationOf<F> = F extends Fn ? Operation<Parameters<F>, Awaited<ReturnType<F>>> : never;

const BY_AGGREGATE: {
  readonly [A in Aggregate]: { readonly [M in keyof Aggregates[A]]: OperationOf<Aggregates[A][M]> };
} = {
  accounts: ACCOUNT_OPERATIONS,
  tokens: TOKEN_OPERATIONS,
  files: FILE_OPERATIONS,
  uploads: UPLOAD_OPERATIONS,
  blobs: BLOB_OPERATIONS,
  repairs: REPAIR_OPERATIONS,
  checks: CHECK_OPERATIONS,
  hooks: HOOK_OPERATIONS,
};

const OPERATIONS: ReadonlyMap<string, Operation> = new Map(
  Object.entries(BY_AGGREGATE).flatMap(([aggregate, operations]) =>
    Object.entries(operations).map(([name, operation]) =>
      [`${aggregate}.${name}`, operation] as const
    )
  ),
);

/** Throws `Error` if the catalog has no such method. */
export function operationOf(method: Method): Operation {
  const operation = OPERATIONS.get(method);
  if (operation === undefined) {
    throw new Error(`cannot call ${method}: the catalog has no such method`);
  }
  return operation;
}

/** The aggregates of a catalog that pass each method to `call`. */
export function aggregatesOver(
  call: (method: Method, args: readonly unknown[]) => Promise<unknown>,
): Aggregates {
  const aggregates = Object.entries(BY_AGGREGATE).map(([aggregate, operations]) => {
    const methods = Object.keys(operations).map((name) => [
      name,
      (...args: unknown[]) => call(`${aggregate}.${name}` as Method, args),
    ]);
    return [aggregate, Object.fromEntries(methods)];
  });
  return Object.fromEntries(aggregates);
}
