/**
 * Converts rows of a database's tables to values. A truth is a boolean, or 0 or 1 where the database has none.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { ENTRY_KINDS, type EntryKind } from "../../protocol/entry.ts";
import { joinNanoseconds } from "../../protocol/nanoseconds.ts";
import type { BlobId, UploadId } from "../blobs/blob_store.ts";
import type { AccessMode, Account, Quota, StoredProfile, Usage } from "./accounts.ts";
import type { CheckRound } from "./check_rounds.ts";
import type { Damage, ImplicitFolder, StoredContent, StoredFile } from "./files.ts";
import { isInline } from "./inline_ids.ts";
import type { PartialUpload, PartialUploadKey } from "./partial_uploads.ts";
import type { Token } from "./tokens.ts";

/** A row of a table, by column. */
export type Row = Record<string, unknown>;

/** An account from its row. */
export function toAccount(row: Row): Account {
  return {
    id: row["id"] as Bytes,
    name: row["name"] as string,
    publicKey: (row["public_key"] as Bytes | null) ?? undefined,
    firstSeen: row["first_seen"] as number,
    lastSeen: row["last_seen"] as number,
    storedProfile: toStoredProfile(row),
    disabled: Boolean(row["disabled"]),
    // A column that older backups lack.
    access: (row["access"] as AccessMode | undefined) ?? "full",
    quota: {
      ...toLimit("bytes", row["quota_bytes"] as number | null),
      ...toLimit("files", row["quota_files"] as number | null),
    },
  };
}

/** The profile of a client from the columns `edition` and `habits`. */
export function toStoredProfile(row: Row): StoredProfile {
  return {
    edition: row["edition"] as string,
    quirks: (row["habits"] as string).split(" ").filter((quirk) => quirk !== ""),
  };
}

/** The usage and the history of an account from a row of the table `usage`, whose columns can be NULL. */
export function toUsage(row: Row): { readonly usage: Usage; readonly history: Usage } {
  const number = (column: string) => (row[column] ?? 0) as number;
  return {
    usage: { files: number("files"), bytes: number("bytes") },
    history: { files: number("history_files"), bytes: number("history_bytes") },
  };
}

/** The column of a limit. -1 stands for no limit, since a column has no infinity. */
export function toLimitColumn(limit: number | "default"): number | null {
  return limit === "default" ? null : limit === Infinity ? -1 : limit;
}

/** A limit from its column. */
function toLimit(what: keyof Quota, limit: number | null): Quota {
  return limit === null ? {} : { [what]: limit < 0 ? Infinity : limit };
}

function toContent(id: BlobId): StoredContent {
  return { kind: isInline(id) ? "inline" : "blob", id };
}

/** A file from its row. */
export function toFile(row: Row): StoredFile {
  const digest = row["digest"] as Bytes | null;
  return {
    accountId: row["client_id"] as Bytes,
    name: nameOf(row),
    version: row["version"] as number,
    current: Boolean(row["current"]),
    kind: kindOf(row),
    content: toContent(row["path"] as BlobId),
    size: row["size"] as number,
    crc: row["crc"] as number,
    storedAt: row["stored_at"] as number,
    verified: Boolean(row["verified"]),
    ...(digest === null ? {} : { tree: { mtime: toMtime(row), digest } }),
    ...optional("mode", row["mode"] as number | null),
    ...optional("endedAt", row["ended_at"] as number | null),
    ...optional("storedBy", row["stored_by"] as Bytes | null),
    ...optional("confirmedAt", row["confirmed_at"] as number | null),
    ...optional("damage", row["damage"] as Damage | null),
  };
}

/** A round of the background check from its row. */
export function toCheckRound(row: Row): CheckRound {
  return {
    id: row["id"] as number,
    startedAt: row["started_at"] as number,
    ...optional("endedAt", row["ended_at"] as number | null),
    isRequested: Boolean(row["requested"]),
    ...optional("after", row["after"] as BlobId | null),
    files: row["files"] as number,
    bytes: row["bytes"] as number,
    damaged: row["damaged"] as number,
    unreadable: row["unreadable"] as number,
  };
}

function optional<K extends string, T>(key: K, value: T | null): { [P in K]?: T } {
  return value === null ? {} : { [key]: value } as { [P in K]?: T };
}

/** The name as it was given. */
export function nameOf(row: Row): string {
  return (row["given"] ?? row["name"]) as string;
}

/** The folder of a key above a row, as the row's name was given. */
export function toImplicitFolder(row: Row, key: string): ImplicitFolder {
  const depth = key.split("/").length;
  return { name: nameOf(row).split("/").slice(0, depth).join("/"), version: 0 };
}

/** The kind of the entry of a row. */
export function kindOf(row: Row): EntryKind {
  return ENTRY_KINDS[row["kind"] as number] as EntryKind;
}

/** A modification time from the columns `mtime` and `mtime_ns`. */
function toMtime(row: Row): bigint {
  return joinNanoseconds(row["mtime"] as number, row["mtime_ns"] as number);
}

/** An invitation or a link token from its row. */
export function toToken(row: Row): Token {
  return {
    hash: row["hash"] as Bytes,
    accountId: (row["client_id"] as Bytes | null) ?? undefined,
    label: (row["label"] as string | null) ?? undefined,
    usesLeft: row["uses_left"] as number,
    used: row["used"] as number,
    expiresAt: row["expires_at"] as number,
    madeAt: row["made_at"] as number,
  };
}

/** The key of a partial upload, from its row. */
export function toPartialUploadKey(row: Row): PartialUploadKey {
  return {
    accountId: row["client_id"] as Bytes,
    name: row["name"] as string,
    id: row["path"] as UploadId,
    durableBytes: row["held"] as number,
  };
}

/** A partial upload from its row. */
export function toPartialUpload(row: Row): PartialUpload {
  return {
    ...toPartialUploadKey(row),
    size: row["size"] as number,
    mtime: toMtime(row),
    sums: row["sums"] as Bytes,
    updatedAt: row["updated_at"] as number,
  };
}
