/**
 * All that a catalog does, by name.
 *
 * @module
 */
import type { Catalog } from "../catalog.ts";
import { ACCOUNT_OPERATIONS } from "./accounts.ts";
import { FILE_OPERATIONS } from "./files.ts";
import type { Operation } from "./operation.ts";
import { ORPHAN_OPERATIONS } from "./orphans.ts";
import { PARTIAL_OPERATIONS } from "./partials.ts";

/** A method of the catalog. */
export type Method = Exclude<keyof Catalog, symbol>;

export const OPERATIONS: {
  readonly [M in Method]: Operation<Parameters<Catalog[M]>, Awaited<ReturnType<Catalog[M]>>>;
} = {
  ...ACCOUNT_OPERATIONS,
  ...FILE_OPERATIONS,
  ...ORPHAN_OPERATIONS,
  ...PARTIAL_OPERATIONS,
};

export const METHODS = Object.keys(OPERATIONS) as Method[];
