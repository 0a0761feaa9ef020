/**
 * The catalog in SQLite.
 *
 * @module
 */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { type Bytes, equalBytes } from "../../protocol/mod.ts";
import { foldersAbove } from "../../protocol/v4/path_name.ts";
import {
  type Catalog,
  type Client,
  NameConflict,
  PROTOCOL_4,
  QuotaExceeded,
  type RegisterClient,
  type RegisterKey,
  type SetPublicKey,
  type Speech,
  type StoredFile,
  type Usage,
} from "./catalog.ts";
import { Database } from "./database.ts";
import { FILE_COLUMNS, toClient, toFile } from "./rows.ts";

/** Files that are held in memory at once when all are gone through. */
const PAGE = 1000;

const UNLIMITED: Usage = { bytes: Infinity, files: Infinity };

export class SqliteCatalog implements Catalog {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  /** Opens or creates the catalog at `path`. Throws `ConfigurationError` `catalog-too-new`. */
  static open(path: string, openDatabase?: (path: string) => DatabaseSync): SqliteCatalog {
    return new SqliteCatalog(Database.open(path, openDatabase));
  }

  /**
   * Opens a catalog that is there, for reading alone. Throws `ConfigurationError` `catalog-too-new` or
   * `catalog-too-old`.
   */
  static openToRead(path: string): SqliteCatalog {
    return new SqliteCatalog(Database.openToRead(path));
  }

  /** Makes one transaction of what is called meanwhile. Throws where that can't be committed: nothing is done then. */
  together<T>(work: () => T): T {
    return this.#database.transaction(work);
  }

