/**
 * How keys come to accounts of protocol 4: by a registration, a link, or a claim of an account of protocol 3.
 *
 * @module
 */
import { MAX_KEYS } from "../../bounds.ts";
import { type Bytes, equalBytes } from "../../../../protocol/bytes.ts";
import type {
  AccountWithKeys,
  ClaimAccount,
  KnownKey,
  LoginFault,
  LoginResult,
  Principal,
  RegisterKey,
  RevocationReason,
} from "../../accounts.ts";
import { type Account, mayYield, PROTOCOL_4 } from "../../accounts.ts";
import type { Database } from "../database.ts";
import { findBy, insert } from "./v3_accounts.ts";
import { read, write } from "./operation.ts";
import { dropLinks, findGoodToken, revocationReason, useToken } from "./tokens.ts";

export const V4_LOGIN_OPERATIONS = {
  registerKey: write((database, request: RegisterKey): LoginResult | LoginFault => {
    const { id, name, key, now, expiredBefore, registration } = request;
    const holder = findBy(database, "name = ?", name);
    // The answer to a registration may have been lost: asked again it is the same.
    if (holder !== undefined && hasKey(database, holder, key)) return known(holder);
    const token = request.token && findGoodToken(database, request.token, now);
    if (typeof token === "string") return token;
    if (token?.clientId !== undefined) {
      const client = findBy(database, "id = ?", token.clientId);
      if (client?.name !== name) return "token-of-another";
      const fault = bind(database, client, key, now);
      if (fault !== undefined) return fault;
      useToken(database, token);
      return { client, how: "linked" };
    }
    if (registration === "closed") return "closed";
    if (registration === "invite" && token === undefined) return "invitation-needed";
    if (holder !== undefined) {
      if (!mayYield(holder, expiredBefore, [])) return "name-taken";
      database.run("DELETE FROM clients WHERE id = ?", holder.id);
    }
    const storedProfile = { edition: PROTOCOL_4, quirks: [] };
    const client = insert(database, { id, name, publicKey: null, now, storedProfile });
    addKey(database, id, key, now);
    if (token !== undefined) useToken(database, token);
    return { client, how: "registered" };
  }),
  claimAccount: write((database, claim: ClaimAccount): LoginResult | LoginFault => {
    const { id, name, publicKey, key, now } = claim;
    const client = findBy(database, "id = ? AND name = ?", id, name);
    if (client === undefined) return "no-such-account";
    if (hasKey(database, client, key)) return known(client);
    if (client.storedProfile.edition === PROTOCOL_4) return "claimed-already";
    // It may have been replaced since the client was asked.
    if (client.publicKey === undefined || !equalBytes(client.publicKey, publicKey)) {
      return "no-such-account";
    }
    return bind(database, client, key, now) ?? { client, how: "claimed" };
  }),
  findAccount: read((database, id: Bytes): AccountWithKeys | undefined => {
    const client = findBy(database, "id = ?", id);
    return client && { ...client, keys: keysOf(database, id) };
  }),
  revocationReasons: read((
    database,
    principals: readonly Principal[],
  ): (RevocationReason | undefined)[] =>
    principals.map((principal) => revocationReason(database, principal))
  ),
  removeKey: write((database, id: Bytes, key: Bytes): boolean => {
    const had = keysOf(database, id).some((known) => equalBytes(known.key, key));
    database.run("DELETE FROM keys WHERE client_id = ? AND key = ?", id, key);
    // Whoever had the key may have made himself a way back.
    dropLinks(database, id);
    return had;
  }),
};

function known(client: Account): LoginResult | LoginFault {
  return client.disabled ? "disabled" : { client, how: "known" };
}

/** Gives an account a key. One of protocol 3 is one of protocol 4 from then on. */
function bind(
  database: Database,
  client: Account,
  key: Bytes,
  now: number,
): LoginFault | undefined {
  if (client.disabled) return "disabled";
  if (keysOf(database, client.id).length >= MAX_KEYS) return "too-many-keys";
  database.run(
    "UPDATE clients SET edition = ?, habits = '', public_key = NULL, last_seen = ? WHERE id = ?",
    ...[PROTOCOL_4, now, client.id],
  );
  addKey(database, client.id, key, now);
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
