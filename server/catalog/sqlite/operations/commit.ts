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
import { storedEvent } from "../../hook_events.ts";
import { nameKey } from "../../name_key.ts";
import { checkQuota, hasSurplus, isUnlimited, quotaOf } from "../../quotas.ts";
import { CatalogRefusal, type RefusalReason } from "../../refusal.ts";
import { type Account, mayReplace, PROTOCOL_4, type Usage } from "../../accounts.ts";
import type { Database } from "../database.ts";
import { isInline } from "../../inline_ids.ts";
import { kindOf, nameOf, type Row } from "../../rows.ts";
import { STORED_COLUMNS } from "../columns.ts";
import { findBy } from "./accounts.ts";
import { endGarbage, makeGarbage } from "./blob_references.ts";
import { drop, trim } from "./history.ts";
import { queueHooks } from "./hooks.ts";
import { isConflict, type KnownPlace } from "./name_tree.ts";
import { write } from "./operation.ts";
import { addUsage, usageOf } from "./usage.ts";

export const COMMIT_OPERATIONS = {
  commit: write((database, file: CommittedFile, options: CommitOptions = {}): CommitResult => {
    const { accountId, content: { id }, storedAt } = file;
    const { quota, keepHistory = false, staged, chunks } = options;
    const owner = refuseOwnerOf(database, file);
    const key = nameKey(file.name);
    const newest = newestRow(database, accountId, key);
    const isKept = isSame(database, file, newest);
    const refusal = refusalOf(database, file, key, newest) ??
      refusalToReplace(owner, file, newest, isKept);
    if (refusal !== undefined) throw new CatalogRefusal(refusal);
    if (staged !== undefined) database.run("DELETE FROM partials WHERE path = ?", staged);
    database.run("UPDATE clients SET last_seen = ? WHERE id = ?", storedAt, accountId);
    if (isKept && newest !== undefined) {
      const mtime = splitNanoseconds(file.tree?.mtime ?? 0n);
      const garbage = keep(database, owner, file, newest, mtime);
      return { version: newest["version"] as number, garbage, hasSurplus: false };
    }
    const { garbage, hasEnded, ...placed } = place(database, file, key, newest, {
      keepHistory,
      chunks,
    });
    addUsage(database, accountId, { files: 1, bytes: file.size });
    const limit = quotaOf(quota, owner.quota);
    const trimmed = makeRoom(database, owner, limit, hasEnded && keepHistory);
    endGarbage(database, id);
    queueHooks(database, "stored", () => [storedEvent(owner, file, placed.version)]);
    return {
      ...placed,
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
    setMetadata(database, current, metadata.mode, splitNanoseconds(metadata.mtime));
    return "updated";
  }),
};

const NEWEST =
  `SELECT id, name, given, version, current, kind, mode, path, size, crc, stored_by, mtime,
    mtime_ns, digest, damage
  FROM files WHERE client_id = ? AND name = ? ORDER BY version DESC LIMIT 1`;

/** The row of the newest version of a name, which is the current one if the name has one. */
export function newestRow(database: Database, accountId: Bytes, key: string): Row | undefined {
  return database.get(NEWEST, accountId, key);
}

/** The newest version of a name, or 0. */
export function newestVersion(database: Database, accountId: Bytes, name: string): number {
  const query = `SELECT version FROM files WHERE client_id = ? AND name = ?
    ORDER BY version DESC LIMIT 1`;
  return (database.all(query, accountId, name)[0]?.["version"] ?? 0) as number;
}

/** The row of the current version of a name. */
export function currentRow(database: Database, accountId: Bytes, name: string): Row | undefined {
  return database.get(CURRENT, accountId, name);
}

const CURRENT = `SELECT id, name, given, version, kind, mode, path, size, stored_by, mtime, mtime_ns
  FROM files WHERE client_id = ? AND name = ? AND current = 1`;

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
  owner: Pick<Account, "id" | "access">,
  quota: Usage,
  isLonger: boolean,
): Pick<CommitResult, "garbage" | "hasSurplus"> {
  if (!isUnlimited(quota)) checkQuota(usageOf(database, owner.id), quota);
  return trimAfter(database, owner, quota, isLonger);
}

