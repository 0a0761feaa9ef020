/**
 * Files: the current version of each name, and its history.
 *
 * @module
 */
import type { BlobId } from "../../../blobs/blob_store.ts";
import type { Bytes } from "../../../../protocol/bytes.ts";
import { splitNanoseconds } from "../../../../protocol/nanoseconds.ts";
import type {
  Damage,
  FileDigest,
  FileQuery,
  FoundFile,
  KnownDamage,
  NewFile,
  StoredFile,
  UsageBeside,
} from "../../files.ts";
import { nameKey } from "../../name_key.ts";
import type { Database } from "../database.ts";
import { type Row, toFile } from "../../rows.ts";
import { FILE_COLUMNS, FILES } from "../columns.ts";
import { COMMIT_OPERATIONS } from "./commit.ts";
import { HISTORY_OPERATIONS } from "./history.ts";
import { LIST_OPERATIONS } from "./lists.ts";
import { read, write } from "./operation.ts";
import { CHUNKS_PAGE } from "../../bounds.ts";
import { LOOKUP_OPERATIONS } from "./pack_lookups.ts";
import { PACK_OPERATIONS } from "./packs.ts";
import { REMOVE_OPERATIONS } from "./remove.ts";
import { RENAME_OPERATIONS } from "./rename.ts";
import { RESTORE_OPERATIONS } from "./restore.ts";
import { usageBeside } from "./usage.ts";

export const FILE_OPERATIONS = {
  ...COMMIT_OPERATIONS,
  ...PACK_OPERATIONS,
  ...LOOKUP_OPERATIONS,
  ...LIST_OPERATIONS,
  ...REMOVE_OPERATIONS,
  ...RENAME_OPERATIONS,
  ...RESTORE_OPERATIONS,
  ...HISTORY_OPERATIONS,
  find: read((
    database,
    owner: Bytes,
    name: string,
    { version, want = "row" }: FileQuery = {},
  ): FoundFile | undefined => {
    const key = nameKey(name);
    return want === "all"
      ? findAll(database, owner, key, version)
      : rowsOf(database, FILE_COLUMNS, owner, key, version).map(toFile)[0];
  }),
  chunkDigests: read((database, path: BlobId, from?: number): Bytes | undefined => {
    const query = `SELECT length(chunks) AS chunks_size,
      substr(chunks, ?, ${CHUNKS_PAGE}) AS chunks FROM ${FILES} WHERE path = ?`;
    const [row] = database.all(query, (from ?? 0) + 1, path);
    return (row?.["chunks_size"] ?? null) === null ? undefined : pageOf(row as Row);
  }),
  content: read((database, path: BlobId) => valueAt<Bytes>(database, "content", path)),
  contentSize: read((database, path: BlobId) => valueAt<number>(database, "length(content)", path)),
  setDigests: write(
    (database, path: BlobId, { mtime, digest }: FileDigest, chunks: Bytes): void => {
      const { ms, ns } = splitNanoseconds(mtime);
      const [row] = database.all("SELECT id FROM files WHERE path = ? AND digest IS NULL", path);
      if (row === undefined) return;
      const id = row["id"] as number;
      database.run(
        `UPDATE files SET mtime_ns = CASE WHEN mtime IS NULL THEN ? ELSE mtime_ns END,
           mtime = coalesce(mtime, ?), digest = ? WHERE id = ?`,
        ...[ns, ms, digest, id],
      );
      database.run(
        `INSERT INTO contents (file, chunks) VALUES (?, ?)
           ON CONFLICT DO UPDATE SET chunks = excluded.chunks`,
        ...[id, chunks],
      );
    },
  ),
  unconfirmed: read((database, after: BlobId | undefined, limit: number): StoredFile[] =>
    database.all(UNCONFIRMED, after ?? "", limit).map(toFile)
  ),
  confirm: write((database, path: BlobId, at: number): void => {
    database.run("UPDATE files SET confirmed_at = ? WHERE path = ?", at, path);
  }),
  setDamage: write((database, path: BlobId, damage: Damage | undefined): boolean => {
    const query = "SELECT 1 FROM files WHERE path = ? AND damage IS NOT ?";
    const isNew = database.all(query, path, damage ?? null).length > 0;
    if (isNew) database.run("UPDATE files SET damage = ? WHERE path = ?", damage ?? null, path);
    return isNew;
  }),
  damaged: read((database, limit: number): KnownDamage => {
    // The condition is that of the index `damaged_files`, which has few rows.
    const [row] = database.all("SELECT count(*) AS count FROM files WHERE damage IS NOT NULL");
    const query = `SELECT ${FILE_COLUMNS} FROM ${FILES} WHERE files.damage IS NOT NULL
      ORDER BY client_id, name LIMIT ?`;
    return { count: row?.["count"] as number, files: database.all(query, limit).map(toFile) };
  }),
  forget: write((database, path: BlobId): void => {
    database.run("DELETE FROM files WHERE path = ?", path);
  }),
  usage: read((database, owner: Bytes, beside?: NewFile): UsageBeside =>
    usageBeside(database, owner, beside, nameKey(beside?.name ?? ""))
  ),
};

/** The condition is that of the index `unconfirmed_files`. */
const UNCONFIRMED = `SELECT ${FILE_COLUMNS} FROM ${FILES}
  WHERE files.confirmed_at IS NULL AND files.digest IS NOT NULL AND files.damage IS NULL
  AND files.id > coalesce((SELECT id FROM files WHERE path = ?), 0)
  ORDER BY files.id LIMIT ?`;

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
  const ofName = `SELECT ${columns} FROM ${FILES} WHERE client_id = ? AND name = ?`;
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
  const [row] = database.all(`SELECT ${value} AS value FROM ${FILES} WHERE path = ?`, path);
  return (row?.["value"] as T | null | undefined) ?? undefined;
}
