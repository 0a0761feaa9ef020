/**
 * The schema of the catalog.
 *
 * @module
 */

/** One script per schema version, applied in order. Published scripts never change. */
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
  `
  ALTER TABLE clients ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1));
  ALTER TABLE clients ADD COLUMN quota_bytes INTEGER;
  ALTER TABLE clients ADD COLUMN quota_files INTEGER;
  CREATE TABLE all_files (
    client_id BLOB NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    current INTEGER NOT NULL CHECK (current IN (0, 1)),
    path TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
    mtime INTEGER,
    digest BLOB,
    chunks BLOB,
    PRIMARY KEY (client_id, name, version)
  ) STRICT;
  INSERT INTO all_files
    SELECT client_id, name, 1, 1, path, size, crc, stored_at, verified, mtime, digest, chunks
    FROM files;
  DROP TABLE files;
  ALTER TABLE all_files RENAME TO files;
  CREATE UNIQUE INDEX current_files ON files (client_id, name) WHERE current = 1;
  -- What each client has stored, as the files are changed: to sum it up for every file that is stored takes ever longer.
  CREATE TABLE usage (
    client_id BLOB NOT NULL PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  INSERT INTO usage SELECT client_id, sum(current), sum(size) FROM files GROUP BY client_id;
  CREATE TRIGGER file_added AFTER INSERT ON files BEGIN
    INSERT INTO usage VALUES (new.client_id, new.current, new.size)
      ON CONFLICT DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER file_changed AFTER UPDATE OF client_id, current, size ON files BEGIN
    UPDATE usage SET files = files - old.current, bytes = bytes - old.size
      WHERE client_id = old.client_id;
    INSERT INTO usage VALUES (new.client_id, new.current, new.size)
      ON CONFLICT DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER file_removed AFTER DELETE ON files BEGIN
    UPDATE usage SET files = files - old.current, bytes = bytes - old.size
      WHERE client_id = old.client_id;
  END;
  CREATE TABLE partials (
    client_id BLOB NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime INTEGER NOT NULL,
    path TEXT NOT NULL UNIQUE,
    held INTEGER NOT NULL,
    sums BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, name)
  ) STRICT;
  CREATE TABLE tokens (
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    client_id BLOB REFERENCES clients (id) ON DELETE CASCADE,
    uses_left INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    made_at INTEGER NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE files ADD COLUMN content BLOB;
  `,
  `
  ALTER TABLE files ADD COLUMN damage TEXT CHECK (damage IN ('missing', 'size', 'content'));
  -- Files that a repair moves to quarantine, from before the move until their rows are gone.
  CREATE TABLE repairs (
    path TEXT NOT NULL PRIMARY KEY,
    moved_to TEXT,
    record TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- What an operator calls an invitation, and how many have registered with it.
  ALTER TABLE tokens ADD COLUMN label TEXT;
  ALTER TABLE tokens ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
  `,
];
