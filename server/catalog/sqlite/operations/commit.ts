/**
 * Commits: a file becomes the current version of its name, and what it replaces becomes history.
 *
 * @module
 */
import type { BlobId } from "../../../blobs/blob_store.ts";
import { type Bytes, equalBytes } from "../../../../protocol/bytes.ts";
import { ENTRY_KINDS } from "../../../../protocol/entry.ts";
import { splitNanoseconds } from "../../../../protocol/nanoseconds.ts";
import type {
  CommitOptions,
  CommitResult,
  CommittedFile,
  Metadata,
  MetadataResult,
} from "../../files.ts";
import { nameKey } from "../../name_key.ts";
import { CatalogRefusal } from "../../refusal.ts";
import { type Account, PROTOCOL_4, type Usage } from "../../accounts.ts";
import type { Database } from "../database.ts";
import { kindOf, nameOf, type Row, STORED_COLUMNS } from "../rows.ts";
import { findBy } from "./accounts.ts";
import { endGarbage, makeGarbage } from "./blob_references.ts";
import { drop, hasSurplus, trim } from "./history.ts";
import { refuseConflict } from "./name_tree.ts";
import { write } from "./operation.ts";
import { checkQuota, isUnlimited, quotaOf, usageOf } from "./usage.ts";

export const COMMIT_OPERATIONS = {
  commit: write((database, file: CommittedFile, options: CommitOptions = {}): CommitResult => {
    const { accountId, content: { id }, storedAt, kind = "file", tree } = file;
    const { quota, keepHistory = false, staged } = options;
    const owner = refuseOwner(database, file);
    const name = nameKey(file.name);
    const newest = newestVersion(database, accountId, name);
    const current = newest === 0 ? undefined : currentRow(database, accountId, name);
    if (current !== undefined && nameOf(current) !== file.name) {
      throw new CatalogRefusal("other-form");
    }
    const before = current && kindOf(current);
    if (tree !== undefined) refuseConflict(database, accountId, name, kind, before);
    if (staged !== undefined) database.run("DELETE FROM partials WHERE path = ?", staged);
    database.run("UPDATE clients SET last_seen = ? WHERE id = ?", storedAt, accountId);
    if (current !== undefined && before === "folder" && kind === "folder" && tree !== undefined) {
      setMetadata(database, current, { mode: file.mode, mtime: tree.mtime });
      const garbage = makeGarbage(database, [id]);
      return { version: current["version"] as number, garbage, hasSurplus: false };
    }
    const mended = newest === 0 ? [] : mendedRows(database, file, name);
    const garbage = [...drop(database, mended).garbage];
    const ends = current !== undefined && !mended.some((row) => row["id"] === current["id"]);
    if (ends) garbage.push(...end(database, current, keepHistory, storedAt));
    insert(database, file, name, newest + 1, options.chunks);
    const limit = quotaOf(quota, owner?.quota);
    const trimmed = makeRoom(database, accountId, limit, ends && keepHistory);
    endGarbage(database, id);
    return {
      version: newest + 1,
      ...current === undefined ? {} : { replaced: toReplaced(current, file.storedBy) },
      garbage: [...garbage, ...trimmed.garbage],
      hasSurplus: trimmed.hasSurplus,
    };
  }),
  update: write((
    database,
    owner: Bytes,
    name: string,
    version: number,
    metadata: Metadata,
  ): MetadataResult => {
    const current = currentRow(database, owner, nameKey(name));
    if (current === undefined) return "missing";
    if (current["version"] !== version) return "changed";
    setMetadata(database, current, metadata);
    return "updated";
  }),
};

/** The newest version of a name, or 0. */
export function newestVersion(database: Database, accountId: Bytes, name: string): number {
  const query = `SELECT version FROM files WHERE client_id = ? AND name = ?
    ORDER BY version DESC LIMIT 1`;
  return (database.all(query, accountId, name)[0]?.["version"] ?? 0) as number;
}

