/**
 * The schema of the catalog. The tables have the names that they have in SQLite, so that both can be compared.
 *
 * @module
 */
import { ConfigurationError } from "../../../protocol/errors.ts";
import { CLUSTER_TABLES } from "./cluster_tables.ts";
import { FILE_TABLES } from "./file_tables.ts";
import { STATE_TABLES } from "./state_tables.ts";

/** The lock of a change of the schema, the letters "xfer". */
export const MIGRATION_LOCK = 0x78666572;

/** A step of the schema. */
export interface Migration {
  readonly script: string;
  /**
   * The oldest schema version whose servers can still work with this step, so that servers can be upgraded one by one.
   * It is the version before if the step only adds tables, indexes, or columns with a default.
   */
  readonly usableFrom: number;
}

/** The steps, by schema version from 1 on. Published steps never change. */
export const MIGRATIONS: readonly Migration[] = [
  {
    usableFrom: 1,
    script: `
  CREATE TABLE clients (
    id bytea NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    name text COLLATE "C" NOT NULL UNIQUE,
    public_key bytea,
    first_seen bigint NOT NULL,
    last_seen bigint NOT NULL,
    edition text NOT NULL,
    habits text NOT NULL,
    disabled boolean NOT NULL DEFAULT false,
    -- NULL: the server's; -1: none.
    quota_bytes bigint,
    quota_files bigint
  );
  CREATE TABLE keys (
    client_id bytea NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    key bytea NOT NULL CHECK (octet_length(key) = 32),
    added_at bigint NOT NULL,
    PRIMARY KEY (client_id, key)
  );
  ${FILE_TABLES}
  ${CLUSTER_TABLES}
  ${STATE_TABLES}
  CREATE TABLE partials (
    -- The order in which they were recorded.
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id bytea NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    mtime bigint NOT NULL,
    mtime_ns integer NOT NULL,
    path text COLLATE "C" NOT NULL UNIQUE,
    held bigint NOT NULL,
    sums bytea NOT NULL,
    updated_at bigint NOT NULL
  );
  ALTER TABLE partials ALTER sums SET STORAGE EXTERNAL;
  -- A name can be longer than an entry of an index.
  CREATE UNIQUE INDEX partial_names ON partials (client_id, hashtextextended(name, 0));
  CREATE INDEX partial_times ON partials (updated_at);
  CREATE TABLE tokens (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    hash bytea NOT NULL PRIMARY KEY CHECK (octet_length(hash) = 32),
    client_id bytea REFERENCES clients (id) ON DELETE CASCADE,
    label text,
    uses_left bigint NOT NULL,
    used bigint NOT NULL,
    expires_at bigint NOT NULL,
    made_at bigint NOT NULL
  );
  CREATE INDEX tokens_of ON tokens (client_id);
  CREATE TABLE orphans (
    path text COLLATE "C" NOT NULL PRIMARY KEY,
    -- Whether a commit has reserved the blob, which is garbage only after a crash.
    reserved boolean NOT NULL DEFAULT false,
    -- The server that has reserved it.
    epoch bigint
  );
  -- Files that a repair moves to quarantine, from before the move until their rows are gone.
  CREATE TABLE repairs (
    path text COLLATE "C" NOT NULL PRIMARY KEY,
    moved_to text,
    record text NOT NULL
  );
  `,
  },
  {
    usableFrom: 1,
    script: `
  -- What the account may do with files. Servers of the version before do not check it.
  ALTER TABLE clients ADD COLUMN access text NOT NULL DEFAULT 'full'
    CHECK (access IN ('full', 'append-only', 'read-only', 'drop-box'));
  `,
  },
  {
    usableFrom: 1,
    script: `
  -- Whether the content of the file follows, since its connection has ended. Servers of the versions before do not say it.
  ALTER TABLE unverified ADD COLUMN is_coming boolean NOT NULL DEFAULT false;
  `,
  },
  {
    usableFrom: 1,
    script: `
  -- Rounds of the background check: the last complete one, and the one in progress.
  CREATE TABLE check_rounds (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at bigint NOT NULL,
    ended_at bigint,
    requested boolean NOT NULL,
    after text COLLATE "C",
    files bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    damaged bigint NOT NULL DEFAULT 0,
    unreadable bigint NOT NULL DEFAULT 0
  );
  `,
  },
  {
    usableFrom: 1,
    script: `
  -- Events for a receiver, in their order. Servers of the versions before queue none.
  CREATE TABLE hooks (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery text NOT NULL,
    type text NOT NULL,
    client_id bytea,
    -- A number of the file; NULL: the event concerns the whole account.
    lane bigint,
    body text NOT NULL,
    size bigint NOT NULL,
    queued_at bigint NOT NULL,
    due_at bigint NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    failure text,
    dead boolean NOT NULL DEFAULT false,
    -- The server that delivers it, until when.
    claim text,
    claimed_until bigint
  );
  CREATE INDEX hook_lanes ON hooks (client_id, lane, id) WHERE NOT dead;
  CREATE INDEX dead_hooks ON hooks (id) WHERE dead;
  `,
  },
  {
    usableFrom: 1,
    script: `
  -- What operators ask of all servers, and what these report. A crash of the database may lose it.
  CREATE UNLOGGED TABLE operator_requests (
    subject text COLLATE "C" NOT NULL PRIMARY KEY,
    operator text NOT NULL,
    until timestamptz NOT NULL
  );
  CREATE UNLOGGED TABLE node_reports (
    epoch bigint NOT NULL PRIMARY KEY,
    report text NOT NULL,
    at timestamptz NOT NULL
  );
  `,
  },
];

/** The error of a program that knows an older schema than the database has. */
export function tooNew(version: number, known: number): ConfigurationError {
  return new ConfigurationError(
    "catalog-too-new",
    `the catalog's database has schema version ${version}; this xfer knows up to ${known}`,
    { hint: "Use the newer version of xfer that wrote it." },
  );
}
