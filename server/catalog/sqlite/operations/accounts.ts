/**
 * Accounts: registrations over both protocols, keys, and changes by an operator.
 *
 * @module
 */
import type { BlobId, UploadId } from "../../../blobs/blob_store.ts";
import type { SQLInputValue } from "node:sqlite";
import { type Bytes, equalBytes } from "../../../../protocol/bytes.ts";
import {
  type Account,
  type AccountChanges,
  type AccountReference,
  type AccountSummary,
  type AccountWithKeys,
  type ClaimAccount,
  type KeyChange,
  type KnownKey,
  type LoginFault,
  type LoginResult,
  mayYield,
  type Principal,
  PROTOCOL_4,
  type RegisterV3,
  type RegisterV4,
  type RevocationReason,
  type SetPublicKey,
  type StoredProfile,
  type UpdateResult,
} from "../../accounts.ts";
import { MAX_KEYS } from "../../bounds.ts";
import { type HookEvent, registeredEvent } from "../../hook_events.ts";
import type { HookKind } from "../../hook_queue.ts";
import type { Database } from "../database.ts";
import { toAccount, toLimitColumn, toUsage } from "../../rows.ts";
import { makeGarbage } from "./blob_references.ts";
import { queueHooks } from "./hooks.ts";
import { read, write } from "./operation.ts";
import { dropLinks, findGoodToken, revocationReason, useToken } from "./tokens.ts";

export const ACCOUNT_OPERATIONS = {
  registerV3: write((database, registration: RegisterV3): boolean => {
    const { id, name, now, storedProfile, expiredBefore, claimedIds } = registration;
    const holder = findBy(database, "name = ?", name);
    if (holder !== undefined) {
      if (!mayYield(holder, expiredBefore, claimedIds)) return false;
      database.run("DELETE FROM clients WHERE id = ?", holder.id);
    }
    insert(database, { id, name, publicKey: null, now, storedProfile });
    return true;
  }),
  setPublicKey: write((database, change: SetPublicKey): KeyChange => {
    const { id, name, publicKey, now, storedProfile, expiredBefore, reservedFor } = change;
    const account = findBy(database, "id = ? AND name = ?", id, name);
    if (account?.storedProfile.edition === PROTOCOL_4) return "unknown";
    if (account?.disabled) return "disabled";
    const expired = account?.publicKey === undefined && (account?.firstSeen ?? 0) < expiredBefore;
    if (account !== undefined && !expired) {
      const query = "UPDATE clients SET public_key = ?, last_seen = ? WHERE id = ?";
      database.run(query, publicKey, now, id);
      const before = account.publicKey;
      return before === undefined || equalBytes(before, publicKey) ? "set" : "replaced";
    }
    if (reservedFor === undefined) return "unknown";
    const holder = findBy(database, "name = ?", name);
    if (holder !== undefined && !mayYield(holder, expiredBefore, [reservedFor])) return "unknown";
    database.run("DELETE FROM clients WHERE name = ?", name);
    insert(database, { id, name, publicKey, now, storedProfile });
    return "set";
  }),
  registerV4: write((database, request: RegisterV4): LoginResult | LoginFault => {
    const { id, name, key, now, expiredBefore, registration } = request;
    const holder = findBy(database, "name = ?", name);
    // The answer to an earlier registration may have been lost, so it is answered again.
    if (holder !== undefined && hasKey(database, holder, key)) return known(holder);
    const token = request.token && findGoodToken(database, request.token, now);
    if (typeof token === "string") return token;
    if (token?.accountId !== undefined) {
      const account = findBy(database, "id = ?", token.accountId);
      if (account?.name !== name) return "token-of-another";
      const fault = bind(database, account, key, now);
      if (fault !== undefined) return fault;
      useToken(database, token);
      return { account, how: "linked" };
    }
    if (registration === "closed") return "closed";
    if (registration === "invite" && token === undefined) return "invitation-needed";
    if (holder !== undefined) {
      if (!mayYield(holder, expiredBefore, [])) return "name-taken";
      database.run("DELETE FROM clients WHERE id = ?", holder.id);
    }
    const storedProfile = { edition: PROTOCOL_4, quirks: [] };
    const account = insert(database, { id, name, publicKey: null, now, storedProfile });
    addKey(database, id, key, now);
    if (token !== undefined) useToken(database, token);
    return { account, how: "registered" };
  }),
  takeOver: write((database, claim: ClaimAccount): LoginResult | LoginFault => {
    const { id, name, publicKey, key, now } = claim;
    const account = findBy(database, "id = ? AND name = ?", id, name);
    if (account === undefined) return "no-such-account";
    if (hasKey(database, account, key)) return known(account);
    if (account.storedProfile.edition === PROTOCOL_4) return "claimed-already";
    // The key may have been replaced since the challenge.
    if (account.publicKey === undefined || !equalBytes(account.publicKey, publicKey)) {
      return "no-such-account";
    }
    return bind(database, account, key, now) ?? { account, how: "claimed" };
  }),
  find: read((database, by: AccountReference): AccountWithKeys | undefined => {
    const account = "id" in by
      ? findBy(database, "id = ?", by.id)
      : findBy(database, "name = ?", by.name);
    return account && { ...account, keys: keysOf(database, account.id) };
  }),
  list: read((database): AccountSummary[] =>
    database.all(
      `SELECT *, (SELECT count(*) FROM keys WHERE client_id = id) AS keys
       FROM clients LEFT JOIN usage ON usage.client_id = id ORDER BY name`,
    ).map((row) => ({
      ...toAccount(row),
      protocol: row["edition"] === PROTOCOL_4 ? 4 : 3,
      keys: row["keys"] as number,
      ...toUsage(row),
    }))
  ),
  touch: write((database, id: Bytes, now: number): void => {
    database.run("UPDATE clients SET last_seen = ? WHERE id = ?", now, id);
  }),
  setProfile: write((database, id: Bytes, { edition, quirks }: StoredProfile): void => {
    // A connection of protocol 3 may still be open when its account moves to protocol 4.
    const query = "UPDATE clients SET edition = ?, habits = ? WHERE id = ? AND edition <> ?";
    database.run(query, edition, quirks.join(" "), id, PROTOCOL_4);
  }),
  update: write((database, id: Bytes, changes: AccountChanges): UpdateResult => {
    const { name, disabled, quota, access } = changes;
    if (findBy(database, "id = ?", id) === undefined) return "missing";
    if (name !== undefined) {
      if (findBy(database, "name = ? AND id <> ?", name, id) !== undefined) return "name-taken";
      database.run("UPDATE clients SET name = ? WHERE id = ?", name, id);
    }
    if (disabled !== undefined) {
      database.run("UPDATE clients SET disabled = ? WHERE id = ?", disabled ? 1 : 0, id);
      if (disabled) dropLinks(database, id);
    }
    for (const limit of ["bytes", "files"] as const) {
      const value = quota?.[limit];
      if (value === undefined) continue;
      database.run(`UPDATE clients SET quota_${limit} = ? WHERE id = ?`, toLimitColumn(value), id);
    }
    if (access !== undefined) {
      database.run("UPDATE clients SET access = ? WHERE id = ?", access, id);
    }
    return "updated";
  }),
  removeKey: write((database, id: Bytes, key: Bytes): boolean => {
    const had = keysOf(database, id).some((known) => equalBytes(known.key, key));
    database.run("DELETE FROM keys WHERE client_id = ? AND key = ?", id, key);
    // A holder of the removed key may have created link tokens.
    dropLinks(database, id);
    return had;
  }),
  revocations: read((
    database,
    principals: readonly Principal[],
  ): (RevocationReason | undefined)[] =>
    principals.map((principal) => revocationReason(database, principal))
  ),
  remove: write((database, id: Bytes): (BlobId | UploadId)[] => {
    const query = `SELECT path FROM files WHERE client_id = ?
      UNION ALL SELECT path FROM partials WHERE client_id = ?`;
    const paths = database.all(query, id, id)
      .map((row) => row["path"] as BlobId | UploadId);
    database.run("DELETE FROM clients WHERE id = ?", id);
    return makeGarbage(database, paths);
  }),
  expireRegistrations: write((database, before: number): void => {
    const query =
      "DELETE FROM clients WHERE public_key IS NULL AND edition <> ? AND first_seen < ?";
    database.run(query, PROTOCOL_4, before);
  }),
};