/** Drops the oldest history that is over the quota after a change: see {@link makeRoom}. */
export function trimAfter(
  database: Database,
  { id: accountId, access }: Pick<Account, "id" | "access">,
  quota: Usage,
  isLonger: boolean,
): Pick<CommitResult, "garbage" | "hasSurplus"> {
  // Nobody who may only add files should push out what the account had before.
  const isKept = !mayReplace(access);
  if (isKept || (isUnlimited(quota) && !isLonger)) return { garbage: [], hasSurplus: false };
  const used = usageOf(database, accountId);
  const { files, bytes, garbage } = trim(database, accountId, used, quota);
  const history = { files: used.history.files - files, bytes: used.history.bytes - bytes };
  return { garbage, hasSurplus: hasSurplus({ ...used, history }, quota) };
}

/** Why a file cannot be stored under its name. `newest`: the newest version of the name. */
export function refusalOf(
  database: Database,
  { accountId, name, kind = "file", tree }: EntryToPlace,
  key: string,
  newest: Row | undefined,
  known?: KnownPlace,
): RefusalReason | undefined {
  const current = currentOf(newest);
  if (current !== undefined && nameOf(current) !== name) return "other-form";
  const before = current && kindOf(current);
  const conflicts = tree !== undefined &&
    isConflict(database, accountId, key, kind, before, known);
  return conflicts ? "name-conflict" : undefined;
}

/** A file to place, whose content need not be known. */
export type EntryToPlace = Pick<CommittedFile, "accountId" | "name" | "kind" | "tree">;

/** The newest version, if it is the current one. */
export function currentOf(newest: Row | undefined): Row | undefined {
  return newest?.["current"] === 1 ? newest : undefined;
}

/** Whether the current version has the same content, or is a folder like the new one. */
export function isSame(
  database: Database,
  { kind = "file", size, crc, tree }: Omit<CommittedFile, "content">,
  newest: Row | undefined,
): newest is Row {
  const current = currentOf(newest);
  if (current === undefined || tree === undefined || kindOf(current) !== kind) return false;
  if (kind === "folder") return true;
  const { damage, digest } = current;
  const hasSums = damage === null && current["size"] === size && current["crc"] === crc &&
    digest !== null && equalBytes(digest as Bytes, tree.digest);
  if (!hasSums || !isInline(current["path"] as BlobId)) return hasSums;
  return database.get(CONTENT_SIZE, current["id"] as number)?.["size"] === size;
}

const CONTENT_SIZE = "SELECT length(content) AS size FROM contents WHERE file = ?";
const SET_BLOB = "UPDATE files SET path = ?, confirmed_at = ? WHERE id = ?";
const SET_CONTENT = `INSERT INTO contents (file, content) VALUES (?, ?)
  ON CONFLICT DO UPDATE SET content = excluded.content`;

/**
 * Keeps a version with the same content, with the metadata of the new one. The new content takes the place of a blob,
 * because the catalog cannot know whether that is still there. Of an account that may replace nothing, it must have been
 * hashed: its client could have sent another one. Returns the blobs that became garbage.
 */
export function keep(
  database: Database,
  { access }: Pick<Account, "access">,
  { mode, content, confirmedAt }: CommittedFile,
  current: Row,
  mtime: { readonly ms: number; readonly ns: number },
): BlobId[] {
  setMetadata(database, current, mode, mtime);
  const [id, path] = [current["id"] as number, current["path"] as BlobId];
  const isProven = mayReplace(access) || confirmedAt !== undefined;
  if (isInline(path) || kindOf(current) === "folder" || !isProven) {
    return makeGarbage(database, [content.id]);
  }
  database.run(SET_BLOB, content.id, confirmedAt ?? null, id);
  if (content.kind === "inline") database.run(SET_CONTENT, id, content.bytes);
  endGarbage(database, content.id);
  return makeGarbage(database, [path]);
}

interface Placed extends Pick<CommitResult, "version" | "replaced" | "garbage"> {
  /** Whether a current version has ended. */
  readonly hasEnded: boolean;
}

/** Inserts a file as the current version of its name. The caller counts it: see `addUsage`. */
export function place(
  database: Database,
  file: CommittedFile,
  key: string,
  newest: Row | undefined,
  { keepHistory, chunks }: { readonly keepHistory: boolean; readonly chunks: Bytes | undefined },
): Placed {
  if (newest === undefined) {
    insert(database, file, key, 1, chunks);
    return FIRST;
  }
  const current = currentOf(newest);
  const mended = mendedRows(database, file, key);
  const garbage = [...drop(database, mended).garbage];
  const ends = current !== undefined && !mended.some((row) => row["id"] === current["id"]);
  if (ends) garbage.push(...end(database, current, keepHistory, file.storedAt));
  const version = (newest["version"] as number) + 1;
  insert(database, file, key, version, chunks);
  return {
    version,
    ...current === undefined ? {} : { replaced: toReplaced(current, file.storedBy) },
    garbage,
    hasEnded: ends,
  };
}

