/**
 * State that a client of protocol 3 must find at each server.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import { type Row, toStoredProfile } from "../../rows.ts";
import type { Dispute, ReservedId } from "../../shared_state.ts";
import type { StateKind, StateRows } from "../../state_rows.ts";
import { ago, atMost, type OperationsOf, read, repeatable, write } from "./operation.ts";

/** The share of its time to live for which a key is not written again when it is used. */
const UNTOUCHED = 1 / 16;

/** The table of each kind of entry, its key, and the column with the time of its last use. */
const TABLES: Readonly<Record<StateKind, readonly [table: string, key: string, time: string]>> = {
  registrations: ["registration_counts", "origin", "since"],
  sessions: ["sessions", "client_id", "used_at"],
  reservedIds: ["reserved_ids", "id", "added_at"],
  disputes: ["disputes", "(client_id, name)", "noted_at"],
};

const KINDS = Object.keys(TABLES) as StateKind[];

export const STATE_OPERATIONS: OperationsOf<StateRows> = {
  countRegistration: write(async ({ get }, origin: string, ttlMs: number) => {
    const row = await get(
      `INSERT INTO registration_counts AS own VALUES ($1, 1, clock_timestamp())
       ON CONFLICT (origin) DO UPDATE SET
         count = CASE WHEN own.since > ${ago(2)} THEN own.count + 1 ELSE 1 END,
         since = CASE WHEN own.since > ${ago(2)} THEN own.since ELSE excluded.since END
       RETURNING count`,
      ...[origin, ttlMs],
    );
    return row?.["count"] as number;
  }),
  setSession: repeatable(async ({ run }, accountId: Bytes, wrapped: Bytes) => {
    await run(
      `INSERT INTO sessions VALUES ($1, $2, clock_timestamp()) ON CONFLICT (client_id)
       DO UPDATE SET wrapped = excluded.wrapped, used_at = excluded.used_at`,
      ...[accountId, wrapped],
    );
  }),
  findSession: async (database, accountId: Bytes, ttlMs: number) => {
    const found = await database.read(({ get }) =>
      get(
        `SELECT wrapped, used_at < ${ago(3)} AS is_old FROM sessions
         WHERE client_id = $1 AND used_at > ${ago(2)}`,
        ...[accountId, ttlMs, ttlMs * UNTOUCHED],
      )
    );
    if (found?.["is_old"] === true) {
      await database.repeatable(({ run }) =>
        run("UPDATE sessions SET used_at = clock_timestamp() WHERE client_id = $1", accountId)
      );
    }
    return found?.["wrapped"] as Bytes | undefined;
  },
  deleteSession: repeatable(async ({ run }, accountId: Bytes) => {
    await run("DELETE FROM sessions WHERE client_id = $1", accountId);
  }),
  reserveId: repeatable(async ({ run }, id: Bytes, reserved: ReservedId, max: number) => {
    const { name, claimedId, storedProfile: { edition, quirks } } = reserved;
    await Promise.all([
      run(
        `INSERT INTO reserved_ids VALUES ($1, $2, $3, $4, $5, clock_timestamp())
         ON CONFLICT DO NOTHING`,
        ...[id, name, claimedId, edition, quirks.join(" ")],
      ),
      run(surplus("reservedIds"), atMost(max)),
    ]);
  }),
  reservedId: read(async ({ get }, id: Bytes, ttlMs: number) => {
    const query = `SELECT * FROM reserved_ids WHERE id = $1 AND added_at > ${ago(2)}`;
    const row = await get(query, id, ttlMs);
    return row && toReservedId(row);
  }),
  reservedFor: read(async ({ all }, name: string, ttlMs: number) => {
    const query = `SELECT * FROM reserved_ids WHERE name = $1 AND added_at > ${ago(2)}
      ORDER BY added_at`;
    return (await all(query, name, ttlMs)).map(toReservedId);
  }),
  deleteReserved: repeatable(async ({ run }, name: string) => {
    await run("DELETE FROM reserved_ids WHERE name = $1", name);
  }),
  setDispute: repeatable(async ({ run }, accountId: Bytes, name: string, dispute: Dispute) => {
    const { crc, size, times, isOtherWrong } = dispute;
    await run(
      `INSERT INTO disputes VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
       ON CONFLICT (client_id, name) DO UPDATE SET crc = excluded.crc, size = excluded.size,
         times = excluded.times, is_other_wrong = excluded.is_other_wrong,
         noted_at = excluded.noted_at`,
      ...[accountId, name, crc, size, times, isOtherWrong],
    );
  }),
  findDispute: read(async ({ get }, accountId: Bytes, name: string, ttlMs: number) => {
    const query = `SELECT * FROM disputes
      WHERE client_id = $1 AND name = $2 AND noted_at > ${ago(3)}`;
    const row = await get(query, accountId, name, ttlMs);
    return row && toDispute(row);
  }),
  deleteDispute: repeatable(async ({ run }, accountId: Bytes, name: string) => {
    await run("DELETE FROM disputes WHERE client_id = $1 AND name = $2", accountId, name);
  }),
  sweepState: repeatable(async ({ run }, bounds) => {
    for (const kind of KINDS) {
      const [table, , time] = TABLES[kind];
      await run(`DELETE FROM ${table} WHERE ${time} <= ${ago(1)}`, bounds[kind].ttlMs);
      await run(surplus(kind), atMost(bounds[kind].max));
    }
  }),
};

/** Deletes all but the latest entries. Their number is the parameter. */
function surplus(kind: StateKind): string {
  const [table, key, time] = TABLES[kind];
  const columns = key.replace(/[()]/g, "");
  return `DELETE FROM ${table} WHERE ${key} IN
    (SELECT ${columns} FROM ${table} ORDER BY ${time} DESC OFFSET $1)`;
}

function toReservedId(row: Row): ReservedId {
  return {
    name: row["name"] as string,
    claimedId: row["claimed_id"] as Bytes,
    storedProfile: toStoredProfile(row),
  };
}

function toDispute(row: Row): Dispute {
  return {
    crc: row["crc"] as number,
    size: row["size"] as number,
    times: row["times"] as number,
    isOtherWrong: row["is_other_wrong"] as boolean,
  };
}
