/**
 * The blobs that a catalog refers to, read without changing it. Its schema can be older than this program's, so that
 * old states of a backup need not be upgraded.
 *
 * @module
 */
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { printable } from "../../protocol/printable.ts";
import { BACKUP_CATALOG } from "../../protocol/server_files.ts";
import type { BlobId } from "../blobs/blob_store.ts";
import type { BackupState } from "./backup_states.ts";
import { damageOf } from "./errors.ts";

export class ReferencedBlobs implements Disposable {
  readonly #state: BackupState;
  readonly #database: DatabaseSync;
  readonly #has: StatementSync;

  /** Opens the catalog of a state. Throws `IntegrityError` `catalog-damaged`, as the methods do. */
  constructor(state: BackupState) {
    this.#state = state;
    const path = join(state.folder, BACKUP_CATALOG);
    // A pipe or a device may have no end.
    if (!Deno.lstatSync(path).isFile) throw new Error(`${printable(path)} is not a regular file`);
    this.#database = new DatabaseSync(path, { readOnly: true });
    try {
      this.#has = this.#reading(() => this.#database.prepare("SELECT 1 FROM files WHERE path = ?"));
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Whether a file of the catalog, or an old version, has this content. */
  has(id: BlobId): boolean {
    return this.#reading(() => this.#has.get(id)) !== undefined;
  }

  /** The number of files and old versions, and their bytes. */
  totals(): { readonly files: number; readonly bytes: number } {
    const query = "SELECT count(*) AS files, total(size) AS bytes FROM files";
    const sums = this.#reading(() => this.#database.prepare(query).get()) as Record<string, number>;
    return { files: sums["files"] ?? 0, bytes: sums["bytes"] ?? 0 };
  }

  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      throw damageOf({ kind: "backup", path: this.#state.folder }, cause) ?? cause;
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
