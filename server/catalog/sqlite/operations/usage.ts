/**
 * The usage of accounts. Current files and partial uploads count towards the quota. History does not.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { Usage } from "../../accounts.ts";
import type { NewFile, UsageBeside, UsageWithHistory } from "../../files.ts";
import type { Database } from "../database.ts";
import { toUsage } from "../../rows.ts";

const NOTHING: Usage = { bytes: 0, files: 0 };

/** The usage of an account; beside a new file, without what that file replaces. */
export function usageBeside(
  database: Database,
  owner: Bytes,
  file: NewFile | undefined,
  key: string,
): UsageBeside {
  if (file === undefined) return { ...usageOf(database, owner), replaced: NOTHING };
  const { bytes, files, history } = usageOf(database, owner, [file.name, ...file.open]);
  const query = "SELECT size FROM files WHERE client_id = ? AND name = ? AND current = 1";
  const [row] = database.all(query, owner, key);
  const replaced = row === undefined ? NOTHING : { bytes: row["size"] as number, files: 1 };
  return { bytes: bytes - replaced.bytes, files: files - replaced.files, history, replaced };
}

const ADD_USAGE = `INSERT INTO usage VALUES (?, ?, ?, 0, 0)
  ON CONFLICT DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes`;

/** Counts current files that were inserted. Triggers count all other changes of files. */
export function addUsage(database: Database, accountId: Bytes, { files, bytes }: Usage): void {
  database.run(ADD_USAGE, accountId, files, bytes);
}

/** Counts all files of a copy, into which they were inserted one by one. */
export function countUsage(database: Database): void {
  database.run(
    `INSERT OR REPLACE INTO usage
     SELECT client_id, sum(current), sum(current * size), sum(1 - current), sum((1 - current) * size)
     FROM files GROUP BY client_id`,
  );
}

/** Partial uploads count with their bytes, but not as files. */
export function usageOf(
  database: Database,
  accountId: Bytes,
  exceptPartials: readonly string[] = [],
): UsageWithHistory {
  const [row] = database.all("SELECT * FROM usage WHERE client_id = ?", accountId);
  const { usage: { bytes, files }, history } = toUsage(row ?? {});
  return { bytes: bytes + partialBytes(database, accountId, exceptPartials), files, history };
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
