/**
 * All that a catalog does, by name.
 *
 * @module
 */
import type { Catalog } from "../../catalog.ts";
import { ACCOUNT_OPERATIONS } from "./v3_accounts.ts";
import { V4_LOGIN_OPERATIONS } from "./v4_logins.ts";
import { FILE_OPERATIONS } from "./files.ts";
import type { Operation } from "./operation.ts";
import { ORPHAN_OPERATIONS } from "./garbage.ts";
import { PARTIAL_OPERATIONS } from "./uploads.ts";
import { REPAIR_OPERATIONS } from "./repairs.ts";
import { TOKEN_OPERATIONS } from "./tokens.ts";
import { USAGE_OPERATIONS } from "./usage.ts";
import { USER_OPERATIONS } from "./account_admin.ts";

/** A method of the catalog. */
export type Method = Exclude<keyof Catalog, symbol>;

export const OPERATIONS: {
  readonly [M in Method]: Operation<Parameters<Catalog[M]>, Awaited<ReturnType<Catalog[M]>>>;
} = {
  ...ACCOUNT_OPERATIONS,
  ...V4_LOGIN_OPERATIONS,
  ...FILE_OPERATIONS,
  ...ORPHAN_OPERATIONS,
  ...PARTIAL_OPERATIONS,
  ...REPAIR_OPERATIONS,
  ...TOKEN_OPERATIONS,
  ...USAGE_OPERATIONS,
  ...USER_OPERATIONS,
};

export const METHODS = Object.keys(OPERATIONS) as Method[];
