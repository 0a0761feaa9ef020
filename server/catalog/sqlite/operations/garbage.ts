/**
 * Paths that no file refers to, and what the database finds wrong with itself.
 *
 * @module
 */
import { isInline } from "../../inline_paths.ts";
import type { Database } from "../database.ts";
import { read, write } from "./operation.ts";

export const ORPHAN_OPERATIONS = {
  addOrphan: write((database, path: string): void => addOrphan(database, path)),
  listOrphans: read((database): string[] =>
    database.all("SELECT path FROM orphans").map((row) => row["path"] as string)
  ),
  removeOrphan: write((database, path: string): void => removeOrphan(database, path)),
  knowsPath: read((database, path: string): boolean => {
    const query =
      "SELECT 1 FROM files WHERE path = ? UNION ALL SELECT 1 FROM orphans WHERE path = ?";
    return database.all(query, path, path).length > 0;
  }),
  listFaults: read((database): string[] => {
    const integrity = database.all("PRAGMA integrity_check")
      .map((row) => row["integrity_check"] as string).filter((word) => word !== "ok");
    const references = database.all("PRAGMA foreign_key_check")
      .map((row) => `row ${row["rowid"]} of ${row["table"]} has no ${row["parent"]}`);
    return [...integrity, ...references];
  }),
};

export function addOrphan(database: Database, path: string): void {
  // What the catalog keeps goes with its row.
  if (isInline(path)) return;
  database.run("INSERT OR IGNORE INTO orphans (path) VALUES (?)", path);
}

export function removeOrphan(database: Database, path: string): void {
  if (isInline(path)) return;
  database.run("DELETE FROM orphans WHERE path = ?", path);
}
