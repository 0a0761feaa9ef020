/**
 * Files: the current one of each name, and those that it has replaced, as far as they are kept.
 *
 * @module
 */
import type { Bytes } from "../../../protocol/mod.ts";
import { foldersAbove } from "../../../protocol/v4/path_name.ts";
import {
  CatalogRefusal,
  type Client,
  PROTOCOL_4,
  type Recorded,
  type Renamed,
  type StoredFile,
  type StoreOptions,
  type Usage,
} from "../catalog.ts";
import type { Database } from "../database.ts";
import { FILE_COLUMNS, toFile } from "../rows.ts";
import { findBy } from "./accounts.ts";
import { read, write } from "./operation.ts";
import { addOrphan, removeOrphan } from "./orphans.ts";

export const FILE_OPERATIONS = {
  storeFile: write((database, file: StoredFile, options: StoreOptions = {}): Recorded => {
    const { clientId, name, path, storedAt } = file;
    const { quota, keep = 0, chunks } = options;
    const owner = refuseOwner(database, file);
    if (file.tree !== undefined) refuseConflict(database, clientId, name);
    const version = newestVersion(database, clientId, name) + 1;
    database.run("UPDATE files SET current = 0 WHERE client_id = ? AND name = ?", clientId, name);
    const dropped = dropOldest(database, clientId, name, keep);
    insert(database, { ...file, version }, chunks);
    checkQuota(database, clientId, { ...NO_QUOTA, ...quota, ...owner?.quota });
    removeOrphan(database, path);
    database.run("UPDATE clients SET last_seen = ? WHERE id = ?", storedAt, clientId);
    return { version, dropped };
  }),
  usage: read((database, clientId: Bytes, exceptName?: string): Usage =>
    usage(database, clientId, exceptName)
  ),
  findFile: read((
    database,
    clientId: Bytes,
    name: string,
    version?: number,
  ): StoredFile | undefined => find(database, clientId, name, version)),
  findChunks: read((database, { clientId, name, path }: StoredFile): Bytes | undefined => {
    const query = "SELECT chunks FROM files WHERE client_id = ? AND name = ? AND path = ?";
    const [row] = database.all(query, clientId, name, path);
    return (row?.["chunks"] as Bytes | null | undefined) ?? undefined;
  }),
  listFilesBelow: read((
    database,
    clientId: Bytes,
    prefix: string,
    after: string,
    count: number,
  ): StoredFile[] => filesBelow(database, clientId, prefix, after, count)),
  listVersions: read((database, clientId: Bytes, name: string): StoredFile[] =>
    database.all(
      `SELECT ${FILE_COLUMNS} FROM files WHERE client_id = ? AND name = ? ORDER BY version DESC`,
      ...[clientId, name],
    ).map(toFile)
  ),
  dropFile: write((database, clientId: Bytes, name: string): string[] => {
    const paths = database.all(
      "SELECT path FROM files WHERE client_id = ? AND name = ?",
      clientId,
      name,
    )
      .map((row) => row["path"] as string);
    for (const path of paths) addOrphan(database, path);
    database.run("DELETE FROM files WHERE client_id = ? AND name = ?", clientId, name);
    return paths;
  }),
  renameFile: write((database, clientId: Bytes, oldName: string, newName: string): Renamed => {
    if (find(database, clientId, oldName) === undefined) return "missing";
    if (find(database, clientId, newName) !== undefined) return "taken";
    const query = "UPDATE files SET name = ? WHERE client_id = ? AND name = ?";
    database.run(query, newName, clientId, oldName);
    refuseConflict(database, clientId, newName);
    return "renamed";
  }),
  listFiles: read((database, clientId: Bytes): StoredFile[] =>
    database.all(
      `SELECT ${FILE_COLUMNS} FROM files WHERE client_id = ? ORDER BY name, version`,
      clientId,
    ).map(toFile)
  ),
  listFilesAfter: read((database, path: string, count: number): StoredFile[] =>
    database.all(
      `SELECT ${FILE_COLUMNS} FROM files WHERE path > ? ORDER BY path LIMIT ?`,
      ...[path, count],
    ).map(toFile)
  ),
  removeFile: write((database, { clientId, name, path }: StoredFile): void => {
    const query = "DELETE FROM files WHERE client_id = ? AND name = ? AND path = ?";
    database.run(query, clientId, name, path);
  }),
};

