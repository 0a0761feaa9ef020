/**
 * The tables of servers that share a catalog, and the function that keeps out those that were removed.
 *
 * @module
 */

/** The first number of the lock of a server, the letters "xfle". The second number is its epoch. */
export const LEASE_LOCK = 0x78666c65;
/** The code of the error that a transaction of a server without a lease gets. */
export const LEASE_LOST = "XF001";

export const CLUSTER_TABLES = `
  CREATE TABLE nodes (
    epoch bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    lease_until timestamptz NOT NULL,
    renewals bigint NOT NULL DEFAULT 0,
    -- The newest version of the schema that the server knows.
    schema_version integer NOT NULL
  );
  -- Uploads that a server is writing.
  CREATE TABLE open_uploads (
    path text COLLATE "C" NOT NULL PRIMARY KEY,
    epoch bigint NOT NULL
  );
  CREATE INDEX open_uploads_at ON open_uploads (epoch);
  -- Which upload of a name can be resumed, and what it will add to the usage of its account.
  CREATE TABLE claims (
    id bytea NOT NULL PRIMARY KEY,
    epoch bigint NOT NULL,
    client_id bytea NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    current boolean NOT NULL DEFAULT true,
    wanted boolean NOT NULL DEFAULT false,
    bytes bigint NOT NULL DEFAULT 0,
    files bigint NOT NULL DEFAULT 0
  );
  CREATE INDEX claims_of ON claims (client_id);
  CREATE INDEX claims_at ON claims (epoch);
  CREATE TABLE shared_values (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    value bytea NOT NULL
  );
  -- A server is removed while it has no transaction in progress, so that no one holds this lock. Each statement sees what
  -- was committed before it, so that a transaction that had to wait for the lock finds the lease gone.
  CREATE FUNCTION hold_lease(mine bigint) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_advisory_xact_lock_shared(${LEASE_LOCK}, mine::integer);
    IF NOT EXISTS (SELECT FROM nodes WHERE epoch = mine) THEN
      RAISE EXCEPTION 'server % was removed', mine USING ERRCODE = '${LEASE_LOST}';
    END IF;
  END $$;
`;
