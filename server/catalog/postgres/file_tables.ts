/**
 * The tables of files, for the first step of the schema. They need the table `clients`.
 *
 * @module
 */
import { INLINE_PREFIX } from "../inline_ids.ts";

/**
 * The number of characters of a name in an index. An entry of an index has at most 2,704 bytes, but a name has up to 4,096,
 * and up to three times as many in NFC. The rest of a longer name is in the index as a hash.
 */
export const NAME_HEAD = 500;

/**
 * Content and digests of chunks are columns of the row, which Postgres moves out of it if they are large. A change of other
 * columns does not write them again. EXTERNAL: not compressed, so that a part is read without the rest.
 */
export const FILE_TABLES = `
  CREATE TABLE files (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id bytea NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    -- In Unicode normalization form C. The order of "C" is that of code points.
    name text COLLATE "C" NOT NULL,
    head text COLLATE "C" NOT NULL GENERATED ALWAYS AS (left(name, ${NAME_HEAD})) STORED,
    tail bigint NOT NULL GENERATED ALWAYS AS
      (CASE WHEN length(name) > ${NAME_HEAD} THEN hashtextextended(name, 0) ELSE 0 END) STORED,
    -- The name as the client gave it, if it differs.
    given text COLLATE "C",
    version bigint NOT NULL,
    current boolean NOT NULL,
    kind smallint NOT NULL CHECK (kind IN (0, 1, 2)),
    mode integer,
    path text COLLATE "C" NOT NULL UNIQUE,
    size bigint NOT NULL,
    crc bigint NOT NULL,
    stored_at bigint NOT NULL,
    ended_at bigint,
    stored_by bytea,
    verified boolean NOT NULL,
    mtime bigint,
    mtime_ns integer NOT NULL DEFAULT 0,
    digest bytea,
    confirmed_at bigint,
    damage text CHECK (damage IN ('missing', 'size', 'content')),
    chunks bytea,
    content bytea,
    CHECK (current = (ended_at IS NULL))
  );
  ALTER TABLE files ALTER chunks SET STORAGE EXTERNAL, ALTER content SET STORAGE EXTERNAL;
  CREATE UNIQUE INDEX file_versions ON files (client_id, head, tail, version);
  CREATE UNIQUE INDEX current_files ON files (client_id, head, tail) WHERE current;
  CREATE INDEX account_history ON files (client_id, ended_at, id) WHERE NOT current;
  CREATE INDEX history ON files (ended_at, id) WHERE NOT current;
  -- History outside the catalog: deleting it makes room in the blob store.
  CREATE INDEX blob_history ON files (ended_at, id)
    WHERE NOT current AND NOT starts_with(path, '${INLINE_PREFIX}');
  CREATE INDEX damaged_files ON files (client_id, head) WHERE damage IS NOT NULL;
  CREATE INDEX unconfirmed_files ON files (id)
    WHERE confirmed_at IS NULL AND digest IS NOT NULL AND damage IS NULL;
  -- The columns files and bytes count current files. History does not count towards a quota. The program counts.
  CREATE TABLE usage (
    client_id bytea NOT NULL PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    files bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    history_files bigint NOT NULL DEFAULT 0,
    history_bytes bigint NOT NULL DEFAULT 0
  );
`;
