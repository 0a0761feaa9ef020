/**
 * The columns of files.
 *
 * @module
 */
import { INLINE_PREFIX } from "../../inline_ids.ts";

/** Whether the content of a row is in the blob store. */
export const IN_BLOBS = `NOT starts_with(path, '${INLINE_PREFIX}')`;

/**
 * The damage of a file. Inline content that is missing or has another size counts as damage. Postgres checks both without
 * reading the content.
 */
export const DAMAGE_COLUMN = `coalesce(damage, CASE
  WHEN ${IN_BLOBS} THEN NULL
  WHEN content IS NULL THEN 'missing'
  WHEN octet_length(content) <> size THEN 'size'
  END) AS damage`;

/** The columns to read of a file. */
export const FILE_COLUMNS =
  `client_id, name, given, version, current, kind, mode, path, size, crc, stored_at,
  ended_at, stored_by, verified, mtime, mtime_ns, digest, confirmed_at, ${DAMAGE_COLUMN}`;
