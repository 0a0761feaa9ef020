/**
 * Lists of files, in pages.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { BlobId } from "../../../blobs/blob_store.ts";
import type {
  AllFilesPage,
  FilePage,
  ImplicitFolder,
  ListPage,
  StoredFile,
  VersionPage,
} from "../../files.ts";
import { nameKey } from "../../name_key.ts";
import { firstBehind, type NameRange, rangeAfter } from "../../name_ranges.ts";
import { type Row, toFile, toImplicitFolder } from "../../rows.ts";
import type { Queries } from "../database.ts";
import { FILE_COLUMNS } from "./file_columns.ts";
import { BY_NAME, inRange, isAfter, isNamed, isWithin } from "./name_conditions.ts";

/** The size of a page in bytes, which its last row can exceed: a connection keeps a page while its peer does not read. */
const PAGE_BYTES = 64 * 1024;
/** The most rows of a page. Postgres reads as many, even if they are too large for a page. */
const MAX_ROWS = 500;
/** The approximate size of a row without its names, in bytes. */
const ROW_BYTES = 512;

/**
 * Rows in an order, as many as fit into a page. `rows`: what to select from, which has the columns of `files`; already
 * limited.
 */
function pageOf(
  rows: string,
  order: string,
  columns = FILE_COLUMNS,
  bytes = PAGE_BYTES,
): string {
  return `SELECT * FROM (
    SELECT ${columns}, coalesce(sum(${ROW_BYTES} + 3 * octet_length(name)) OVER (
      ORDER BY ${order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
    FROM (${rows}) AS files
  ) AS page WHERE bytes_before < ${bytes} ORDER BY bytes_before`;
}

/** A page of rows of current files in a range, by name. `bytes`: its size, {@link PAGE_BYTES} by default. */
export async function currentFrom(
  queries: Queries,
  owner: Bytes,
  range: NameRange,
  limit: number,
  { columns, bytes }: { readonly columns?: string; readonly bytes?: number } = {},
): Promise<Row[]> {
  const { where, values } = inRange(owner, range);
  const rows =
    `SELECT * FROM files WHERE ${where} AND current ORDER BY ${BY_NAME} LIMIT $6::bigint`;
  const query = pageOf(rows, BY_NAME, columns, bytes);
  return await queries.all(query, ...values, Math.min(limit, MAX_ROWS));
}

/** A page of current files. */
export async function list(
  queries: Queries,
  owner: Bytes,
  { prefix = "", after = "", limit }: FilePage,
): Promise<StoredFile[]> {
  const range = rangeAfter(nameKey(prefix), nameKey(after));
  return (await currentFrom(queries, owner, range, limit)).map(toFile);
}

/** A page of the names without a current version. */
export async function listRemoved(
  queries: Queries,
  owner: Bytes,
  { prefix = "", after = "", limit }: FilePage,
): Promise<ListPage<StoredFile>> {
  const range = rangeAfter(nameKey(prefix), nameKey(after));
  const { rows, isLast } = await newestFrom(queries, owner, range);
  const removed: Row[] = [];
  for (const row of rows) {
    if (row["current"]) continue;
    removed.push(row);
    if (removed.length === limit) {
      return { files: removed.map(toFile), next: row["name"] as string };
    }
  }
  const next = isLast ? undefined : rows.at(-1)?.["name"] as string;
  return { files: removed.map(toFile), next };
}

/** A page of the newest version of each name, which is the current one if the name has one. */
export async function newestFrom(
  queries: Queries,
  owner: Bytes,
  range: NameRange,
): Promise<{ readonly rows: readonly Row[]; readonly isLast: boolean }> {
  const { where, values } = inRange(owner, range);
  const newest = `SELECT DISTINCT ON (${BY_NAME}) * FROM files WHERE ${where}
    ORDER BY ${BY_NAME}, version DESC LIMIT ${MAX_ROWS}`;
  const columns = `id, ${FILE_COLUMNS}, count(*) OVER () AS found`;
  const rows = await queries.all(pageOf(newest, BY_NAME, columns), ...values);
  const found = (rows[0]?.["found"] ?? 0) as number;
  return { rows, isLast: rows.length === found && found < MAX_ROWS };
}

