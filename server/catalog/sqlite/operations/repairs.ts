/**
 * Repairs in progress, recorded so that an interrupted one can be finished.
 *
 * @module
 */
import type { BlobId } from "../../../blobs/blob_store.ts";
import type { Repair } from "../../repairs.ts";
import { read, write } from "./operation.ts";

export const REPAIR_OPERATIONS = {
  begin: write((database, { path, movedTo, record }: Repair): void => {
    const query = "INSERT OR REPLACE INTO repairs (path, moved_to, record) VALUES (?, ?, ?)";
    database.run(query, path, movedTo ?? null, record);
  }),
  list: read((database): Repair[] =>
    database.all("SELECT path, moved_to, record FROM repairs").map((row) => ({
      path: row["path"] as BlobId,
      movedTo: (row["moved_to"] as string | null) ?? undefined,
      record: row["record"] as string,
    }))
  ),
  end: write((database, path: BlobId, { isRestored = false } = {}): void => {
    if (!isRestored) database.run("DELETE FROM files WHERE path = ?", path);
    database.run("DELETE FROM repairs WHERE path = ?", path);
  }),
};
