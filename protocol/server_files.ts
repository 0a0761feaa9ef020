/**
 * File names in a server's data folder. The client knows them too, because it uploads no file of a server.
 *
 * @module
 */
export const CATALOG = "catalog.db";
/** The catalog of a backup. Its name differs so that no server uses the backup as its data folder. */
export const BACKUP_CATALOG = "backup.db";
/** The server's key and certificate for protocol 4. */
export const TLS_FILE = "tls.pem";
/** Locked while a server runs. */
export const DATA_LOCK = "lock.db";

export const DATA_FILES = [CATALOG, BACKUP_CATALOG, TLS_FILE, DATA_LOCK];

/** Whether a folder with these names is a server's data folder or a backup of one. */
export function isDataFolder(hasName: (name: string) => boolean): boolean {
  return [CATALOG, BACKUP_CATALOG].some(hasName) && [TLS_FILE, DATA_LOCK].some(hasName);
}
