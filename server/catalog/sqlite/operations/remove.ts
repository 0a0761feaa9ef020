/**
 * Removals: entries become history, or are deleted with their history.
 *
 * @module
 */
import type { BlobId } from "../../../blobs/blob_store.ts";
import type { SQLInputValue } from "node:sqlite";
import type { Bytes } from "../../../../protocol/bytes.ts";
import { MAX_GARBAGE } from "../../bounds.ts";
import type { ChangedEntries, Garbage, RemoveOptions, RemoveResult } from "../../files.ts";
import { removedEvent } from "../../hook_events.ts";
import { INLINE_PREFIX } from "../../inline_ids.ts";
import { nameKey } from "../../name_key.ts";
import { below } from "../../name_ranges.ts";
import type { Database } from "../database.ts";
import { queueHooksOf } from "./accounts.ts";
import { hasBelow } from "./name_tree.ts";
import { write } from "./operation.ts";

const NO_GARBAGE: Garbage = { garbage: [], isMore: false };

export const REMOVE_OPERATIONS = {
  remove: write((
    database,
    owner: Bytes,
    name: string,
    options: RemoveOptions,
  ): RemoveResult => {
    const { recursive = false, forever = false, keepHistory = false, now } = options;
    const key = nameKey(name);
    if (!recursive && hasBelow(database, owner, key)) {
      return { outcome: "not-empty", ...NOTHING, ...NO_GARBAGE };
    }
    const rows = rowsOf(owner, key, recursive, !forever);
    const changed = countOf(database, rows);
    if (changed.entries === 0) return { outcome: "missing", ...NOTHING, ...NO_GARBAGE };
    queueHooksOf(database, owner, "removed", (by) => removedEvent(by, name, changed, options));
    if (forever || !keepHistory) {
      return { outcome: "removed", ...changed, ...deleteAll(database, rows) };
    }
    for (const { where, values } of rows) {
      database.run(`UPDATE files SET current = 0, ended_at = ? WHERE ${where}`, now, ...values);
    }
    return { outcome: "removed", ...changed, ...NO_GARBAGE };
  }),
};

const NOTHING: ChangedEntries = { entries: 0, bytes: 0 };

/** A condition for rows of files. SQLite finds the rows of each with one index. */
export interface Rows {
  readonly where: string;
  readonly values: readonly SQLInputValue[];
}

/** The rows of a name and, if `recursive`, of everything below it; with `isCurrent`, only current ones. */
export function rowsOf(
  owner: Bytes,
  key: string,
  recursive: boolean,
  isCurrent: boolean,
): readonly Rows[] {
  const ofOwner = `client_id = ?${isCurrent ? " AND current = 1" : ""} AND`;
  const own = { where: `${ofOwner} name = ?`, values: [owner, key] };
  if (!recursive) return [own];
  const { after, end } = below(key);
  return [own, { where: `${ofOwner} name > ? AND name < ?`, values: [owner, after, end] }];
}

/** The number of names of rows, and the bytes of all rows. */
export function countOf(database: Database, rows: readonly Rows[]): ChangedEntries {
  return rows.reduce(({ entries, bytes }, { where, values }) => {
    const query = `SELECT count(*) AS entries, coalesce(sum(bytes), 0) AS bytes
      FROM (SELECT sum(size) AS bytes FROM files WHERE ${where} GROUP BY name)`;
    const [row] = database.all(query, ...values);
    return {
      entries: entries + (row?.["entries"] as number),
      bytes: bytes + (row?.["bytes"] as number),
    };
  }, NOTHING);
}

/** Deletes rows. Their number is not bounded, so they are not read. */
function deleteAll(database: Database, rows: readonly Rows[]): Garbage {
  const garbage: BlobId[] = [];
  for (const { where, values } of rows) {
    const paths = `SELECT path FROM files WHERE ${where}
      AND substr(path, 1, ${INLINE_PREFIX.length}) <> '${INLINE_PREFIX}'`;
    garbage.push(
      ...database.all(`${paths} LIMIT ${MAX_GARBAGE + 1}`, ...values)
        .map(({ path }) => path as BlobId),
    );
    database.run(
      `INSERT INTO orphans (path) ${paths} ON CONFLICT DO UPDATE SET reserved = 0`,
      ...values,
    );
    database.run(`DELETE FROM files WHERE ${where}`, ...values);
  }
  return { garbage: garbage.slice(0, MAX_GARBAGE), isMore: garbage.length > MAX_GARBAGE };
}
