/**
 * The files in a server's data folder, by name. A client knows them too: what belongs to a server goes to no server.
 *
 * @module
 */
export const CATALOG = "catalog.db";
/** The catalog of a backup: under another name, so that no server takes the backup for its data folder. */
export const BACKUP_CATALOG = "backup.db";
/** The server's identity in protocol 4: key and certificate. */
export const TLS_FILE = "tls.pem";
/** Locked while a server runs. */
export const DATA_LOCK = "lock.db";

export const DATA_FILES = [CATALOG, BACKUP_CATALOG, TLS_FILE, DATA_LOCK];

/** Whether a folder with such names is a server's data folder, or a backup of one. */
export function isDataFolder(hasName: (name: string) => boolean): boolean {
  return [CATALOG, BACKUP_CATALOG].some(hasName) && [TLS_FILE, DATA_LOCK].some(hasName);
}
