/**
 * All that a catalog does, by name.
 *
 * @module
 */
import type { Catalog } from "../catalog.ts";
import { ACCOUNT_OPERATIONS } from "./accounts.ts";
import { ENTRY_OPERATIONS } from "./entries.ts";
import { FILE_OPERATIONS } from "./files.ts";
import type { Operation } from "./operation.ts";
import { ORPHAN_OPERATIONS } from "./orphans.ts";
import { PARTIAL_OPERATIONS } from "./partials.ts";
import { REPAIR_OPERATIONS } from "./repairs.ts";
import { TOKEN_OPERATIONS } from "./tokens.ts";
import { USAGE_OPERATIONS } from "./usage.ts";
import { USER_OPERATIONS } from "./users.ts";

/** A method of the catalog. */
export type Method = Exclude<keyof Catalog, symbol>;

export const OPERATIONS: {
  readonly [M in Method]: Operation<Parameters<Catalog[M]>, Awaited<ReturnType<Catalog[M]>>>;
} = {
  ...ACCOUNT_OPERATIONS,
  ...ENTRY_OPERATIONS,
  ...FILE_OPERATIONS,
  ...ORPHAN_OPERATIONS,
  ...PARTIAL_OPERATIONS,
  ...REPAIR_OPERATIONS,
  ...TOKEN_OPERATIONS,
  ...USAGE_OPERATIONS,
  ...USER_OPERATIONS,
};

export const METHODS = Object.keys(OPERATIONS) as Method[];