/** The row of the current version of a name. */
export function currentRow(database: Database, accountId: Bytes, name: string): Row | undefined {
  const query = `SELECT id, name, given, version, kind, path, size, stored_by FROM files
    WHERE client_id = ? AND name = ? AND current = 1`;
  return database.all(query, accountId, name)[0];
}

/** Makes a current version history, or deletes it. Returns its blob, if that became garbage. */
export function end(
  database: Database,
  row: Row,
  keepHistory: boolean,
  now: number,
): readonly BlobId[] {
  if (!keepHistory) return drop(database, [row]).garbage;
  database.run("UPDATE files SET current = 0, ended_at = ? WHERE id = ?", now, row["id"] as number);
  return [];
}

/**
 * Drops the oldest history that is over the quota. `isLonger`: whether the history has grown. Throws `CatalogRefusal` if
 * everything else is over the quota.
 */
export function makeRoom(
  database: Database,
  accountId: Bytes,
  quota: Usage,
  isLonger: boolean,
): Pick<CommitResult, "garbage" | "hasSurplus"> {
  if (isUnlimited(quota) && !isLonger) return { garbage: [], hasSurplus: false };
  const used = usageOf(database, accountId);
  checkQuota(used, quota);
  const { files, bytes, garbage } = trim(database, accountId, used, quota);
  const history = { files: used.history.files - files, bytes: used.history.bytes - bytes };
  return { garbage, hasSurplus: hasSurplus({ ...used, history }, quota) };
}

function toReplaced(current: Row, storedBy: Bytes | undefined) {
  const other = current["stored_by"] as Bytes | null;
  const byOther = other !== null && storedBy !== undefined && !equalBytes(other, storedBy);
  return { version: current["version"] as number, byOther };
}

function setMetadata(database: Database, row: Row, { mode, mtime }: Metadata): void {
  const { ms, ns } = splitNanoseconds(mtime);
  const query = "UPDATE files SET mode = ?, mtime = ?, mtime_ns = ? WHERE id = ?";
  database.run(query, mode ?? null, ms, ns, row["id"] as number);
}

function insert(
  database: Database,
  file: CommittedFile,
  key: string,
  version: number,
  chunks: Bytes | undefined,
): void {
  const { accountId, name, kind = "file", mode, content, size, crc, storedAt, storedBy } = file;
  const { ms, ns } = file.tree === undefined
    ? { ms: null, ns: 0 }
    : splitNanoseconds(file.tree.mtime);
  database.run(
    `INSERT INTO files (${STORED_COLUMNS})
     VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?)`,
    ...[accountId, key, name === key ? null : name, version, ENTRY_KINDS.indexOf(kind)],
    ...[mode ?? null, content.id, size, crc, storedAt, storedBy ?? null, file.verified ? 1 : 0],
    ...[ms, ns, file.tree?.digest ?? null],
  );
  if (chunks === undefined && content.kind === "blob") return;
  database.run(
    "INSERT INTO contents (file, chunks, content) VALUES (last_insert_rowid(), ?, ?)",
    chunks ?? null,
    content.kind === "inline" ? content.bytes : null,
  );
}

/** Damaged versions that had the same content. The new file repairs them. */
function mendedRows(
  database: Database,
  { accountId, size, crc, tree }: CommittedFile,
  name: string,
): Row[] {
  const query = `SELECT id, path, size FROM files
    WHERE client_id = ? AND name = ? AND damage IS NOT NULL
    AND size = ? AND crc = ? AND (digest IS NULL OR digest = coalesce(?, digest))`;
  return database.all(query, accountId, name, size, crc, tree?.digest ?? null);
}

/**
 * The owner of a file. Throws if a change since the upload began forbids storing it. A file of protocol 3 has no
 * digest.
 */
function refuseOwner(database: Database, { accountId, tree }: CommittedFile): Account | undefined {
  const owner = findBy(database, "id = ?", accountId);
  if (owner?.disabled) throw new CatalogRefusal("account-disabled");
  if (owner?.storedProfile.edition === PROTOCOL_4 && tree === undefined) {
    throw new CatalogRefusal("other-protocol");
  }
  return owner;
}
