/**
 * Files: the current version of each name, and old versions.
 *
 * @module
 */
import type { BlobId } from "../../../blobs/blob_store.ts";
import type { Bytes } from "../../../../protocol/bytes.ts";
import type {
  AllFilesPage,
  CommitOptions,
  CommitResult,
  CommittedFile,
  Damage,
  FileDigest,
  FilePage,
  FileQuery,
  FoundFile,
  NewFile,
  RenameResult,
  StoredFile,
  UsageBeside,
  VersionPage,
} from "../../files.ts";
import { CatalogRefusal } from "../../refusal.ts";
import { type Account, PROTOCOL_4 } from "../../accounts.ts";
import type { Database } from "../database.ts";
import { FILE_COLUMNS, type Row, STORED_COLUMNS, toFile } from "../rows.ts";
import { findBy } from "./accounts.ts";
import { read, write } from "./operation.ts";
import { endGarbage, makeGarbage } from "./blob_references.ts";
import { CHUNKS_PAGE } from "../../bounds.ts";
import { page } from "./page.ts";
import { checkQuota, usageBeside } from "./usage.ts";

/** The default number of files in a list. */
const MAX_LISTED = 1000;

export const FILE_OPERATIONS = {
  commit: write((database, file: CommittedFile, options: CommitOptions = {}): CommitResult => {
    const { accountId, name, content: { id }, storedAt } = file;
    const { quota, keep = 0, staged } = options;
    const owner = refuseOwner(database, file);
    const { newest, isCurrent } = versionsOf(database, accountId, name);
    // A name in use has been checked before.
    if (!isCurrent && file.tree !== undefined) refuseConflict(database, accountId, name);
    const version = newest + 1;
    const garbage = newest === 0 ? [] : replaceOthers(database, file, keep);
    insert(database, { ...file, version }, options.chunks);
    if (staged !== undefined) database.run("DELETE FROM partials WHERE path = ?", staged);
    checkQuota(database, accountId, quota, owner?.quota);
    endGarbage(database, id);
    database.run("UPDATE clients SET last_seen = ? WHERE id = ?", storedAt, accountId);
    return { version, garbage };
  }),
  find: read((
    database,
    owner: Bytes,
    name: string,
    { version, want = "row" }: FileQuery = {},
  ): FoundFile | undefined =>
    want === "all" ? findAll(database, owner, name, version) : find(database, owner, name, version)
  ),
  chunkDigests: read((database, path: BlobId, from?: number): Bytes | undefined => {
    const query = `SELECT length(chunks) AS chunks_size,
      substr(chunks, ?, ${CHUNKS_PAGE}) AS chunks FROM files WHERE path = ?`;
    const [row] = database.all(query, (from ?? 0) + 1, path);
    return (row?.["chunks_size"] ?? null) === null ? undefined : pageOf(row as Row);
  }),
  content: read((database, path: BlobId) => valueAt<Bytes>(database, "content", path)),
  contentSize: read((database, path: BlobId) => valueAt<number>(database, "length(content)", path)),
  setDigests: write(
    (database, path: BlobId, { mtime, digest }: FileDigest, chunks: Bytes): void => {
      const query =
        "UPDATE files SET mtime = ?, digest = ?, chunks = ? WHERE path = ? AND digest IS NULL";
      database.run(query, mtime, digest, chunks, path);
    },
  ),
  setDamage: write((database, path: BlobId, damage: Damage | undefined): boolean => {
    const query = "SELECT 1 FROM files WHERE path = ? AND damage IS NOT ?";
    const isNew = database.all(query, path, damage ?? null).length > 0;
    if (isNew) database.run("UPDATE files SET damage = ? WHERE path = ?", damage ?? null, path);
    return isNew;
  }),
  list: read((database, owner: Bytes, page: FilePage): StoredFile[] =>
    listCurrent(database, owner, page)
  ),
  versions: read((
    database,
    owner: Bytes,
    name: string,
    { before = Infinity, limit }: VersionPage,
  ): StoredFile[] =>
    page(limit, (last, step) =>
      database.all(
        `SELECT ${FILE_COLUMNS} FROM files WHERE client_id = ? AND name = ? AND version < ?
         ORDER BY version DESC LIMIT ?`,
        ...[owner, name, last === undefined ? before : last["version"] as number, step],
      )).map(toFile)
  ),
  remove: write((database, accountId: Bytes, name: string): BlobId[] | undefined => {
    const paths = database.all(
      "SELECT path FROM files WHERE client_id = ? AND name = ?",
      accountId,
      name,
    )
      .map((row) => row["path"] as BlobId);
    if (paths.length === 0) return undefined;
    database.run("DELETE FROM files WHERE client_id = ? AND name = ?", accountId, name);
    return makeGarbage(database, paths);
  }),
  rename: write((database, accountId: Bytes, oldName: string, newName: string): RenameResult => {
    if (find(database, accountId, oldName) === undefined) return "missing";
    if (versionsOf(database, accountId, newName).newest > 0) return "taken";
    const query = "UPDATE files SET name = ? WHERE client_id = ? AND name = ?";
    database.run(query, newName, accountId, oldName);
    refuseConflict(database, accountId, newName);
    return "renamed";
  }),
  listAll: read((
    database,
    owner: Bytes,
    { after, limit = MAX_LISTED }: AllFilesPage = {},
  ): StoredFile[] =>
    page(limit, (last, step) => {
      const { name = "", version = 0 } = last === undefined ? after ?? {} : toFile(last);
      return database.all(
        `SELECT ${FILE_COLUMNS} FROM files WHERE client_id = ? AND (name, version) > (?, ?)
         ORDER BY name, version LIMIT ?`,
        ...[owner, name, version, step],
      );
    }).map(toFile)
  ),
  scan: read((database, after: BlobId | undefined, limit: number): StoredFile[] =>
    page(limit, (last, step) =>
      database.all(
        `SELECT ${FILE_COLUMNS} FROM files WHERE path > ? ORDER BY path LIMIT ?`,
        ...[last === undefined ? after ?? "" : last["path"] as string, step],
      )).map(toFile)
  ),
  forget: write((database, path: BlobId): void => {
    database.run("DELETE FROM files WHERE path = ?", path);
  }),
  usage: read((database, owner: Bytes, beside?: NewFile): UsageBeside =>
    usageBeside(database, owner, beside)
  ),
};

