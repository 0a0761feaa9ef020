/**
 * Accounts: registrations over both protocols, keys, and changes by an operator.
 *
 * @module
 */
import type { BlobId, UploadId } from "../../../blobs/blob_store.ts";
import { type Bytes, equalBytes } from "../../../../protocol/bytes.ts";
import {
  type Account,
  type AccountChanges,
  type AccountReference,
  type Accounts,
  type ClaimAccount,
  type KnownKey,
  type LoginFault,
  type LoginResult,
  mayYield,
  type Principal,
  PROTOCOL_4,
  type RegisterV3,
  type RegisterV4,
  type SetPublicKey,
  type StoredProfile,
} from "../../accounts.ts";
import { MAX_KEYS } from "../../bounds.ts";
import { registeredEvent } from "../../hook_events.ts";
import { INLINE_PREFIX } from "../../inline_ids.ts";
import { toAccount, toLimitColumn, toUsage } from "../../rows.ts";
import { FOLDER_MS, type Queries, type Transaction } from "../database.ts";
import { queueHooks } from "./hooks.ts";
import { type OperationsOf, read, repeatable, wholeTime, write } from "./operation.ts";
import { dropLinks, findGoodToken, revocationsOf, useToken } from "./tokens.ts";

export const ACCOUNT_OPERATIONS: OperationsOf<Accounts> = {
  registerV3: write(async (queries, registration: RegisterV3) => {
    const { id, name, now, storedProfile, expiredBefore, claimedIds } = registration;
    const holder = await lockHolder(queries, name);
    if (holder !== undefined) {
      if (!mayYield(holder, expiredBefore, claimedIds)) return false;
      await queries.run("DELETE FROM clients WHERE id = $1", holder.id);
    }
    await insert(queries, { id, name, publicKey: null, now, storedProfile });
    return true;
  }),
  setPublicKey: write(async (queries, change: SetPublicKey) => {
    const { id, name, publicKey, now, storedProfile, expiredBefore, reservedFor } = change;
    const holder = await lockHolder(queries, name);
    const account = holder !== undefined && equalBytes(holder.id, id) ? holder : undefined;
    if (account?.storedProfile.edition === PROTOCOL_4) return "unknown";
    if (account?.disabled) return "disabled";
    const expired = account?.publicKey === undefined && (account?.firstSeen ?? 0) < expiredBefore;
    if (account !== undefined && !expired) {
      const query = "UPDATE clients SET public_key = $1, last_seen = $2 WHERE id = $3";
      await queries.run(query, publicKey, now, id);
      const before = account.publicKey;
      return before === undefined || equalBytes(before, publicKey) ? "set" : "replaced";
    }
    if (reservedFor === undefined) return "unknown";
    if (holder !== undefined && !mayYield(holder, expiredBefore, [reservedFor])) return "unknown";
    await queries.run("DELETE FROM clients WHERE name = $1", name);
    await insert(queries, { id, name, publicKey, now, storedProfile });
    return "set";
  }),
  registerV4: write(async (queries, request: RegisterV4): Promise<LoginResult | LoginFault> => {
    const { id, name, key, now, expiredBefore, registration } = request;
    const holder = await lockHolder(queries, name);
    // The answer to an earlier registration may have been lost, so it is answered again.
    if (holder !== undefined && await hasKey(queries, holder, key)) return known(holder);
    const token = request.token && await findGoodToken(queries, request.token, now);
    if (typeof token === "string") return token;
    if (token?.accountId !== undefined) {
      if (holder === undefined || !equalBytes(holder.id, token.accountId)) {
        return "token-of-another";
      }
      const fault = await bind(queries, holder, key, now);
      if (fault !== undefined) return fault;
      await useToken(queries, token);
      return { account: holder, how: "linked" };
    }
    if (registration === "closed") return "closed";
    if (registration === "invite" && token === undefined) return "invitation-needed";
    if (holder !== undefined) {
      if (!mayYield(holder, expiredBefore, [])) return "name-taken";
      await queries.run("DELETE FROM clients WHERE id = $1", holder.id);
    }
    const storedProfile = { edition: PROTOCOL_4, quirks: [] };
    const account = await insert(queries, { id, name, publicKey: null, now, storedProfile });
    await addKey(queries, id, key, now);
    if (token !== undefined) await useToken(queries, token);
    return { account, how: "registered" };
  }),
  takeOver: write(async (queries, claim: ClaimAccount): Promise<LoginResult | LoginFault> => {
    const { id, name, publicKey, key, now } = claim;
    const account = await lock(queries, "id = $1 AND name = $2", id, name);
    if (account === undefined) return "no-such-account";
    if (await hasKey(queries, account, key)) return known(account);
    if (account.storedProfile.edition === PROTOCOL_4) return "claimed-already";
    // The key may have been replaced since the challenge.
    if (account.publicKey === undefined || !equalBytes(account.publicKey, publicKey)) {
      return "no-such-account";
    }
    return await bind(queries, account, key, now) ?? { account, how: "claimed" };
  }),
  find: read(async (queries, by: AccountReference) => {
    const rows = await queries.all(
      `SELECT clients.*, key, added_at FROM clients LEFT JOIN keys ON client_id = id
       WHERE ${"id" in by ? "id" : "name"} = $1 ORDER BY added_at, key`,
      "id" in by ? by.id : by.name,
    );
    return rows[0] && {
      ...toAccount(rows[0]),
      keys: rows.filter((row) => row["key"] !== null)
        .map((row): KnownKey => ({
          key: row["key"] as Bytes,
          addedAt: row["added_at"] as number,
        })),
    };
  }),
  list: read(async (queries) => {
    const rows = await queries.all(
      `SELECT clients.*, files, bytes, history_files, history_bytes,
         (SELECT count(*) FROM keys WHERE client_id = id) AS keys
       FROM clients LEFT JOIN usage ON usage.client_id = id ORDER BY name`,
    );
    return rows.map((row) => ({
      ...toAccount(row),
      protocol: row["edition"] === PROTOCOL_4 ? 4 : 3,
      keys: row["keys"] as number,
      ...toUsage(row),
    }));
  }),
  touch: repeatable(async (queries, id: Bytes, now: number) => {
    await queries.run("UPDATE clients SET last_seen = $1 WHERE id = $2", now, id);
  }),
  setProfile: repeatable(async (queries, id: Bytes, { edition, quirks }: StoredProfile) => {
    // A connection of protocol 3 may still be open when its account moves to protocol 4.
    const query = "UPDATE clients SET edition = $1, habits = $2 WHERE id = $3 AND edition <> $4";
    await queries.run(query, edition, quirks.join(" "), id, PROTOCOL_4);
  }),
  update: write(async (queries, id: Bytes, changes: AccountChanges) => {
    const { name, disabled, quota, access } = changes;
    if (name !== undefined) await lockName(queries, name);
    if (await lock(queries, "id = $1", id) === undefined) return "missing";
    if (name !== undefined) {
      const taken = "SELECT 1 FROM clients WHERE name = $1 AND id <> $2";
      if (await queries.get(taken, name, id) !== undefined) return "name-taken";
      await queries.run("UPDATE clients SET name = $1 WHERE id = $2", name, id);
    }
    if (disabled !== undefined) {
      await queries.run("UPDATE clients SET disabled = $1 WHERE id = $2", disabled, id);
      if (disabled) await dropLinks(queries, id);
    }
    for (const limit of ["bytes", "files"] as const) {
      const value = quota?.[limit];
      if (value === undefined) continue;
      const query = `UPDATE clients SET quota_${limit} = $1 WHERE id = $2`;
      await queries.run(query, toLimitColumn(value), id);
    }
    if (access !== undefined) {
      await queries.run("UPDATE clients SET access = $1 WHERE id = $2", access, id);
    }
    return "updated";
  }),
  removeKey: write(async (queries, id: Bytes, key: Bytes) => {
    await lock(queries, "id = $1", id);
    const had = await queries.run("DELETE FROM keys WHERE client_id = $1 AND key = $2", id, key);
    // A holder of the removed key may have created link tokens.
    await dropLinks(queries, id);
    return had > 0;
  }),
  revocations: read((queries, principals: readonly Principal[]) =>
    revocationsOf(queries, principals)
  ),
  remove: (database, id: Bytes) =>
    database.transaction(async (queries) => {
      await lock(queries, "id = $1", id);
      const listed = await queries.all(
        `INSERT INTO orphans (path)
         SELECT path FROM files
           WHERE client_id = $1 AND NOT starts_with(path, '${INLINE_PREFIX}')
         UNION SELECT path FROM partials WHERE client_id = $1
         ORDER BY path
         ON CONFLICT (path) DO UPDATE SET reserved = false RETURNING path`,
        id,
      );
      await queries.run("DELETE FROM clients WHERE id = $1", id);
      return listed.map((row) => row["path"] as BlobId | UploadId);
    }, FOLDER_MS),
  expireRegistrations: repeatable(async (queries, before: number) => {
    await queries.run(
      "DELETE FROM clients WHERE public_key IS NULL AND edition <> $1 AND first_seen < $2",
      ...[PROTOCOL_4, wholeTime(before)],
    );
  }),
};

