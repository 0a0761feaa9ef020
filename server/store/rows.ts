/**
 * Rows of the catalog's tables as values.
 *
 * @module
 */
import type { Bytes } from "../../protocol/mod.ts";
import type { Client, StoredFile } from "./catalog.ts";

export type Row = Record<string, unknown>;

export function toClient(row: Row): Client {
  return {
    id: row["id"] as Bytes,
    name: row["name"] as string,
    publicKey: (row["public_key"] as Bytes | null) ?? undefined,
    firstSeen: row["first_seen"] as number,
    lastSeen: row["last_seen"] as number,
    speech: {
      edition: row["edition"] as string,
      habits: (row["habits"] as string).split(" ").filter((habit) => habit !== ""),
    },
  };
}

export function toFile(row: Row): StoredFile {
  return {
    clientId: row["client_id"] as Bytes,
    name: row["name"] as string,
    path: row["path"] as string,
    size: row["size"] as number,
    crc: row["crc"] as number,
    storedAt: row["stored_at"] as number,
    verified: row["verified"] === 1,
  };
}
