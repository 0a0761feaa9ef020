/**
 * The schema of the catalog.
 *
 * @module
 */

/** One script a schema version, applied in order; what has been published is never changed. */
export const MIGRATIONS: readonly string[] = [
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
  `
  CREATE TABLE keys (
    client_id BLOB NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    key BLOB NOT NULL CHECK (length(key) = 32),
    added_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, key)
  ) STRICT;
  ALTER TABLE files ADD COLUMN mtime INTEGER;
  ALTER TABLE files ADD COLUMN digest BLOB;
  ALTER TABLE files ADD COLUMN chunks BLOB;
  `,
];
