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
  `
  -- Content and digests of chunks are in a table of their own: renaming a file or making it history must not write them
  -- again.
  CREATE TABLE contents (
    file INTEGER NOT NULL PRIMARY KEY,
    chunks BLOB,
    content BLOB
  ) STRICT;
  CREATE TABLE entries (
    id INTEGER NOT NULL PRIMARY KEY,
    client_id BLOB NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    -- In Unicode normalization form C.
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    current INTEGER NOT NULL CHECK (current IN (0, 1)),
    kind INTEGER NOT NULL DEFAULT 0 CHECK (kind IN (0, 1, 2)),
    mode INTEGER,
    path TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    ended_at INTEGER,
    stored_by BLOB,
    verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
    mtime INTEGER,
    mtime_ns INTEGER NOT NULL DEFAULT 0,
    digest BLOB,
    damage TEXT CHECK (damage IN ('missing', 'size', 'content')),
    -- The name as the client gave it, if it differs.
    given TEXT,
    UNIQUE (client_id, name, version),
    CHECK ((current = 1) = (ended_at IS NULL))
  ) STRICT;
  INSERT INTO entries (client_id, name, version, current, path, size, crc, stored_at, ended_at,
      verified, mtime, digest, damage)
    SELECT client_id, name, version, current, path, size, crc, stored_at,
      CASE current WHEN 0 THEN CAST(strftime('%s', 'now') AS INTEGER) * 1000 END,
      verified, mtime, digest, damage
    FROM files ORDER BY client_id, name, version;
  INSERT INTO contents
    SELECT id, chunks, content FROM files JOIN entries USING (path)
    WHERE chunks IS NOT NULL OR content IS NOT NULL ORDER BY id;
  DROP TABLE files;
  ALTER TABLE entries RENAME TO files;
  CREATE UNIQUE INDEX current_files ON files (client_id, name) WHERE current = 1;
  CREATE INDEX account_history ON files (client_id, ended_at) WHERE current = 0;
  CREATE INDEX history ON files (ended_at) WHERE current = 0;
  -- History outside the catalog: deleting it makes room on the disk.
  CREATE INDEX blob_history ON files (ended_at)
    WHERE current = 0 AND substr(path, 1, 8) <> 'catalog/';
  CREATE INDEX damaged_files ON files (client_id, name) WHERE damage IS NOT NULL;
  CREATE INDEX given_names ON files (client_id, name) WHERE given IS NOT NULL;
  -- The columns files and bytes count current files. History does not count towards a quota.
  DROP TABLE usage;
  CREATE TABLE usage (
    client_id BLOB NOT NULL PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    history_files INTEGER NOT NULL,
    history_bytes INTEGER NOT NULL
  ) STRICT;
  INSERT INTO usage
    SELECT client_id, sum(current), sum(current * size), sum(1 - current), sum((1 - current) * size)
    FROM files GROUP BY client_id;
  CREATE TRIGGER file_added AFTER INSERT ON files BEGIN
    INSERT INTO usage VALUES (new.client_id, new.current, new.current * new.size,
        1 - new.current, (1 - new.current) * new.size)
      ON CONFLICT DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes,
        history_files = history_files + excluded.history_files,
        history_bytes = history_bytes + excluded.history_bytes;
  END;
  CREATE TRIGGER file_changed AFTER UPDATE OF current, size ON files BEGIN
    UPDATE usage SET files = files + new.current - old.current,
        bytes = bytes + new.current * new.size - old.current * old.size,
        history_files = history_files - new.current + old.current,
        history_bytes = history_bytes + (1 - new.current) * new.size - (1 - old.current) * old.size
      WHERE client_id = new.client_id;
  END;
  CREATE TRIGGER file_removed AFTER DELETE ON files BEGIN
    DELETE FROM contents WHERE file = old.id;
    UPDATE usage SET files = files - old.current, bytes = bytes - old.current * old.size,
        history_files = history_files - (1 - old.current),
        history_bytes = history_bytes - (1 - old.current) * old.size
      WHERE client_id = old.client_id;
  END;
  ALTER TABLE partials ADD COLUMN mtime_ns INTEGER NOT NULL DEFAULT 0;
  -- Whether a commit has reserved the blob, which is garbage only after a crash.
  ALTER TABLE orphans ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved IN (0, 1));
  `,
  `
  -- When the server last computed the digest from the content; NULL: it has not, the digest is that of the client.
  ALTER TABLE files ADD COLUMN confirmed_at INTEGER;
  -- Until now, the server has computed every digest itself.
  UPDATE files SET confirmed_at = stored_at WHERE digest IS NOT NULL AND damage IS NULL;
  CREATE INDEX unconfirmed_files ON files (id)
    WHERE confirmed_at IS NULL AND digest IS NOT NULL AND damage IS NULL;
  -- The program counts the files that it inserts, once for a whole pack.
  DROP TRIGGER file_added;
  `,
  `
  -- What the account may do with files.
  ALTER TABLE clients ADD COLUMN access TEXT NOT NULL DEFAULT 'full'
    CHECK (access IN ('full', 'append-only', 'read-only', 'drop-box'));
  `,
  `
  -- Rounds of the background check: the last complete one, and the one in progress.
  CREATE TABLE check_rounds (
    id INTEGER NOT NULL PRIMARY KEY,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    requested INTEGER NOT NULL CHECK (requested IN (0, 1)),
    after TEXT,
    files INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    damaged INTEGER NOT NULL DEFAULT 0,
    unreadable INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  `,
  `
  -- Events for a receiver, in their order. Removing an account leaves them.
  CREATE TABLE hooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery TEXT NOT NULL,
    type TEXT NOT NULL,
    client_id BLOB,
    -- A number of the file; NULL: the event concerns the whole account.
    lane INTEGER,
    body TEXT NOT NULL,
    size INTEGER NOT NULL,
    queued_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    failure TEXT,
    dead INTEGER NOT NULL DEFAULT 0 CHECK (dead IN (0, 1)),
    -- The server that delivers it, until when.
    claim TEXT,
    claimed_until INTEGER
  ) STRICT;
  CREATE INDEX hook_lanes ON hooks (client_id, lane, id) WHERE dead = 0;
  CREATE INDEX dead_hooks ON hooks (id) WHERE dead = 1;
  `,
];
