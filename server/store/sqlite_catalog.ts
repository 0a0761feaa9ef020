/**
 * The catalog in SQLite: write-ahead log, every commit synced, foreign keys on.
 *
 * @module
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { type Bytes, ConfigurationError, equalBytes, printable } from "../../protocol/mod.ts";
import type {
  Catalog,
  Client,
  RegisterClient,
  SetPublicKey,
  Speech,
  StoredFile,
} from "./catalog.ts";

/** How long a statement waits for another process (`xfer server list`) to finish, in milliseconds. */
const BUSY_TIMEOUT_MS = 5000;

/** One script a schema version, applied in order; what has been published is never changed. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE clients (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL UNIQUE,
    public_key BLOB,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE files (
    client_id BLOB NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
    PRIMARY KEY (client_id, name)
  ) STRICT;
  CREATE TABLE orphans (path TEXT NOT NULL PRIMARY KEY) STRICT;
  `,
  `
  ALTER TABLE clients ADD COLUMN edition TEXT NOT NULL DEFAULT '2023c';
  ALTER TABLE clients ADD COLUMN habits TEXT NOT NULL DEFAULT '';
  `,
];

type Row = Record<string, unknown>;

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
  async storeFile(file: StoredFile): Promise<string | undefined> {
    const { clientId, name, path, size, crc, storedAt, verified } = file;
    return this.#transaction(() => {
      const replaced = this.#file(clientId, name)?.path;
      if (replaced !== undefined) {
        this.#run("INSERT OR IGNORE INTO orphans (path) VALUES (?)", replaced);
      }
      this.#run("DELETE FROM orphans WHERE path = ?", path);
      this.#run(
        `INSERT OR REPLACE INTO files (client_id, name, path, size, crc, stored_at, verified)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        ...[clientId, name, path, size, crc, storedAt, verified ? 1 : 0],
      );
      this.#run("UPDATE clients SET last_seen = ? WHERE id = ?", storedAt, clientId);
      return replaced;
    });
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

  #client(condition: string, ...values: SQLInputValue[]): Client | undefined {
    return this.#all(`SELECT * FROM clients WHERE ${condition}`, ...values).map(toClient)[0];
  }

  #file(clientId: Bytes, name: string): StoredFile | undefined {
    const query = "SELECT * FROM files WHERE client_id = ? AND name = ?";
    return this.#all(query, clientId, name).map(toFile)[0];
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

function toClient(row: Row): Client {
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

function toFile(row: Row): StoredFile {
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
