/**
 * The columns of files, and where to read them.
 *
 * @module
 */
import { INLINE_PREFIX } from "../inline_ids.ts";

/** The stored columns of a file, except those that only the database uses. */
export const STORED_COLUMNS =
  `client_id, name, given, version, current, kind, mode, path, size, crc, stored_at, ended_at,
  stored_by, verified, mtime, mtime_ns, digest, confirmed_at`;

/** The table to read {@link FILE_COLUMNS} from. */
export const FILES = "files LEFT JOIN contents ON contents.file = files.id";

/**
 * The damage of a file. Inline content that is missing or has another size counts as damage. SQLite checks both without
 * reading the content.
 */
export const DAMAGE_COLUMN = `coalesce(damage, CASE
  WHEN substr(path, 1, ${INLINE_PREFIX.length}) <> '${INLINE_PREFIX}' THEN NULL
  WHEN content IS NULL THEN 'missing'
  WHEN length(content) <> size THEN 'size'
  END) AS damage`;

/** The columns to read of a file. */
export const FILE_COLUMNS = `${STORED_COLUMNS}, ${DAMAGE_COLUMN}`;
