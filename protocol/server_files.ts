/**
 * File names in a server's data folder. The client knows them too, because it uploads no file of a server.
 *
 * @module
 */
export const CATALOG = "catalog.db";
/** The catalog of a backup. Its name differs so that no server uses the backup as its data folder. */
export const BACKUP_CATALOG = "backup.db";
/** The folder with the states of a backup. Each has a catalog of its own. */
export const BACKUP_STATES = "states";
/** The server's key and certificate for protocol 4. */
export const TLS_FILE = "tls.pem";
/** Locked while a server runs, or while a backup is written. */
export const DATA_LOCK = "lock.db";
/** Locked while files are imported, and while a starting server removes leftovers. */
export const IMPORT_LOCK = "import.db";

/** The socket by which commands ask a running server. */
export const CONTROL_SOCKET = "control.sock";
/** The address of the operator's page, and the key of links to it, while a server runs. */
export const ADMIN_FILE = "admin.json";

export const DATA_FILES = [CATALOG, BACKUP_CATALOG, TLS_FILE, DATA_LOCK, IMPORT_LOCK, ADMIN_FILE];

const CATALOGS = [CATALOG, BACKUP_CATALOG, BACKUP_STATES];
/** The names by which {@link isDataFolder} recognizes a folder. */
export const DATA_FOLDER_NAMES = [...CATALOGS, TLS_FILE, DATA_LOCK];

/** Whether a folder with these names is a server's data folder or a backup of one. */
export function isDataFolder(hasName: (name: string) => boolean): boolean {
  return CATALOGS.some(hasName) && [TLS_FILE, DATA_LOCK].some(hasName);
}