/** Locks a name, so that no one else can register it or rename an account to it. */
async function lockName(queries: Queries, name: string): Promise<void> {
  await queries.run("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name);
}

/** Locks a name and the account that has it. */
async function lockHolder(queries: Queries, name: string): Promise<Account | undefined> {
  const [, holder] = await Promise.all([
    lockName(queries, name),
    lock(queries, "name = $1", name),
  ]);
  return holder;
}

/** An account, locked until the end of the transaction. */
async function lock(
  queries: Queries,
  condition: string,
  ...values: readonly unknown[]
): Promise<Account | undefined> {
  const row = await queries.get(`SELECT * FROM clients WHERE ${condition} FOR UPDATE`, ...values);
  return row && toAccount(row);
}

interface AccountRow {
  readonly id: Bytes;
  readonly name: string;
  readonly publicKey: Bytes | null;
  readonly now: number;
  readonly storedProfile: StoredProfile;
}

async function insert(transaction: Transaction, account: AccountRow): Promise<Account> {
  const { id, name, publicKey, now, storedProfile: { edition, quirks } } = account;
  const [row] = await transaction.all(
    `INSERT INTO clients (id, name, public_key, first_seen, last_seen, edition, habits)
     VALUES ($1, $2, $3, $4, $4, $5, $6) RETURNING *`,
    ...[id, name, publicKey, now, edition, quirks.join(" ")],
  );
  if (row === undefined) throw new Error("cannot add an account: the database returned no row");
  const protocol = edition === PROTOCOL_4 ? 4 : 3;
  await queueHooks(transaction, "registered", () => [registeredEvent(account, protocol, now)]);
  return toAccount(row);
}

function known(account: Account): LoginResult | LoginFault {
  return account.disabled ? "disabled" : { account, how: "known" };
}

/** Gives a locked account a key, which converts an account of protocol 3 to protocol 4. */
async function bind(
  queries: Queries,
  account: Account,
  key: Bytes,
  now: number,
): Promise<LoginFault | undefined> {
  if (account.disabled) return "disabled";
  const count = "SELECT count(*) AS count FROM keys WHERE client_id = $1";
  const keys = (await queries.get(count, account.id))?.["count"] as number;
  if (keys >= MAX_KEYS) return "too-many-keys";
  await queries.run(
    `UPDATE clients SET edition = $1, habits = '', public_key = NULL, last_seen = $2
     WHERE id = $3`,
    ...[PROTOCOL_4, now, account.id],
  );
  await addKey(queries, account.id, key, now);
  return undefined;
}

async function addKey(queries: Queries, id: Bytes, key: Bytes, now: number): Promise<void> {
  const query = "INSERT INTO keys (client_id, key, added_at) VALUES ($1, $2, $3)";
  await queries.run(query, id, key, now);
}

async function hasKey(queries: Queries, { id }: Account, key: Bytes): Promise<boolean> {
  const query = "SELECT 1 FROM keys WHERE client_id = $1 AND key = $2";
  return await queries.get(query, id, key) !== undefined;
}
