/**
 * What an operator says of accounts.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { AccountSummary, Quota } from "../../accounts.ts";
import { PROTOCOL_4 } from "../../accounts.ts";
import { toClient } from "../rows.ts";
import { findBy } from "./v3_accounts.ts";
import { read, write } from "./operation.ts";
import { dropLinks } from "./tokens.ts";

export const USER_OPERATIONS = {
  listAccounts: read((database): AccountSummary[] =>
    database.all(
      `SELECT *, (SELECT count(*) FROM keys WHERE client_id = id) AS keys,
         (SELECT coalesce(sum(current), 0) FROM files WHERE client_id = id) AS files,
         (SELECT coalesce(sum(1 - current), 0) FROM files WHERE client_id = id) AS old_versions,
         (SELECT coalesce(sum(size), 0) FROM files WHERE client_id = id) AS bytes
       FROM clients ORDER BY name`,
    ).map((row) => ({
      ...toClient(row),
      protocol: row["edition"] === PROTOCOL_4 ? 4 : 3,
      keys: row["keys"] as number,
      usage: { files: row["files"] as number, bytes: row["bytes"] as number },
      oldVersions: row["old_versions"] as number,
    }))
  ),
  setDisabled: write((database, id: Bytes, disabled: boolean): void => {
    database.run("UPDATE clients SET disabled = ? WHERE id = ?", disabled ? 1 : 0, id);
    if (disabled) dropLinks(database, id);
  }),
  renameClient: write((database, id: Bytes, name: string): boolean => {
    if (findBy(database, "name = ? AND id <> ?", name, id) !== undefined) return false;
    database.run("UPDATE clients SET name = ? WHERE id = ?", name, id);
    return true;
  }),
  setQuota: write((database, id: Bytes, { bytes, files }: Quota): void => {
    const query = "UPDATE clients SET quota_bytes = ?, quota_files = ? WHERE id = ?";
    database.run(query, toColumn(bytes), toColumn(files), id);
  }),
};

/** No limit is -1: a column has no infinity. */
function toColumn(limit: number | undefined): number | null {
  return limit === undefined ? null : limit === Infinity ? -1 : limit;
}