function insert(database: Database, file: CommittedFile, chunks: Bytes | undefined): void {
  const { accountId, name, version, content, size, crc, storedAt, verified, tree } = file;
  database.run(
    `INSERT INTO files (${STORED_COLUMNS}, chunks, content)
     VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[accountId, name, version ?? 1, content.id, size, crc, storedAt, verified ? 1 : 0],
    ...[tree?.mtime ?? null, tree?.digest ?? null, chunks ?? null],
    content.kind === "inline" ? content.bytes : null,
  );
}

/** The current version of a file, or the one with a number from 1 on. */
function find(
  database: Database,
  accountId: Bytes,
  name: string,
  version?: number,
): StoredFile | undefined {
  return rowsOf(database, FILE_COLUMNS, accountId, name, version).map(toFile)[0];
}

/** Also reads the first page of chunk digests and, if the catalog stores it, the content. */
function findAll(
  database: Database,
  owner: Bytes,
  name: string,
  version?: number,
): FoundFile | undefined {
  const columns = `${FILE_COLUMNS}, length(chunks) AS chunks_size,
    substr(chunks, 1, ${CHUNKS_PAGE}) AS chunks, content`;
  const row = rowsOf(database, columns, owner, name, version)[0];
  if (row === undefined) return undefined;
  const size = row["chunks_size"] as number | null;
  const bytes = row["content"] as Bytes | null;
  return {
    ...toFile(row),
    ...(size === null ? {} : { chunks: { size, first: pageOf(row) } }),
    ...(bytes === null ? {} : { bytes }),
  };
}

function rowsOf(
  database: Database,
  columns: string,
  accountId: Bytes,
  name: string,
  version = 0,
): Row[] {
  const ofName = `SELECT ${columns} FROM files WHERE client_id = ? AND name = ?`;
  return version === 0
    ? database.all(`${ofName} AND current = 1`, accountId, name)
    : database.all(`${ofName} AND version = ?`, accountId, name, version);
}

/** A page of digests. SQLite returns NULL for a part of an empty blob. */
function pageOf(row: Row): Bytes {
  return (row["chunks"] as Bytes | null) ?? new Uint8Array(0);
}

/** A value of the file with this blob id, if the file exists and has the value. */
function valueAt<T extends Bytes | number>(
  database: Database,
  value: "content" | "length(content)",
  path: string,
): T | undefined {
  const [row] = database.all(`SELECT ${value} AS value FROM files WHERE path = ?`, path);
  return (row?.["value"] as T | null | undefined) ?? undefined;
}

/** The newest version of a name, or 0, and whether the name has a current version. */
function versionsOf(database: Database, accountId: Bytes, name: string) {
  const query = `SELECT coalesce(max(version), 0) AS newest, coalesce(max(current), 0) AS current
    FROM files WHERE client_id = ? AND name = ?`;
  const [row] = database.all(query, accountId, name);
  return { newest: row?.["newest"] as number, isCurrent: row?.["current"] === 1 };
}

/**
 * Makes the current version of a name an old one. Discards versions that are not kept, and returns their blobs: all but
 * the newest `keep`, and damaged ones with the new file's content.
 */
function replaceOthers(database: Database, file: CommittedFile, keep: number): BlobId[] {
  const { accountId, name } = file;
  const garbage = [...dropMended(database, file), ...dropOldest(database, file, keep)];
  const replace = "UPDATE files SET current = 0 WHERE client_id = ? AND name = ? AND current = 1";
  database.run(replace, accountId, name);
  return garbage;
}

/** Discards damaged versions that had the same content. */
function dropMended(
  database: Database,
  { accountId, name, size, crc, tree }: CommittedFile,
): BlobId[] {
  const query = `SELECT path FROM files WHERE client_id = ? AND name = ? AND damage IS NOT NULL
    AND size = ? AND crc = ? AND (digest IS NULL OR digest = coalesce(?, digest))`;
  return drop(database, database.all(query, accountId, name, size, crc, tree?.digest ?? null));
}

/** Discards all versions of a name except the newest `keep`. */
function dropOldest(
  database: Database,
  { accountId, name }: CommittedFile,
  keep: number,
): BlobId[] {
  const query = `SELECT path FROM files WHERE client_id = ? AND name = ?
    ORDER BY version DESC LIMIT -1 OFFSET ?`;
  // SQLite has no Infinity.
  const offset = Math.min(keep, Number.MAX_SAFE_INTEGER);
  return drop(database, database.all(query, accountId, name, offset));
}

function drop(database: Database, rows: readonly Row[]): BlobId[] {
  const paths = rows.map((row) => row["path"] as BlobId);
  for (const path of paths) database.run("DELETE FROM files WHERE path = ?", path);
  return makeGarbage(database, paths);
}

/**
 * Checks that files of protocol 4 fit into one tree of folders. If a folder above the name is a file, it is the common
 * prefix of the name and its predecessor in the order of names, since nothing else is stored below a file. One look-up is
 * enough for any depth.
 */
function refuseConflict(database: Database, accountId: Bytes, name: string): void {
  const current = "SELECT name FROM files WHERE client_id = ? AND current = 1";
  const isStored = (name: string) =>
    database.all(`${current} AND name = ?`, accountId, name).length > 0;
  const isFolder = (name: string) => {
    const below = `${name}/`;
    const between = `${current} AND name > ? AND name < ? LIMIT 1`;
    return database.all(between, accountId, below, firstBehind(below) as string).length > 0;
  };
  const before = `${current} AND name < ? ORDER BY name DESC LIMIT 1`;
  const [row] = database.all(before, accountId, name);
  const parting = commonLength(name, (row?.["name"] ?? "") as string);
  const isBelowFile = name[parting] === "/" && isStored(name.slice(0, parting));
  if (isBelowFile || isFolder(name)) throw new CatalogRefusal("name-conflict");
}

/** The length of the common prefix of two texts. */
function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

function listCurrent(
  database: Database,
  owner: Bytes,
  { prefix = "", after = "", limit }: FilePage,
): StoredFile[] {
  // Only the higher of the two lower bounds: with both, SQLite might search from one and scan all rows up to the other.
  const query = `SELECT ${FILE_COLUMNS} FROM files WHERE client_id = ? AND current = 1
    AND name >= max(?, ?) AND name <> ?`;
  const end = firstBehind(prefix);
  const rows = page(limit, (last, step) => {
    const start = last === undefined ? after : last["name"] as string;
    const from = [owner, prefix, start, start];
    return end === undefined
      ? database.all(`${query} ORDER BY name LIMIT ?`, ...from, step)
      : database.all(`${query} AND name < ? ORDER BY name LIMIT ?`, ...from, end, step);
  });
  return rows.map(toFile);
}

const LAST_CODE_POINT = 0x10ffff;
const SURROGATES = { first: 0xd800, last: 0xdfff };

/** The lowest text after all that begin with `prefix`, by code points; `undefined` if no text comes after them. */
export function firstBehind(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) as number);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  const next = last + 1 === SURROGATES.first ? SURROGATES.last + 1 : last + 1;
  return String.fromCodePoint(...points, next);
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