function insert(database: Database, file: StoredFile, chunks: Bytes | undefined): void {
  const { clientId, name, version, path, size, crc, storedAt, verified, tree } = file;
  database.run(
    `INSERT INTO files (${FILE_COLUMNS}, chunks)
     VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[clientId, name, version ?? 1, path, size, crc, storedAt, verified ? 1 : 0],
    ...[tree?.mtime ?? null, tree?.digest ?? null, chunks ?? null],
  );
}

/** The file of a name, as it is now or, from 1 on, in one version. */
function find(
  database: Database,
  clientId: Bytes,
  name: string,
  version = 0,
): StoredFile | undefined {
  const query = `SELECT ${FILE_COLUMNS} FROM files WHERE client_id = ? AND name = ?
    AND (version = ? OR (? = 0 AND current = 1))`;
  return database.all(query, clientId, name, version, version).map(toFile)[0];
}

function newestVersion(database: Database, clientId: Bytes, name: string): number {
  const query =
    "SELECT coalesce(max(version), 0) AS newest FROM files WHERE client_id = ? AND name = ?";
  return database.all(query, clientId, name)[0]?.["newest"] as number;
}

/** Forgets all versions of a name but the newest `keep`, and returns their paths, which are orphans from now on. */
function dropOldest(database: Database, clientId: Bytes, name: string, keep: number): string[] {
  const old = database.all(
    `SELECT path FROM files WHERE client_id = ? AND name = ? ORDER BY version DESC LIMIT -1 OFFSET ?`,
    ...[clientId, name, keep],
  ).map((row) => row["path"] as string);
  for (const path of old) {
    addOrphan(database, path);
    database.run("DELETE FROM files WHERE path = ?", path);
  }
  return old;
}

/** Files of protocol 4 are to fit into one tree of folders. */
function refuseConflict(database: Database, clientId: Bytes, name: string): void {
  const above = foldersAbove(name);
  const isFile = above.some((folder) => find(database, clientId, folder) !== undefined);
  if (isFile || filesBelow(database, clientId, `${name}/`, "", 1).length > 0) {
    throw new CatalogRefusal("name-conflict");
  }
}

function filesBelow(
  database: Database,
  clientId: Bytes,
  prefix: string,
  after: string,
  count: number,
): StoredFile[] {
  // What begins with the prefix is what lies between it and the prefix with the last character there is behind it.
  const query = `SELECT ${FILE_COLUMNS} FROM files WHERE client_id = ? AND current = 1
    AND name >= ? AND name < ? AND name > ? ORDER BY name LIMIT ?`;
  const last = `${prefix}\u{10ffff}`;
  return database.all(query, clientId, prefix, last, after, count).map(toFile);
}

const NO_QUOTA: Usage = { bytes: Infinity, files: Infinity };

/**
 * The owner of a file, unless what was decided of it since the file began to arrive forbids to store it. A file that
 * came by protocol 3 has no tree.
 */
function refuseOwner(database: Database, { clientId, tree }: StoredFile): Client | undefined {
  const owner = findBy(database, "id = ?", clientId);
  if (owner?.disabled) throw new CatalogRefusal("account-disabled");
  if (owner?.speech.edition === PROTOCOL_4 && tree === undefined) {
    throw new CatalogRefusal("other-protocol");
  }
  return owner;
}

function checkQuota(database: Database, clientId: Bytes, quota: Usage): void {
  if (quota.bytes === Infinity && quota.files === Infinity) return;
  const used = usage(database, clientId);
  if (used.bytes > quota.bytes) throw new CatalogRefusal("quota-bytes");
  if (used.files > quota.files) throw new CatalogRefusal("quota-files");
}

/** Old versions take room, but are no files of their own. */
function usage(database: Database, clientId: Bytes, exceptName?: string): Usage {
  const [row] = database.all(
    `SELECT coalesce(sum(current), 0) AS files, coalesce(sum(size), 0) AS bytes FROM files
     WHERE client_id = ? AND (? IS NULL OR name <> ?)`,
    ...[clientId, exceptName ?? null, exceptName ?? null],
  );
  return { bytes: row?.["bytes"] as number, files: row?.["files"] as number };
}