const FIRST: Placed = { version: 1, garbage: [], hasEnded: false };

function toReplaced(current: Row, storedBy: Bytes | undefined) {
  const other = current["stored_by"] as Bytes | null;
  const byOther = other !== null && storedBy !== undefined && !equalBytes(other, storedBy);
  return { version: current["version"] as number, byOther };
}

const SET_METADATA = "UPDATE files SET mode = ?, mtime = ?, mtime_ns = ? WHERE id = ?";

/** Writes the metadata of a row with `id`, unless the row has them already. */
export function setMetadata(
  database: Database,
  row: Row,
  mode: number | undefined,
  { ms, ns }: { readonly ms: number; readonly ns: number },
): void {
  const isSame = row["mode"] === (mode ?? null) && row["mtime"] === ms && row["mtime_ns"] === ns;
  if (!isSame) database.run(SET_METADATA, mode ?? null, ms, ns, row["id"] as number);
}

const INSERT_FILE = `INSERT INTO files (${STORED_COLUMNS})
  VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?)`;
const INSERT_CONTENT =
  "INSERT INTO contents (file, chunks, content) VALUES (last_insert_rowid(), ?, ?)";
const MENDED = `SELECT id, path, size FROM files
  WHERE client_id = ? AND name = ? AND damage IS NOT NULL
  AND size = ? AND crc = ? AND (digest IS NULL OR digest = coalesce(?, digest))`;

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
    INSERT_FILE,
    ...[accountId, key, name === key ? null : name, version, ENTRY_KINDS.indexOf(kind)],
    ...[mode ?? null, content.id, size, crc, storedAt, storedBy ?? null, file.verified ? 1 : 0],
    ...[ms, ns, file.tree?.digest ?? null, file.confirmedAt ?? null],
  );
  if (chunks === undefined && content.kind === "blob") return;
  const bytes = content.kind === "inline" ? content.bytes : null;
  database.run(INSERT_CONTENT, chunks ?? null, bytes);
}

/** Damaged versions that had the same content. The new file repairs them. */
function mendedRows(
  database: Database,
  { accountId, size, crc, tree }: CommittedFile,
  name: string,
): Row[] {
  return database.all(MENDED, accountId, name, size, crc, tree?.digest ?? null);
}

/**
 * Why an account may not replace the current version of a name. It may send the same file again, and repair a damaged one.
 * `isKept`: whether the content is the same.
 */
export function refusalToReplace(
  { access }: Pick<Account, "access">,
  { mode, size, crc, tree }: Pick<CommittedFile, "mode" | "size" | "crc" | "tree">,
  newest: Row | undefined,
  isKept: boolean,
): RefusalReason | undefined {
  const current = currentOf(newest);
  if (mayReplace(access) || current === undefined) return undefined;
  const digest = current["digest"] as Bytes | null;
  const isRepaired = current["damage"] !== null && current["size"] === size &&
    current["crc"] === crc &&
    (digest === null || tree === undefined || equalBytes(digest, tree.digest));
  if (isRepaired) return undefined;
  const { ms, ns } = splitNanoseconds(tree?.mtime ?? 0n);
  const isEqual = isKept && current["mode"] === (mode ?? null) && current["mtime"] === ms &&
    current["mtime_ns"] === ns;
  return isEqual ? undefined : "append-only";
}

/** The owner of files of protocol 4. Throws if a change since the upload began forbids storing them. */
export function refuseOwner(database: Database, accountId: Bytes): Account {
  const owner = findBy(database, "id = ?", accountId);
  if (owner === undefined) throw new Error("cannot store a file: its owner is missing");
  if (owner.disabled) throw new CatalogRefusal("account-disabled");
  if (owner.access === "read-only") throw new CatalogRefusal("read-only");
  return owner;
}

/** The same for a file of either protocol. A file of protocol 3 has no digest. */
function refuseOwnerOf(database: Database, { accountId, tree }: CommittedFile): Account {
  const owner = refuseOwner(database, accountId);
  if (owner.storedProfile.edition === PROTOCOL_4 && tree === undefined) {
    throw new CatalogRefusal("other-protocol");
  }
  return owner;
}