export function findBy(
  database: Database,
  condition: string,
  ...values: SQLInputValue[]
): Account | undefined {
  return database.all(`SELECT * FROM clients WHERE ${condition}`, ...values).map(toAccount)[0];
}

interface NewAccount {
  readonly id: Bytes;
  readonly name: string;
  readonly publicKey: Bytes | null;
  readonly now: number;
  readonly storedProfile: StoredProfile;
}

export function insert(database: Database, account: NewAccount): Account {
  const { id, name, publicKey, now, storedProfile } = account;
  database.run(
    `INSERT INTO clients (id, name, public_key, first_seen, last_seen, edition, habits)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ...[id, name, publicKey, now, now, storedProfile.edition, storedProfile.quirks.join(" ")],
  );
  const isOfProtocol4 = storedProfile.edition === PROTOCOL_4;
  queueHooks(database, "registered", () => [registeredEvent(account, isOfProtocol4 ? 4 : 3, now)]);
  return findBy(database, "id = ?", id) as Account;
}

/** Queues an event of an account, if the server watches its kind. */
export function queueHooksOf(
  database: Database,
  id: Bytes,
  kind: HookKind,
  event: (owner: Account) => HookEvent,
): void {
  queueHooks(database, kind, () => {
    const owner = findBy(database, "id = ?", id);
    return owner === undefined ? [] : [event(owner)];
  });
}

function known(account: Account): LoginResult | LoginFault {
  return account.disabled ? "disabled" : { account, how: "known" };
}

/** Gives an account a key, which converts an account of protocol 3 to protocol 4. */
function bind(
  database: Database,
  account: Account,
  key: Bytes,
  now: number,
): LoginFault | undefined {
  if (account.disabled) return "disabled";
  if (keysOf(database, account.id).length >= MAX_KEYS) return "too-many-keys";
  database.run(
    "UPDATE clients SET edition = ?, habits = '', public_key = NULL, last_seen = ? WHERE id = ?",
    ...[PROTOCOL_4, now, account.id],
  );
  addKey(database, account.id, key, now);
  return undefined;
}

function addKey(database: Database, id: Bytes, key: Bytes, now: number): void {
  database.run("INSERT INTO keys (client_id, key, added_at) VALUES (?, ?, ?)", id, key, now);
}

function hasKey(database: Database, { id }: Account, key: Bytes): boolean {
  return database.all("SELECT 1 FROM keys WHERE client_id = ? AND key = ?", id, key).length > 0;
}

function keysOf(database: Database, id: Bytes): KnownKey[] {
  const query = "SELECT key, added_at FROM keys WHERE client_id = ? ORDER BY added_at, key";
  return database.all(query, id)
    .map((row) => ({ key: row["key"] as Bytes, addedAt: row["added_at"] as number }));
}