/** A page of the versions of a file, newest first. */
export async function versions(
  queries: Queries,
  owner: Bytes,
  name: string,
  { before = Infinity, limit }: VersionPage,
): Promise<StoredFile[]> {
  const rows = `SELECT * FROM files WHERE client_id = $1 AND ${isNamed("$2::text")}
    AND version < $3 ORDER BY version DESC LIMIT $4::bigint`;
  const values = [owner, nameKey(name), Math.min(before, Number.MAX_SAFE_INTEGER)];
  const query = pageOf(rows, "version DESC");
  return (await queries.all(query, ...values, Math.min(limit, MAX_ROWS))).map(toFile);
}

/** A page of the files and the history of an account. */
export async function listAll(
  queries: Queries,
  owner: Bytes,
  { after, limit = MAX_ROWS }: AllFilesPage = {},
): Promise<StoredFile[]> {
  const order = `${BY_NAME}, version`;
  const rows = `SELECT * FROM files WHERE client_id = $1 AND ${isAfter("$2::text", "version", "$3")}
    ORDER BY ${order} LIMIT $4::bigint`;
  const values = [owner, nameKey(after?.name ?? ""), after?.version ?? 0];
  const query = pageOf(rows, order);
  return (await queries.all(query, ...values, Math.min(limit, MAX_ROWS))).map(toFile);
}

/** A page of the files of all accounts, by blob. */
export async function scan(
  queries: Queries,
  after: BlobId | undefined,
  limit: number,
): Promise<StoredFile[]> {
  const rows = "SELECT * FROM files WHERE path > $1 ORDER BY path LIMIT $2::bigint";
  const values = [after ?? "", Math.min(limit, MAX_ROWS)];
  return (await queries.all(pageOf(rows, "path"), ...values)).map(toFile);
}

/**
 * Walks over one level. Names below a folder are skipped with one look-up. Each step finds the first row after the position
 * of the one before.
 */
const LEVEL = `WITH RECURSIVE level AS (
    SELECT one.*, 1 AS step FROM (${step("$2::text", "$3::text", "$4::text")}) AS one
    UNION ALL
    SELECT one.*, level.step + 1 FROM level CROSS JOIN LATERAL (
      ${step("$2::text", "level.start", "level.excluded")}
    ) AS one WHERE level.step < $6
  )
  SELECT ${FILE_COLUMNS}, folder, EXISTS (SELECT FROM files AS own WHERE own.client_id = $1
      AND own.current AND ${isNamed("level.folder", "own")}) AS has_row
  FROM level JOIN files USING (id) ORDER BY step`;

/**
 * The first row of a range. `folder`: the folder of the level that it is below. `start` and `excluded`: the range of the
 * following step.
 */
function step(prefix: string, start: string, excluded: string): string {
  return `SELECT id, folder, coalesce(folder || '0', name) AS start,
      CASE WHEN folder IS NULL THEN name ELSE '' END AS excluded
    FROM (
      SELECT id, name, CASE WHEN position('/' IN substring(name FROM length(${prefix}) + 1)) > 0
        THEN ${prefix} || split_part(substring(name FROM length(${prefix}) + 1), '/', 1) END AS folder
      FROM files WHERE client_id = $1 AND current AND ${isWithin(prefix, start, excluded, "$5")}
      ORDER BY ${BY_NAME} LIMIT 1
    ) AS first`;
}

/** A page of one level. A position ends in `/` after a folder with names below it. */
export async function listLevel(
  queries: Queries,
  owner: Bytes,
  { prefix = "", after = "", limit }: FilePage,
): Promise<ListPage<StoredFile | ImplicitFolder>> {
  const key = nameKey(prefix);
  const end = firstBehind(key) ?? null;
  const steps = Math.min(limit, MAX_STEPS);
  for (let last = nameKey(after);;) {
    const [start, excluded] = last.endsWith("/") ? [firstBehind(last) as string, ""] : [last, last];
    const rows: Row[] = await queries.all(LEVEL, owner, key, start, excluded, end, steps);
    const files = rows.flatMap((row): (StoredFile | ImplicitFolder)[] => {
      const folder = row["folder"] as string | null;
      if (folder === null) return [toFile(row)];
      return row["has_row"] ? [] : [toImplicitFolder(row, folder)];
    });
    const row: Row | undefined = rows.at(-1);
    if (row === undefined || rows.length < steps) return { files, next: undefined };
    last = row["folder"] === null ? row["name"] as string : `${row["folder"]}/`;
    if (files.length > 0) return { files, next: last };
  }
}

/** The most steps in one look-up of a level: with the longest names, 1 MiB. */
const MAX_STEPS = 64;
