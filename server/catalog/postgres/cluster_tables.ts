/**
 * The tables of servers that share a catalog, and the function that keeps out those whose lease was taken over.
 *
 * @module
 */

/** The first number of the lock of a server, the letters "xfle". The second number is its epoch. */
export const LEASE_LOCK = 0x78666c65;
/** The lock of a change of the servers, the letters "xfno". */
export const NODES_LOCK = 0x78666e6f;
/** The code of the error that a transaction of a server without a lease gets. */
export const LEASE_LOST = "XF001";

export const CLUSTER_TABLES = `
  CREATE TABLE nodes (
    epoch bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    lease_until timestamptz NOT NULL,
    renewals bigint NOT NULL DEFAULT 0
  );
  CREATE TABLE shared_values (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    value bytea NOT NULL
  );
  -- Who takes a lease over waits for the locks of its transactions in progress. Each statement sees what was committed
  -- before it, so that a transaction that had to wait for the lock finds the lease gone.
  CREATE FUNCTION hold_lease(mine bigint) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_advisory_xact_lock_shared(${LEASE_LOCK}, mine::integer);
    IF NOT EXISTS (SELECT FROM nodes WHERE epoch = mine) THEN
      RAISE EXCEPTION 'lease % was taken over', mine USING ERRCODE = '${LEASE_LOST}';
    END IF;
  END $$;
`;
