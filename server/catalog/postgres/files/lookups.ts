/**
 * Look-ups of files: one by one, and many in one call, whose results are records of protocol 4.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import { FetchReader } from "../../../../protocol/v4/fetch.ts";
import type { BlobId } from "../../../blobs/blob_store.ts";
import { CHUNKS_PAGE } from "../../bounds.ts";
import type {
  FileQuery,
  FoundFile,
  KnownDamage,
  NewFile,
  StoredFile,
  UsageBeside,
} from "../../files.ts";
import { nameKey } from "../../name_key.ts";
import { rangeAfter } from "../../name_ranges.ts";
import type { EncodedEntries, EntriesPage, FetchedPage } from "../../packs.ts";
import {
  CONTENTS_BYTES,
  ContentsPage,
  EntriesPageWriter,
  RECORD_COLUMNS,
} from "../../row_records.ts";
import { type Row, toFile } from "../../rows.ts";
import type { Queries } from "../database.ts";
import { usageOf } from "../operations/usage.ts";
import { DAMAGE_COLUMN, FILE_COLUMNS } from "./file_columns.ts";
import { currentFrom } from "./lists.ts";
import { isNamed } from "./name_conditions.ts";
import { rowTable } from "./row_table.ts";

const NOTHING = { bytes: 0, files: 0 };

/** The current file of a name, or a version of it. */
export async function find(
  queries: Queries,
  owner: Bytes,
  name: string,
  { version = 0, want = "row" }: FileQuery = {},
): Promise<FoundFile | undefined> {
  const columns = want === "row" ? FILE_COLUMNS : `${FILE_COLUMNS}, content,
    octet_length(chunks) AS chunks_size, substring(chunks FROM 1 FOR ${CHUNKS_PAGE}) AS chunks`;
  const row = await queries.get(
    `SELECT ${columns} FROM files WHERE client_id = $1 AND ${isNamed("$2::text")}
     AND ${version === 0 ? "current AND $3 = 0" : "version = $3"}`,
    ...[owner, nameKey(name), version],
  );
  if (row === undefined) return undefined;
  const bytes = row["content"] as Bytes | null | undefined;
  const size = row["chunks_size"] as number | null | undefined;
  return {
    ...toFile(row),
    ...(size ?? null) === null
      ? {}
      : { chunks: { size: size as number, first: row["chunks"] as Bytes } },
    ...(bytes ?? null) === null ? {} : { bytes: bytes as Bytes },
  };
}

/** A page of a file's chunk digests. */
export async function chunkDigests(
  queries: Queries,
  id: BlobId,
  from = 0,
): Promise<Bytes | undefined> {
  const query = `SELECT substring(chunks FROM $2::integer FOR ${CHUNKS_PAGE}) AS chunks
    FROM files WHERE path = $1`;
  return ((await queries.get(query, id, from + 1))?.["chunks"] as Bytes | null) ?? undefined;
}

/** The content of a small file. */
export function content(queries: Queries, id: BlobId): Promise<Bytes | undefined> {
  return valueOf<Bytes>(queries, "content", id);
}

/** The size of that content. */
export function contentSize(queries: Queries, id: BlobId): Promise<number | undefined> {
  return valueOf<number>(queries, "octet_length(content)", id);
}

async function valueOf<T>(queries: Queries, value: string, id: BlobId): Promise<T | undefined> {
  const row = await queries.get(`SELECT ${value} AS value FROM files WHERE path = $1`, id);
  return (row?.["value"] as T | null | undefined) ?? undefined;
}

/** Versions whose digest is only that of the client. The condition is that of the index `unconfirmed_files`. */
export async function unconfirmed(
  queries: Queries,
  after: BlobId | undefined,
  limit: number,
): Promise<StoredFile[]> {
  const rows = await queries.all(
    `SELECT ${FILE_COLUMNS} FROM files
     WHERE confirmed_at IS NULL AND digest IS NOT NULL AND damage IS NULL
     AND id > coalesce((SELECT id FROM files WHERE path = $1), 0) ORDER BY id LIMIT $2`,
    ...[after ?? "", limit],
  );
  return rows.map(toFile);
}

