/**
 * The usage of accounts. Stored files and partial uploads count towards the quota.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { Quota, Usage } from "../../accounts.ts";
import type { NewFile, UsageBeside } from "../../files.ts";
import { CatalogRefusal } from "../../refusal.ts";
import type { Database } from "../database.ts";

/** The usage of an account; beside a new file, without what that file replaces. */
export function usageBeside(database: Database, owner: Bytes, file?: NewFile): UsageBeside {
  if (file === undefined) return { ...usage(database, owner), replaced: { bytes: 0, files: 0 } };
  const { bytes, files } = usage(database, owner, [file.name, ...file.open]);
  const replaced = {
    bytes: bytesReplaced(database, owner, file),
    files: isStored(database, owner, file.name) ? 1 : 0,
  };
  return { bytes: bytes - replaced.bytes, files: files - replaced.files, replaced };
}

const NO_QUOTA: Usage = { bytes: Infinity, files: Infinity };

/** Throws `CatalogRefusal` if an account is over its quota: `own`, or `quota` where it has none. */
export function checkQuota(
  database: Database,
  accountId: Bytes,
  quota: Usage | undefined,
  own: Quota | undefined,
): void {
  const { bytes, files } = { ...NO_QUOTA, ...quota, ...own };
  if (bytes === Infinity && files === Infinity) return;
  const used = usage(database, accountId);
  if (used.bytes > bytes) throw new CatalogRefusal("quota-bytes");
  if (used.files > files) throw new CatalogRefusal("quota-files");
}

/** Old versions and partial uploads count with their bytes, but not as files. */
function usage(
  database: Database,
  accountId: Bytes,
  exceptPartials: readonly string[] = [],
): Usage {
  const [row] = database.all("SELECT files, bytes FROM usage WHERE client_id = ?", accountId);
  const { bytes = 0, files = 0 } = (row ?? {}) as Partial<Usage>;
  return { bytes: bytes + partialBytes(database, accountId, exceptPartials), files };
}

/** The bytes of an account's partial uploads, except under these names. */
function partialBytes(database: Database, accountId: Bytes, except: readonly string[]): number {
  const [row] = database.all(
    `SELECT coalesce(sum(held), 0) AS bytes FROM partials
     WHERE client_id = ? AND name NOT IN (SELECT value FROM json_each(?))`,
    ...[accountId, JSON.stringify(except)],
  );
  return row?.["bytes"] as number;
}

function isStored(database: Database, accountId: Bytes, name: string): boolean {
  const query = "SELECT 1 FROM files WHERE client_id = ? AND name = ? AND current = 1";
  return database.all(query, accountId, name).length > 0;
}

/** The bytes of all versions of a name except the newest `keep`, and of damaged versions that the new file repairs. */
function bytesReplaced(
  database: Database,
  accountId: Bytes,
  { name, size, keep }: NewFile,
): number {
  const ofName = "FROM files WHERE client_id = ? AND name = ?";
  const mended = `SELECT coalesce(sum(size), 0) AS size ${ofName}
    AND damage IS NOT NULL AND size = ?`;
  const beyondNewest = `SELECT size ${ofName} AND (damage IS NULL OR size <> ?)
    ORDER BY version DESC LIMIT -1 OFFSET ?`;
  const rows = [
    ...database.all(mended, accountId, name, size),
    // SQLite has no Infinity.
    ...database.all(beyondNewest, accountId, name, size, Math.min(keep, Number.MAX_SAFE_INTEGER)),
  ];
  return rows.reduce((bytes, row) => bytes + (row["size"] as number), 0);
}
