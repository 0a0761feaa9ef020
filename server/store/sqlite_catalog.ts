/**
 * The catalog in SQLite: write-ahead log, every commit synced, foreign keys on.
 *
 * @module
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { type Bytes, ConfigurationError, equalBytes, printable } from "../../protocol/mod.ts";
import {
  type Catalog,
  type Client,
  QuotaExceeded,
  type RegisterClient,
  type SetPublicKey,
  type Speech,
  type StoredFile,
  type Usage,
} from "./catalog.ts";
import { MIGRATIONS } from "./migrations.ts";
import { type Row, toClient, toFile } from "./rows.ts";

/** How long a statement waits for another process (`xfer server list`) to finish, in milliseconds. */
const BUSY_TIMEOUT_MS = 5000;

/** Files that are held in memory at once when all are gone through. */
const PAGE = 1000;

const UNLIMITED: Usage = { bytes: Infinity, files: Infinity };

export class SqliteCatalog implements Catalog {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Opens or creates the database at `path`. Throws `ConfigurationError` `catalog-too-new`. */
  static open(
    path: string,
    openDatabase = (path: string) => new DatabaseSync(path),
  ): SqliteCatalog {
    return SqliteCatalog.#over(openDatabase(path), (catalog) => {
      catalog.#database.exec(`
        PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA foreign_keys = ON;
      `);
      catalog.#migrate(path);
    });
  }

  /**
   * Opens a database that is there, for reading alone. Throws `ConfigurationError` `catalog-too-new` or
   * `catalog-too-old`.
   */
  static openToRead(path: string): SqliteCatalog {
    return SqliteCatalog.#over(new DatabaseSync(path, { readOnly: true }), (catalog) => {
      catalog.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      if (catalog.#version(path) === MIGRATIONS.length) return;
      throw new ConfigurationError(
        "catalog-too-old",
        `${printable(path)} was written by an older xfer and not used by this one yet`,
        { hint: "Start the server once: it brings the catalog up to date." },
      );
    });
  }

  static #over(database: DatabaseSync, prepare: (catalog: SqliteCatalog) => void): SqliteCatalog {
    try {
      const catalog = new SqliteCatalog(database);
      prepare(catalog);
      return catalog;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  // deno-lint-ignore require-await
  async registerClient(registration: RegisterClient): Promise<boolean> {
    const { id, name, now, speech, expiredBefore, claimedIds } = registration;
    return this.#transaction(() => {
      const holder = this.#client("name = ?", name);
      if (holder !== undefined) {
        if (!mayYield(holder, expiredBefore, claimedIds)) return false;
        this.#run("DELETE FROM clients WHERE id = ?", holder.id);
      }
      this.#insertClient(id, name, null, now, speech);
      return true;
    });
  }

  // deno-lint-ignore require-await
  async setPublicKey(change: SetPublicKey): Promise<"unknown" | "set" | "replaced"> {
    const { id, name, publicKey, now, speech, expiredBefore, reservedFor } = change;
    return this.#transaction(() => {
      const client = this.#client("id = ? AND name = ?", id, name);
      const expired = client?.publicKey === undefined && (client?.firstSeen ?? 0) < expiredBefore;
      if (client !== undefined && !expired) {
        this.#run(
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
      this.#run("DELETE FROM clients WHERE name = ?", name);
      this.#insertClient(id, name, publicKey, now, speech);
      return "set";
    });
  }

  // deno-lint-ignore require-await
  async expireRegistrations(before: number): Promise<void> {
    this.#run("DELETE FROM clients WHERE public_key IS NULL AND first_seen < ?", before);
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
    this.#run("UPDATE clients SET last_seen = ? WHERE id = ?", now, id);
  }

  // deno-lint-ignore require-await
  async noteSpeech(id: Bytes, { edition, habits }: Speech): Promise<void> {
    const values = [edition, habits.join(" "), id];
    this.#run("UPDATE clients SET edition = ?, habits = ? WHERE id = ?", ...values);
  }

  // deno-lint-ignore require-await
  async listClients(): Promise<Client[]> {
    return this.#all("SELECT * FROM clients ORDER BY name").map(toClient);
  }

  // deno-lint-ignore require-await
  async addOrphan(path: string): Promise<void> {
    this.#run("INSERT OR IGNORE INTO orphans (path) VALUES (?)", path);
  }

  // deno-lint-ignore require-await
  async listOrphans(): Promise<string[]> {
    return this.#all("SELECT path FROM orphans").map((row) => row["path"] as string);
  }

  // deno-lint-ignore require-await
  async removeOrphan(path: string): Promise<void> {
    this.#run("DELETE FROM orphans WHERE path = ?", path);
  }

  // deno-lint-ignore require-await
  async storeFile(file: StoredFile, quota: Usage = UNLIMITED): Promise<string | undefined> {
    const { clientId, name, path, storedAt } = file;
    return this.#transaction(() => {
      this.#checkQuota(file, quota);
      const replaced = this.#file(clientId, name)?.path;
      if (replaced !== undefined) {
        this.#run("INSERT OR IGNORE INTO orphans (path) VALUES (?)", replaced);
      }
      this.#run("DELETE FROM orphans WHERE path = ?", path);
      this.#insertFile(file);
      this.#run("UPDATE clients SET last_seen = ? WHERE id = ?", storedAt, clientId);
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
  async listFiles(clientId: Bytes): Promise<StoredFile[]> {
    return this.#all("SELECT * FROM files WHERE client_id = ? ORDER BY name", clientId).map(toFile);
  }

  // deno-lint-ignore require-await
  async listFilesAfter(path: string, count: number): Promise<StoredFile[]> {
    return this.#filesAfter(path, count);
  }

  // deno-lint-ignore require-await
  async knowsPath(path: string): Promise<boolean> {
    const query =
      "SELECT 1 FROM files WHERE path = ? UNION ALL SELECT 1 FROM orphans WHERE path = ?";
    return this.#all(query, path, path).length > 0;
  }

  // deno-lint-ignore require-await
  async removeFile({ clientId, name, path }: StoredFile): Promise<void> {
    const query = "DELETE FROM files WHERE client_id = ? AND name = ? AND path = ?";
    this.#run(query, clientId, name, path);
  }

  // deno-lint-ignore require-await
  async removeClient(id: Bytes): Promise<string[]> {
    return this.#transaction(() => {
      const paths = this.#all("SELECT path FROM files WHERE client_id = ?", id)
        .map((row) => row["path"] as string);
      for (const path of paths) this.#run("INSERT OR IGNORE INTO orphans (path) VALUES (?)", path);
      this.#run("DELETE FROM clients WHERE id = ?", id);
      return paths;
    });
  }

  async copyFrom(other: Catalog): Promise<void> {
    await other.snapshot(({ clients, files }) =>
      this.#transaction(() => {
        for (const client of clients) {
          const { id, name, publicKey, firstSeen, lastSeen, speech } = client;
          this.#insertClient(id, name, publicKey ?? null, firstSeen, speech);
          this.#run("UPDATE clients SET last_seen = ? WHERE id = ?", lastSeen, id);
        }
        for (const page of files) for (const file of page) this.#insertFile(file);
      })
    );
  }

  // deno-lint-ignore require-await
  async snapshot(
    take: (rows: { clients: Client[]; files: Iterable<StoredFile[]> }) => void,
  ): Promise<void> {
    this.#database.exec("BEGIN");
    try {
      const clients = this.#all("SELECT * FROM clients ORDER BY name").map(toClient);
      take({ clients, files: this.#pages() });
    } finally {
      this.#database.exec("COMMIT");
    }
  }

  // deno-lint-ignore require-await
  async listFaults(): Promise<string[]> {
    const integrity = this.#all("PRAGMA integrity_check")
      .map((row) => row["integrity_check"] as string).filter((word) => word !== "ok");
    const references = this.#all("PRAGMA foreign_key_check")
      .map((row) => `row ${row["rowid"]} of ${row["table"]} has no ${row["parent"]}`);
    return [...integrity, ...references];
  }

  // deno-lint-ignore require-await
  async [Symbol.asyncDispose](): Promise<void> {
    this.#database.close();
  }

  #migrate(path: string): void {
    if (this.#version(path) === MIGRATIONS.length) return;
    this.#transaction(() => {
      for (const script of MIGRATIONS.slice(this.#version(path))) this.#database.exec(script);
      this.#database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    });
  }

  #version(path: string): number {
    const row = this.#database.prepare("PRAGMA user_version").get() as Row | undefined;
    const version = Number(row?.["user_version"]);
    if (version <= MIGRATIONS.length) return version;
    throw new ConfigurationError(
      "catalog-too-new",
      `${
        printable(path)
      } has schema version ${version}; this xfer knows up to ${MIGRATIONS.length}`,
      { hint: "Use the newer xfer that wrote it." },
    );
  }

  #insertClient(
    id: Bytes,
    name: string,
    publicKey: Bytes | null,
    now: number,
    { edition, habits }: Speech,
  ): void {
    this.#run(
      `INSERT INTO clients (id, name, public_key, first_seen, last_seen, edition, habits)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...[id, name, publicKey, now, now, edition, habits.join(" ")],
    );
  }

  #insertFile({ clientId, name, path, size, crc, storedAt, verified }: StoredFile): void {
    this.#run(
      `INSERT OR REPLACE INTO files (client_id, name, path, size, crc, stored_at, verified)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...[clientId, name, path, size, crc, storedAt, verified ? 1 : 0],
    );
  }

  *#pages(): Generator<StoredFile[]> {
    for (let page = this.#filesAfter("", PAGE); page.length > 0;) {
      yield page;
      page = this.#filesAfter(page.at(-1)?.path ?? "", PAGE);
    }
  }

  #filesAfter(path: string, count: number): StoredFile[] {
    return this.#all("SELECT * FROM files WHERE path > ? ORDER BY path LIMIT ?", path, count)
      .map(toFile);
  }

  #client(condition: string, ...values: SQLInputValue[]): Client | undefined {
    return this.#all(`SELECT * FROM clients WHERE ${condition}`, ...values).map(toClient)[0];
  }

  #file(clientId: Bytes, name: string): StoredFile | undefined {
    const query = "SELECT * FROM files WHERE client_id = ? AND name = ?";
    return this.#all(query, clientId, name).map(toFile)[0];
  }

  #checkQuota({ clientId, name, size }: StoredFile, quota: Usage): void {
    if (quota.bytes === Infinity && quota.files === Infinity) return;
    const used = this.#usage(clientId, name);
    if (used.bytes + size > quota.bytes) throw new QuotaExceeded("bytes");
    if (used.files + 1 > quota.files) throw new QuotaExceeded("files");
  }

  #usage(clientId: Bytes, exceptName: string): Usage {
    const [row] = this.#all(
      `SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM files
       WHERE client_id = ? AND name <> ?`,
      ...[clientId, exceptName],
    );
    return { bytes: row?.["bytes"] as number, files: row?.["files"] as number };
  }

  #transaction<T>(work: () => T): T {
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      // A commit that failed for want of space may have ended the transaction itself.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#statement(sql).run(...values);
  }

  #all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** Whether a registration gives way to a new one. */
function mayYield(holder: Client, expiredBefore: number, claimedIds: readonly Bytes[]): boolean {
  if (holder.publicKey !== undefined) return false;
  return holder.firstSeen < expiredBefore || claimedIds.some((id) => equalBytes(id, holder.id));
}