  // deno-lint-ignore require-await
  async registerClient(registration: RegisterClient): Promise<boolean> {
    const { id, name, now, speech, expiredBefore, claimedIds } = registration;
    return this.#database.transaction(() => {
      const holder = this.#client("name = ?", name);
      if (holder !== undefined) {
        if (!mayYield(holder, expiredBefore, claimedIds)) return false;
        this.#database.run("DELETE FROM clients WHERE id = ?", holder.id);
      }
      this.#insertClient(id, name, null, now, speech);
      return true;
    });
  }

  // deno-lint-ignore require-await
  async setPublicKey(change: SetPublicKey): Promise<"unknown" | "set" | "replaced"> {
    const { id, name, publicKey, now, speech, expiredBefore, reservedFor } = change;
    return this.#database.transaction(() => {
      const client = this.#client("id = ? AND name = ?", id, name);
      if (client?.speech.edition === PROTOCOL_4) return "unknown";
      const expired = client?.publicKey === undefined && (client?.firstSeen ?? 0) < expiredBefore;
      if (client !== undefined && !expired) {
        this.#database.run(
          "UPDATE clients SET public_key = ?, last_seen = ? WHERE id = ?",
          publicKey,
          now,
          id,
        );
        const before = client.publicKey;
        return before === undefined || equalBytes(before, publicKey) ? "set" : "replaced";
      }
      if (reservedFor === undefined) return "unknown";
      const holder = this.#client("name = ?", name);
      if (holder !== undefined && !mayYield(holder, expiredBefore, [reservedFor])) return "unknown";
      this.#database.run("DELETE FROM clients WHERE name = ?", name);
      this.#insertClient(id, name, publicKey, now, speech);
      return "set";
    });
  }

  // deno-lint-ignore require-await
  async registerKey({ id, name, key, now, expiredBefore }: RegisterKey): Promise<boolean> {
    return this.#database.transaction(() => {
      const holder = this.#client("name = ?", name);
      if (holder !== undefined) {
        if (!mayYield(holder, expiredBefore, [])) return false;
        this.#database.run("DELETE FROM clients WHERE id = ?", holder.id);
      }
      this.#insertClient(id, name, null, now, { edition: PROTOCOL_4, habits: [] });
      const query = "INSERT INTO keys (client_id, key, added_at) VALUES (?, ?, ?)";
      this.#database.run(query, id, key, now);
      return true;
    });
  }

  // deno-lint-ignore require-await
  async findKeyHolder(id: Bytes, key: Bytes): Promise<Client | undefined> {
    const condition = "id = ? AND id IN (SELECT client_id FROM keys WHERE key = ?)";
    return this.#client(condition, id, key);
  }

  // deno-lint-ignore require-await
  async expireRegistrations(before: number): Promise<void> {
    const query =
      "DELETE FROM clients WHERE public_key IS NULL AND edition <> ? AND first_seen < ?";
    this.#database.run(query, PROTOCOL_4, before);
  }

  // deno-lint-ignore require-await
  async findClient(id: Bytes): Promise<Client | undefined> {
    return this.#client("id = ?", id);
  }

  // deno-lint-ignore require-await
  async findClientByName(name: string): Promise<Client | undefined> {
    return this.#client("name = ?", name);
  }

  // deno-lint-ignore require-await
  async noteSeen(id: Bytes, now: number): Promise<void> {
    this.#database.run("UPDATE clients SET last_seen = ? WHERE id = ?", now, id);
  }

  // deno-lint-ignore require-await
  async noteSpeech(id: Bytes, { edition, habits }: Speech): Promise<void> {
    const values = [edition, habits.join(" "), id];
    this.#database.run("UPDATE clients SET edition = ?, habits = ? WHERE id = ?", ...values);
  }

  // deno-lint-ignore require-await
  async listClients(): Promise<Client[]> {
    return this.#database.all("SELECT * FROM clients ORDER BY name").map(toClient);
  }

  // deno-lint-ignore require-await
  async addOrphan(path: string): Promise<void> {
    this.#database.run("INSERT OR IGNORE INTO orphans (path) VALUES (?)", path);
  }

  // deno-lint-ignore require-await
  async listOrphans(): Promise<string[]> {
    return this.#database.all("SELECT path FROM orphans").map((row) => row["path"] as string);
  }

  // deno-lint-ignore require-await
  async removeOrphan(path: string): Promise<void> {
    this.#database.run("DELETE FROM orphans WHERE path = ?", path);
  }

  // deno-lint-ignore require-await
  async storeFile(
    file: StoredFile,
    quota: Usage = UNLIMITED,
    chunks?: Bytes,
  ): Promise<string | undefined> {
    const { clientId, name, path, storedAt } = file;
    return this.#database.transaction(() => {
      if (file.tree !== undefined) this.#refuseConflict(clientId, name);
      this.#checkQuota(file, quota);
      const replaced = this.#file(clientId, name)?.path;
      if (replaced !== undefined) {
        this.#database.run("INSERT OR IGNORE INTO orphans (path) VALUES (?)", replaced);
      }
      this.#database.run("DELETE FROM orphans WHERE path = ?", path);
      this.#insertFile(file, chunks);
      this.#database.run("UPDATE clients SET last_seen = ? WHERE id = ?", storedAt, clientId);
      return replaced;
    });
  }

  // deno-lint-ignore require-await
  async usage(clientId: Bytes, exceptName: string): Promise<Usage> {
    return this.#usage(clientId, exceptName);
  }

  // deno-lint-ignore require-await
  async findFile(clientId: Bytes, name: string): Promise<StoredFile | undefined> {
    return this.#file(clientId, name);
  }

  // deno-lint-ignore require-await
  async findChunks(file: StoredFile): Promise<Bytes | undefined> {
    return this.#chunks(file);
  }

  // deno-lint-ignore require-await
  async listFilesBelow(
    clientId: Bytes,
    prefix: string,
    after: string,
    count: number,
  ): Promise<StoredFile[]> {
    return this.#filesBelow(clientId, prefix, after, count);
  }

  // deno-lint-ignore require-await
  async dropFile(clientId: Bytes, name: string): Promise<string | undefined> {
    return this.#database.transaction(() => {
      const path = this.#file(clientId, name)?.path;
      if (path === undefined) return undefined;
      this.#database.run("INSERT OR IGNORE INTO orphans (path) VALUES (?)", path);
      this.#database.run("DELETE FROM files WHERE client_id = ? AND name = ?", clientId, name);
      return path;
    });
  }

  // deno-lint-ignore require-await
  async renameFile(
    clientId: Bytes,
    oldName: string,
    newName: string,
  ): Promise<"renamed" | "missing" | "taken"> {
    return this.#database.transaction(() => {
      if (this.#file(clientId, oldName) === undefined) return "missing";
      if (this.#file(clientId, newName) !== undefined) return "taken";
      const query = "UPDATE files SET name = ? WHERE client_id = ? AND name = ?";
      this.#database.run(query, newName, clientId, oldName);
      this.#refuseConflict(clientId, newName);
      return "renamed";
    });
  }

  // deno-lint-ignore require-await
  async listFiles(clientId: Bytes): Promise<StoredFile[]> {
    return this.#database.all(
      `SELECT ${FILE_COLUMNS} FROM files WHERE client_id = ? ORDER BY name`,
      clientId,
    )
      .map(toFile);
  }

  // deno-lint-ignore require-await
  async listFilesAfter(path: string, count: number): Promise<StoredFile[]> {
    return this.#filesAfter(path, count);
  }

  // deno-lint-ignore require-await
  async knowsPath(path: string): Promise<boolean> {
    const query =
      "SELECT 1 FROM files WHERE path = ? UNION ALL SELECT 1 FROM orphans WHERE path = ?";
    return this.#database.all(query, path, path).length > 0;
  }

  // deno-lint-ignore require-await
  async removeFile({ clientId, name, path }: StoredFile): Promise<void> {
    const query = "DELETE FROM files WHERE client_id = ? AND name = ? AND path = ?";
    this.#database.run(query, clientId, name, path);
  }

  // deno-lint-ignore require-await
  async removeClient(id: Bytes): Promise<string[]> {
    return this.#database.transaction(() => {
      const paths = this.#database.all("SELECT path FROM files WHERE client_id = ?", id)
        .map((row) => row["path"] as string);
      for (const path of paths) {
        this.#database.run("INSERT OR IGNORE INTO orphans (path) VALUES (?)", path);
      }
      this.#database.run("DELETE FROM clients WHERE id = ?", id);
      return paths;
    });
  }

  /** Takes over all clients and files of another catalog, as they are at one moment. This one is empty before. */
  async copyFrom(other: SqliteCatalog): Promise<void> {
    await other.snapshot(({ clients, files }) =>
      this.#database.transaction(() => {
        for (const client of clients) {
          const { id, name, publicKey, firstSeen, lastSeen, speech } = client;
          this.#insertClient(id, name, publicKey ?? null, firstSeen, speech);
          this.#database.run("UPDATE clients SET last_seen = ? WHERE id = ?", lastSeen, id);
        }
        for (const row of other.#database.all("SELECT * FROM keys")) {
          const values = [row["client_id"], row["key"], row["added_at"]] as SQLInputValue[];
          this.#database.run(
            "INSERT INTO keys (client_id, key, added_at) VALUES (?, ?, ?)",
            ...values,
          );
        }
        for (const page of files) {
          for (const file of page) this.#insertFile(file, other.#chunks(file));
        }
      })
    );
  }

  /** All clients, then all files in pages, as they are at one moment; nothing is written in between. */
  // deno-lint-ignore require-await
  async snapshot(
    take: (rows: { clients: Client[]; files: Iterable<StoredFile[]> }) => void,
  ): Promise<void> {
    this.#database.snapshot(() => {
      const clients = this.#database.all("SELECT * FROM clients ORDER BY name").map(toClient);
      take({ clients, files: this.#pages() });
    });
  }

  // deno-lint-ignore require-await
  async listFaults(): Promise<string[]> {
    const integrity = this.#database.all("PRAGMA integrity_check")
      .map((row) => row["integrity_check"] as string).filter((word) => word !== "ok");
    const references = this.#database.all("PRAGMA foreign_key_check")
      .map((row) => `row ${row["rowid"]} of ${row["table"]} has no ${row["parent"]}`);
    return [...integrity, ...references];
  }

  // deno-lint-ignore require-await
  async [Symbol.asyncDispose](): Promise<void> {
    this.#database[Symbol.dispose]();
  }

  #insertClient(
    id: Bytes,
    name: string,
    publicKey: Bytes | null,
    now: number,
    { edition, habits }: Speech,
  ): void {
    this.#database.run(
      `INSERT INTO clients (id, name, public_key, first_seen, last_seen, edition, habits)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...[id, name, publicKey, now, now, edition, habits.join(" ")],
    );
  }

  #insertFile(file: StoredFile, chunks?: Bytes): void {
    const { clientId, name, path, size, crc, storedAt, verified, tree } = file;
    this.#database.run(
      `INSERT OR REPLACE INTO files (${FILE_COLUMNS}, chunks)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[clientId, name, path, size, crc, storedAt, verified ? 1 : 0],
      ...[tree?.mtime ?? null, tree?.digest ?? null, chunks ?? null],
    );
  }

  #chunks({ clientId, name, path }: StoredFile): Bytes | undefined {
    const query = "SELECT chunks FROM files WHERE client_id = ? AND name = ? AND path = ?";
    const [row] = this.#database.all(query, clientId, name, path);
    return (row?.["chunks"] as Bytes | null | undefined) ?? undefined;
  }

  /** Files of protocol 4 are to fit into one tree of folders. */
  #refuseConflict(clientId: Bytes, name: string): void {
    const above = foldersAbove(name);
    const isFile = above.some((folder) => this.#file(clientId, folder) !== undefined);
    if (isFile || this.#filesBelow(clientId, `${name}/`, "", 1).length > 0) {
      throw new NameConflict();
    }
  }

  #filesBelow(clientId: Bytes, prefix: string, after: string, count: number): StoredFile[] {
    // What begins with the prefix is what lies between it and the prefix with the last character there is behind it.
    const query = `SELECT ${FILE_COLUMNS} FROM files
      WHERE client_id = ? AND name >= ? AND name < ? AND name > ? ORDER BY name LIMIT ?`;
    const last = `${prefix}\u{10ffff}`;
    return this.#database.all(query, clientId, prefix, last, after, count).map(toFile);
  }

  *#pages(): Generator<StoredFile[]> {
    for (let page = this.#filesAfter("", PAGE); page.length > 0;) {
      yield page;
      page = this.#filesAfter(page.at(-1)?.path ?? "", PAGE);
    }
  }

  #filesAfter(path: string, count: number): StoredFile[] {
    return this.#database.all(
      `SELECT ${FILE_COLUMNS} FROM files WHERE path > ? ORDER BY path LIMIT ?`,
      path,
      count,
    )
      .map(toFile);
  }

  #client(condition: string, ...values: SQLInputValue[]): Client | undefined {
    return this.#database.all(`SELECT * FROM clients WHERE ${condition}`, ...values).map(
      toClient,
    )[0];
  }

  #file(clientId: Bytes, name: string): StoredFile | undefined {
    const query = `SELECT ${FILE_COLUMNS} FROM files WHERE client_id = ? AND name = ?`;
    return this.#database.all(query, clientId, name).map(toFile)[0];
  }

  #checkQuota({ clientId, name, size }: StoredFile, quota: Usage): void {
    if (quota.bytes === Infinity && quota.files === Infinity) return;
    const used = this.#usage(clientId, name);
    if (used.bytes + size > quota.bytes) throw new QuotaExceeded("bytes");
    if (used.files + 1 > quota.files) throw new QuotaExceeded("files");
  }

  #usage(clientId: Bytes, exceptName: string): Usage {
    const [row] = this.#database.all(
      `SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM files
       WHERE client_id = ? AND name <> ?`,
      ...[clientId, exceptName],
    );
    return { bytes: row?.["bytes"] as number, files: row?.["files"] as number };
  }
}

/** Whether a registration gives way to a new one. */
function mayYield(holder: Client, expiredBefore: number, claimedIds: readonly Bytes[]): boolean {
  if (holder.publicKey !== undefined || holder.speech.edition === PROTOCOL_4) return false;
  return holder.firstSeen < expiredBefore || claimedIds.some((id) => equalBytes(id, holder.id));
}