/** Files that are known to be damaged. */
export async function damaged(queries: Queries, limit: number): Promise<KnownDamage> {
  const from = "FROM files WHERE damage IS NOT NULL";
  const [row, rows] = await Promise.all([
    queries.get(`SELECT count(*) AS count ${from}`),
    queries.all(`SELECT ${FILE_COLUMNS} ${from} ORDER BY client_id, name LIMIT $1`, limit),
  ]);
  return { count: row?.["count"] as number, files: rows.map(toFile) };
}

/** The usage of an account; beside a new file, without what that file replaces. */
export async function usage(
  queries: Queries,
  owner: Bytes,
  beside: NewFile | undefined,
): Promise<UsageBeside> {
  const except = beside === undefined ? [] : [beside.name, ...beside.open];
  const [used, row] = await Promise.all([
    usageOf(queries, owner, except),
    queries.get(
      `SELECT size FROM files WHERE client_id = $1 AND ${isNamed("$2::text")} AND current`,
      ...[owner, nameKey(beside?.name ?? "")],
    ),
  ]);
  const replaced = row === undefined ? NOTHING : { bytes: row["size"] as number, files: 1 };
  return {
    ...{ bytes: used.bytes - replaced.bytes, files: used.files - replaced.files },
    ...{ history: used.history, replaced },
  };
}

/** The most records in one look-up. Small files of this number fill a page of contents. */
const MAX_FETCHED = 128;

const FETCHED = { name: "text", version: "bigint" };

/** Results of the records of a `fetch`. */
export async function fetchPack(
  queries: Queries,
  owner: Bytes,
  fetch: Bytes,
  from: number,
): Promise<FetchedPage> {
  const wanted = [];
  const reader = new FetchReader(fetch);
  while (reader.next()) {
    if (reader.index < from) continue;
    wanted.push({ name: nameKey(reader.name), version: reader.version });
  }
  const page = new ContentsPage(owner);
  for (let begin = 0; begin < wanted.length;) {
    const rows = await fetchRows(queries, owner, wanted.slice(begin, begin + MAX_FETCHED));
    for (const row of rows) {
      if (!page.add(row["path"] === null ? undefined : row)) return page.end(from + begin);
      begin++;
    }
  }
  return page.end(reader.index + 1);
}

/** The rows of the first records, as many as fill a page; without a path where there is no such version. */
async function fetchRows(
  queries: Queries,
  owner: Bytes,
  wanted: readonly { readonly name: string; readonly version: number }[],
): Promise<Row[]> {
  const { sql, values } = rowTable("wanted", FETCHED, wanted, 2);
  const found = `SELECT ${RECORD_COLUMNS}, ${DAMAGE_COLUMN}, content FROM files
    WHERE client_id = $1 AND ${isNamed("wanted.name")}
    AND CASE wanted.version WHEN 0 THEN current ELSE version = wanted.version END
    ORDER BY version DESC LIMIT 1`;
  return await queries.all(
    `SELECT * FROM (
      SELECT found.*, wanted.at AS wanted_at, coalesce(sum(octet_length(content)) OVER (
        ORDER BY wanted.at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
      FROM ${sql} LEFT JOIN LATERAL (${found}) AS found ON true
    ) AS page WHERE bytes_before < ${CONTENTS_BYTES} ORDER BY wanted_at`,
    ...[owner, ...values],
  );
}

/** The number of entries in one look-up of a list, and their bytes: they become records at once, which no one keeps. */
const MAX_LISTED = 500;
const LISTED_BYTES = 512 * 1024;

const LISTED = `${RECORD_COLUMNS}, ${DAMAGE_COLUMN}`;

/** A page of current files as records. */
export async function listEncoded(
  queries: Queries,
  owner: Bytes,
  { prefix = "", after = "", ...size }: EntriesPage,
): Promise<EncodedEntries> {
  const page = new EntriesPageWriter(owner, size);
  const options = { columns: LISTED, bytes: LISTED_BYTES };
  const key = nameKey(prefix);
  for (let last = nameKey(after);;) {
    const rows = await currentFrom(queries, owner, rangeAfter(key, last), MAX_LISTED, options);
    for (const row of rows) {
      if (!page.add(row)) return page.end(last);
      last = row["name"] as string;
    }
    if (rows.length === 0) return page.end(undefined);
  }
}
