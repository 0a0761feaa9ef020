/**
 * The catalog in PostgreSQL, which several servers can share.
 *
 * @module
 */
import type { Queueing } from "../catalog.ts";
import type { SharedCatalog } from "../shared_catalog.ts";
import type { Dumping, Fillable } from "../table_copy.ts";
import type { PostgresOptions } from "./connection/connection_options.ts";
import { type DatabaseSettings, PostgresDatabase } from "./database.ts";
import { postgresFiles } from "./files/postgres_files.ts";
import { migrate } from "./migrate.ts";
import { ACCOUNT_OPERATIONS } from "./operations/accounts.ts";
import { BLOB_OPERATIONS } from "./operations/blob_references.ts";
import { CHECK_OPERATIONS } from "./operations/check_rounds.ts";
import { HOOK_OPERATIONS } from "./operations/hooks.ts";
import { CLAIM_OPERATIONS } from "./operations/name_claims.ts";
import { nodesOf, VALUE_OPERATIONS } from "./operations/nodes.ts";
import { OPEN_UPLOAD_OPERATIONS } from "./operations/open_uploads.ts";
import { methodsOf } from "./operations/operation.ts";
import { UPLOAD_OPERATIONS } from "./operations/partial_uploads.ts";
import { OPERATOR_OPERATIONS } from "./operations/operators.ts";
import { PARKED_OPERATIONS } from "./operations/parked.ts";
import { REPAIR_OPERATIONS } from "./operations/repairs.ts";
import { STATE_OPERATIONS } from "./operations/state.ts";
import { TOKEN_OPERATIONS } from "./operations/tokens.ts";
import { UNVERIFIED_OPERATIONS } from "./operations/unverified.ts";
import { dumpOf, fillableOf } from "./table_copy.ts";

/** A catalog in PostgreSQL. */
export interface PostgresCatalog extends SharedCatalog, Dumping, Fillable, Queueing {
  /** For other tables of a server. */
  readonly database: PostgresDatabase;
}

/**
 * Connects to a database and creates or upgrades the catalog in it. Every method of the catalog throws
 * `UnavailableError` if the database does not answer. Throws `ConfigurationError` `catalog-too-new`,
 * `database-refused`, `database-unsuitable`.
 */
export async function openPostgresCatalog(
  options: PostgresOptions,
  settings?: DatabaseSettings,
): Promise<PostgresCatalog> {
  const database = new PostgresDatabase(options, settings);
  try {
    await migrate(database);
    return postgresCatalogOver(database);
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

/** The catalog in a database that has its schema. Disposing of the catalog closes the database. */
function postgresCatalogOver(database: PostgresDatabase): PostgresCatalog {
  return {
    database,
    accounts: methodsOf(database, ACCOUNT_OPERATIONS),
    tokens: methodsOf(database, TOKEN_OPERATIONS),
    files: postgresFiles(database),
    uploads: methodsOf(database, UPLOAD_OPERATIONS),
    blobs: methodsOf(database, BLOB_OPERATIONS),
    repairs: methodsOf(database, REPAIR_OPERATIONS),
    checks: methodsOf(database, CHECK_OPERATIONS),
    hooks: methodsOf(database, HOOK_OPERATIONS),
    nodes: nodesOf(database),
    values: methodsOf(database, VALUE_OPERATIONS),
    openUploads: methodsOf(database, OPEN_UPLOAD_OPERATIONS),
    claims: methodsOf(database, CLAIM_OPERATIONS),
    ...dumpOf(database),
    ...fillableOf(database),
    state: methodsOf(database, STATE_OPERATIONS),
    unverified: methodsOf(database, UNVERIFIED_OPERATIONS),
    parked: methodsOf(database, PARKED_OPERATIONS),
    operators: methodsOf(database, OPERATOR_OPERATIONS),
    waiting: () => database.waiting,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
