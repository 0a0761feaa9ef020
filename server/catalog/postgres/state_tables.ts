/**
 * The tables of what a client of protocol 3 must find at each server.
 *
 * @module
 */

export const STATE_TABLES = `
  CREATE TABLE registration_counts (
    origin text COLLATE "C" NOT NULL PRIMARY KEY,
    count bigint NOT NULL,
    since timestamptz NOT NULL
  );
  CREATE INDEX registration_count_times ON registration_counts (since);
  -- AES keys, encrypted with the secret of the cluster.
  CREATE TABLE sessions (
    client_id bytea NOT NULL PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    wrapped bytea NOT NULL,
    used_at timestamptz NOT NULL
  );
  CREATE INDEX session_times ON sessions (used_at);
  CREATE TABLE reserved_ids (
    id bytea NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    name text COLLATE "C" NOT NULL,
    claimed_id bytea NOT NULL,
    edition text NOT NULL,
    habits text NOT NULL,
    added_at timestamptz NOT NULL
  );
  CREATE INDEX reserved_names ON reserved_ids (name);
  CREATE INDEX reserved_id_times ON reserved_ids (added_at);
  CREATE TABLE disputes (
    client_id bytea NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    crc bigint NOT NULL,
    size bigint NOT NULL,
    times bigint NOT NULL,
    is_other_wrong boolean NOT NULL,
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, name)
  );
  CREATE INDEX dispute_times ON disputes (noted_at);
  -- Files whose checksum the client has not confirmed. Each is gone after minutes, so that removing an account may leave it.
  CREATE TABLE unverified (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id bytea NOT NULL,
    name text COLLATE "C" NOT NULL,
    server text COLLATE "C" NOT NULL,
    connection bigint NOT NULL,
    path text COLLATE "C" NOT NULL UNIQUE,
    content bytea,
    size bigint NOT NULL,
    crc bigint NOT NULL,
    is_other_sent boolean NOT NULL,
    is_disputed boolean NOT NULL,
    is_intact boolean NOT NULL,
    has_key boolean NOT NULL,
    -- When the connection began, and when the file had arrived.
    opened_at timestamptz NOT NULL,
    arrived_at timestamptz NOT NULL
  );
  ALTER TABLE unverified ALTER content SET STORAGE EXTERNAL;
  CREATE INDEX unverified_of ON unverified (client_id, id);
  CREATE INDEX unverified_times ON unverified (arrived_at);
  -- Files whose packets arrive on separate connections: the request of the first packet, and how much has arrived.
  CREATE TABLE parked (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id bytea NOT NULL,
    name text COLLATE "C" NOT NULL,
    file_name bytea NOT NULL,
    content_size bigint NOT NULL,
    original_size bigint,
    total_packets bigint,
    plaintext_size bigint,
    packets bigint NOT NULL,
    bytes bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (client_id, name)
  );
  CREATE INDEX parked_times ON parked (updated_at);
  CREATE TABLE parked_packets (
    parked_id bigint NOT NULL REFERENCES parked (id) ON DELETE CASCADE,
    number bigint NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (parked_id, number)
  );
  ALTER TABLE parked_packets ALTER content SET STORAGE EXTERNAL;
`;
