/**
 * Converts rows of the catalog's tables to values.
 *
 * @module
 */
import type { BlobId, UploadId } from "../../blobs/blob_store.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { Quota } from "../accounts.ts";
import { INLINE_PREFIX } from "../inline_ids.ts";
import type { Account } from "../accounts.ts";
import type { Damage, StoredContent, StoredFile } from "../files.ts";

export type Row = Record<string, unknown>;

export function toAccount(row: Row): Account {
  return {
    id: row["id"] as Bytes,
    name: row["name"] as string,
    publicKey: (row["public_key"] as Bytes | null) ?? undefined,
    firstSeen: row["first_seen"] as number,
    lastSeen: row["last_seen"] as number,
    storedProfile: {
      edition: row["edition"] as string,
      quirks: (row["habits"] as string).split(" ").filter((quirk) => quirk !== ""),
    },
    disabled: row["disabled"] === 1,
    quota: {
      ...toLimit("bytes", row["quota_bytes"] as number | null),
      ...toLimit("files", row["quota_files"] as number | null),
    },
  };
}

/** -1 stands for no limit. */
function toLimit(what: keyof Quota, limit: number | null): Quota {
  return limit === null ? {} : { [what]: limit < 0 ? Infinity : limit };
}

/** The stored columns of a file, except its chunk digests, which can be large. */
export const STORED_COLUMNS =
  "client_id, name, version, current, path, size, crc, stored_at, verified, mtime, digest";

/**
 * The columns to read of a file. Inline content that is missing or has another size counts as damage. SQLite checks
 * both without reading the content.
 */
export const FILE_COLUMNS = `${STORED_COLUMNS}, coalesce(damage, CASE
  WHEN substr(path, 1, ${INLINE_PREFIX.length}) <> '${INLINE_PREFIX}' THEN NULL
  WHEN content IS NULL THEN 'missing'
  WHEN length(content) <> size THEN 'size'
  END) AS damage`;

/** Whether an id is one of content in the catalog. */
export function isInline(id: BlobId | UploadId): boolean {
  return id.startsWith(INLINE_PREFIX);
}

function toContent(id: BlobId): StoredContent {
  return { kind: isInline(id) ? "inline" : "blob", id };
}

export function toFile(row: Row): StoredFile {
  const digest = row["digest"] as Bytes | null;
  const damage = row["damage"] as Damage | null;
  return {
    accountId: row["client_id"] as Bytes,
    name: row["name"] as string,
    version: row["version"] as number,
    current: row["current"] === 1,
    content: toContent(row["path"] as BlobId),
    size: row["size"] as number,
    crc: row["crc"] as number,
    storedAt: row["stored_at"] as number,
    verified: row["verified"] === 1,
    ...(digest === null ? {} : { tree: { mtime: row["mtime"] as number, digest } }),
    ...(damage === null ? {} : { damage }),
  };
}
