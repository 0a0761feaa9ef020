/**
 * Lists of files, in pages.
 *
 * @module
 */
import type { BlobId } from "../../../blobs/blob_store.ts";
import type { Bytes } from "../../../../protocol/bytes.ts";
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
import type { Database } from "../database.ts";
import { type Row, toFile, toImplicitFolder } from "../../rows.ts";
import { FILE_COLUMNS, FILES } from "../columns.ts";
import { sizeOf } from "../value_size.ts";
import { currentKind } from "./name_tree.ts";
import { read } from "./operation.ts";
import { page, PAGE_BYTES, STEP } from "./page.ts";

/** The default number of files in a list. */
const MAX_LISTED = 1000;
/** The most names in one look-up of removed names. Most of them can have a current version. */
const MAX_SCANNED = 500;

export const LIST_OPERATIONS = {
  list: read((database, owner: Bytes, { prefix = "", after = "", limit }: FilePage): StoredFile[] =>
    page(limit, (last, step) => {
      const start = last === undefined ? nameKey(after) : last["name"] as string;
      return currentFrom(database, owner, rangeAfter(nameKey(prefix), start), step);
    }).map(toFile)
  ),
  listLevel: read((
    database,
    owner: Bytes,
    page: FilePage,
  ): ListPage<StoredFile | ImplicitFolder> => listLevel(database, owner, page)),
  listRemoved: read((
    database,
    owner: Bytes,
    { prefix = "", after = "", limit }: FilePage,
  ): ListPage<StoredFile> => {
    const range = rangeAfter(nameKey(prefix), nameKey(after));
    const names = newestOfNames(database, owner, range, MAX_SCANNED);
    const removed: Row[] = [];
    let next = names.length < MAX_SCANNED ? undefined : names.at(-1)?.["name"] as string;
    let size = 0;
    for (const row of names) {
      if (row["current"] === 1) continue;
      const query = `SELECT ${FILE_COLUMNS} FROM ${FILES} WHERE id = ?`;
      const [file] = database.all(query, row["id"] as number);
      if (file === undefined) continue;
      removed.push(file);
      size += sizeOf(file);
      if (removed.length < limit && size < PAGE_BYTES) continue;
      next = file["name"] as string;
      break;
    }
    return { files: removed.map(toFile), next };
  }),
  versions: read((
    database,
    owner: Bytes,
    name: string,
    { before = Infinity, limit }: VersionPage,
  ): StoredFile[] =>
    page(limit, (last, step) =>
      database.all(
        `SELECT ${FILE_COLUMNS} FROM ${FILES} WHERE client_id = ? AND name = ? AND version < ?
         ORDER BY version DESC LIMIT ?`,
        ...[owner, nameKey(name), last === undefined ? before : last["version"] as number, step],
      )).map(toFile)
  ),
  listAll: read((
    database,
    owner: Bytes,
    { after, limit = MAX_LISTED }: AllFilesPage = {},
  ): StoredFile[] =>
    page(limit, (last, step) => {
      const { name = "", version = 0 } = last === undefined ? after ?? {} : toFile(last);
      return database.all(
        `SELECT ${FILE_COLUMNS} FROM ${FILES} WHERE client_id = ? AND (name, version) > (?, ?)
         ORDER BY name, version LIMIT ?`,
        ...[owner, nameKey(name), version, step],
      );
    }).map(toFile)
  ),
  scan: read((database, after: BlobId | undefined, limit: number): StoredFile[] =>
    page(limit, (last, step) =>
      database.all(
        `SELECT ${FILE_COLUMNS} FROM ${FILES} WHERE path > ? ORDER BY path LIMIT ?`,
        ...[last === undefined ? after ?? "" : last["path"] as string, step],
      )).map(toFile)
  ),
};

/** Only the higher of two lower bounds: with both, SQLite might search from one and scan all rows up to the other. */
const IN_RANGE = "client_id = ? AND name >= max(?, ?) AND name <> ? AND name < ?";
/** SQLite orders every BLOB after every TEXT. */
const AFTER_ALL_NAMES: Bytes = new Uint8Array(0);

function valuesOf(owner: Bytes, { prefix, start, excluded }: NameRange) {
  return [owner, prefix, start, excluded, firstBehind(prefix) ?? AFTER_ALL_NAMES] as const;
}

/** Rows of the current versions of names in a range, by name. */
export function currentFrom(
  database: Database,
  owner: Bytes,
  range: NameRange,
  limit: number,
  columns = FILE_COLUMNS,
): Row[] {
  const query = `SELECT ${columns} FROM ${FILES} WHERE ${IN_RANGE} AND current = 1
    ORDER BY name LIMIT ?`;
  return database.all(query, ...valuesOf(owner, range), limit);
}

/** The newest version of each name, which is the current one if the name has one. */
export function newestOfNames(
  database: Database,
  owner: Bytes,
  range: NameRange,
  limit: number,
): Row[] {
  // SQLite takes the other columns from the row with the maximum.
  const query =
    `SELECT id, name, given, max(version) AS version, current, kind, path, size, ended_at
    FROM files WHERE ${IN_RANGE} GROUP BY name ORDER BY name LIMIT ?`;
  return database.all(query, ...valuesOf(owner, range), limit);
}

/**
 * A page of one level. Names below a folder are skipped with one look-up. A position ends in `/` after such a folder.
 */
function listLevel(
  database: Database,
  owner: Bytes,
  page: FilePage,
): ListPage<StoredFile | ImplicitFolder> {
  const prefix = nameKey(page.prefix ?? "");
  const files: (StoredFile | ImplicitFolder)[] = [];
  let after = nameKey(page.after ?? "");
  let step = 1;
  for (let size = 0; size < PAGE_BYTES && files.length < page.limit;) {
    const range = after.endsWith("/")
      ? { prefix, start: firstBehind(after) as string, excluded: "" }
      : rangeAfter(prefix, after);
    const rows = currentFrom(database, owner, range, step);
    if (rows.length === 0) return { files, next: undefined };
    step = Math.min(2 * step, STEP);
    for (const row of rows) {
      if (files.length === page.limit) break;
      size += sizeOf(row);
      const name = row["name"] as string;
      const end = name.indexOf("/", prefix.length);
      if (end < 0) {
        files.push(toFile(row));
        after = name;
        continue;
      }
      const folder = name.slice(0, end);
      if (currentKind(database, owner, folder) === undefined) {
        files.push(toImplicitFolder(row, folder));
      }
      after = `${folder}/`;
      step = 1;
      break;
    }
  }
  return { files, next: after };
}
